"""Blocks of thoughts of Converse: their shape, and which of them go back with the next turn."""

from __future__ import annotations

from loki.json_text import JsonObject


def whole_block(block: JsonObject) -> JsonObject:
    """Return the thoughts of a stream as an answer in one piece has them.

    >>> whole_block({"text": "Hm.", "signature": "c2ln"})
    {'reasoningText': {'text': 'Hm.', 'signature': 'c2ln'}}
    """
    return block if "redactedContent" in block else {"reasoningText": {"text": "", **block}}


def is_carried(thoughts: JsonObject) -> bool:
    """Return whether thoughts are signed or encrypted, so that their model wants them back.

    >>> is_carried({"reasoningText": {"text": "Hm."}}), is_carried({"redactedContent": "YQ=="})
    (False, True)
    """
    match thoughts:
        case {"reasoningText": {"signature": str(proof)}} | {"redactedContent": str(proof)}:
            return bool(proof)
        case _:
            return False
