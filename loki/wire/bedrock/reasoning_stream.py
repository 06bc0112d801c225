"""Bytes -> JSON texts of a stream, with its signed thoughts in one piece. For converse."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from loki.records import Json, JsonObject
from loki.wire.bedrock import event_stream


def split(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The JSON texts of a stream; after a block of thoughts the block, as it must come back."""
    pieces: dict[int, JsonObject] = {}
    for texts in event_stream.split(chunks):
        yield [each for text in texts for each in (text, *closed(pieces, text))]


def closed(pieces: dict[int, JsonObject], text: bytes) -> list[bytes]:
    """The block of thoughts that a frame closed; those of blocks still open join ``pieces``."""
    if b'"reasoningContent"' not in text and not (pieces and b"contentBlockStop" in text):
        return []  # nearly every frame
    match parsed(text):
        case {
            "contentBlockDelta": {
                "contentBlockIndex": int(row),
                "delta": {"reasoningContent": dict(piece)},
            }
        }:
            block = pieces.setdefault(row, {})
            for name, words in piece.items():
                block[name] = block.get(name, "") + str(words)
        case {"contentBlockStop": {"contentBlockIndex": int(row)}} if row in pieces:
            thoughts = whole(pieces.pop(row))
            if is_carried(thoughts):
                return [json.dumps({"reasoningContent": thoughts}).encode()]
    return []


def parsed(text: bytes) -> Json:
    """A frame's JSON; None for what is none, which whoever reads the frame will say."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def whole(block: JsonObject) -> JsonObject:
    """The thoughts of a stream as an answer in one piece has them.

    >>> whole({"text": "Hm.", "signature": "c2ln"})
    {'reasoningText': {'text': 'Hm.', 'signature': 'c2ln'}}
    """
    return block if "redactedContent" in block else {"reasoningText": {"text": "", **block}}


def is_carried(thoughts: JsonObject) -> bool:
    """Whether thoughts are signed or closed, so that their model will want them back.

    >>> is_carried({"reasoningText": {"text": "Hm."}}), is_carried({"redactedContent": "YQ=="})
    (False, True)
    """
    match thoughts:
        case {"reasoningText": {"signature": str(proof)}} | {"redactedContent": str(proof)}:
            return bool(proof)
        case _:
            return False
