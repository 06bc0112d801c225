"""What a row asks -> its key: the same question has the same key, by which a run goes on."""

from __future__ import annotations

import json
from hashlib import blake2b

from loki.json_text import Json
from loki.messages import Media, Message, Text
from loki.records import Ask, Patch


def ask_key(ask: Ask, patch: Patch | None = None) -> str:
    """Return a hash of what would be asked: the model, the conversation, and how.

    >>> ask_key(Ask((Message("user", "Hi"),), model="a:b"))
    '5855471fc5a77d719a786ac4'
    """
    parts: list[Json] = [
        ask.model,
        [turn_json(message) for message in ask.messages],
        list(ask.texts),
    ]
    parts += [getattr(ask, name) for name in KEYED]
    parts += [[[tool.name, tool.description, tool.parameters] for tool in ask.tools]]
    parts += [patch.body if patch else None]
    return blake2b(SORTED.encode(parts).encode(), digest_size=12).hexdigest()


SORTED = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), sort_keys=True)
KEYED = (
    *("temperature", "top_p", "max_tokens", "stop", "seed", "reasoning", "schema"),
    *("tool_choice", "purpose", "dimensions"),
)


def turn_json(message: Message) -> Json:
    """Return what of a turn makes a difference to the answer; data by its hash."""
    return [
        message.role,
        [part.text if isinstance(part, Text) else media_json(part) for part in message.parts],
        [[call.name, call.arguments] for call in message.tool_calls],
        message.tool_call_id,
    ]


def media_json(media: Media) -> Json:
    """Return what of an attachment makes a difference to the answer."""
    return [media.media_type, media.url, blake2b(media.data, digest_size=8).hexdigest()]
