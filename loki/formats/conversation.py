"""0. Text of a conversation -> its turns; turns -> JSON lines in OpenAI's message format."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator

from returns.result import Result

from loki.formats.openai_messages import parse_or_explain, read_json, read_message, read_messages
from loki.json_text import Json, JsonObject, compact, refuse_constant, refuse_depth
from loki.messages import Media, Message, Text
from loki.problems import Problem
from loki.railway import gather

# ---- reading -----------------------------------------------------------------------------------


def read_conversation(text: str, name: str) -> Result[tuple[Message, ...], Problem]:
    r"""Parse the messages in a JSON array, or one after the other, as JSON lines have them.

    >>> lines = '{"role": "user", "content": "Hi"}\n{"role": "assistant", "content" "Hello."}\n'
    >>> read_conversation(lines, "talk.jsonl").failure().message
    "talk.jsonl:2:33: not JSON: expecting ':' delimiter"
    """
    if text.lstrip().startswith("["):
        return read_json(text, name).bind(lambda value: read_messages(value, name))
    return read_json_values(text, name).bind(
        lambda values: gather(read_message(value, f"{name}:{line}") for line, value in values)
    )


def read_json_values(text: str, name: str) -> Result[list[tuple[int, Json]], Problem]:
    r"""Parse JSON values that follow each other, each with the line (from 1) where it begins.

    A value may take several lines, as jq prints it.

    >>> read_json_values('{"a":\n 1}\n\n{"b": 2}', "m.jsonl").unwrap()
    [(1, {'a': 1}), (4, {'b': 2})]
    """
    return parse_or_explain(parse_values, text, name)


def parse_values(text: str) -> list[tuple[int, Json]]:
    """Return each value and its line; raise ValueError or RecursionError."""
    values = list(decode_values(text))
    refuse_depth([value for _, value in values])
    return values


def decode_values(text: str) -> Iterator[tuple[int, Json]]:
    """Yield each value and its line; raise ValueError or RecursionError."""
    decoder = json.JSONDecoder(parse_constant=refuse_constant)
    at, line, counted = 0, 1, 0
    while start := re.compile(r"\S").search(text, at):
        line, counted = line + text.count("\n", counted, start.start()), start.start()
        value, at = decoder.raw_decode(text, start.start())
        yield line, value


# ---- writing -----------------------------------------------------------------------------------


def write_lines(messages: Iterable[Message]) -> str:
    """Return turns as JSON lines, each with its end."""
    return "".join(compact(message_json(message)) + "\n" for message in messages)


def message_json(message: Message) -> JsonObject:
    """Return a turn in OpenAI's format, as ``read_message`` reads it.

    >>> message_json(Message("user", "Hi"))
    {'role': 'user', 'content': 'Hi'}
    """
    from loki.wire.openai.chat_request import draft_call

    carry = {"from": message.carry_from, "blocks": list(message.carry)}
    optional = {
        "tool_calls": [draft_call(call) for call in message.tool_calls],
        "tool_call_id": message.tool_call_id,
        "is_error": message.is_error,
        "carry": message.carry and (carry if message.carry_from else list(message.carry)),
    }
    return {
        "role": message.role,
        **({"name": readable(message.name)} if message.name else {}),
        "content": content_json(message),
        **{name: value for name, value in optional.items() if value},
    }


def content_json(message: Message) -> Json:
    """Return the content of a turn: a string, parts, or null beside tool calls alone."""
    if isinstance(message.content, str):
        is_null = not message.content and message.tool_calls
        return None if is_null else readable(message.content)
    return [part_json(part) for part in message.parts]


def readable(text: str) -> str:
    """Return a text as it can be read again: what is no text to ``read_message`` is replaced.

    >>> readable("a" + chr(0))
    'a\ufffd'
    """
    return text.replace("\0", "\ufffd")


def part_json(part: Text | Media) -> JsonObject:
    """Return a part; media keep their address where they have one, else their bytes.

    >>> part_json(Media("image/png", b"abc"))
    {'type': 'image_url', 'image_url': {'url': 'data:image/png;base64,YWJj'}}
    """
    from loki.wire.openai.chat_request import MEDIA, data_url

    match part:
        case Text(text):
            return {"type": "text", "text": readable(text)}
        case Media(media_type="application/pdf"):
            return MEDIA["application/pdf"](part)
        case Media(media_type=kind) if kind.startswith("audio/") and not part.url:
            data = base64.b64encode(part.data).decode()
            form = {"mpeg": "mp3"}.get(kind[6:], kind[6:])
            return {"type": "input_audio", "input_audio": {"data": data, "format": form}}
        case Media():
            return {"type": "image_url", "image_url": {"url": data_url(part)}}
