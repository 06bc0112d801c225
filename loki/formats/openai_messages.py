"""0. JSON in OpenAI's format -> the parts of an Ask: conversations and tools."""

from __future__ import annotations

import base64
import json
import re

from returns.result import Result, Success

from loki.json_text import parse_strict
from loki.problems import Problem, fail
from loki.railway import gather
from loki.records import Json, JsonObject, Media, Message, Text, Tool, ToolCall
from loki.wire.codec import as_str

ROLES = ("system", "developer", "user", "assistant", "tool")


def read_json(text: str, name: str) -> Result[Json, Problem]:
    """Parse a JSON text that a user gave; ``name`` is for messages.

    >>> read_json('{"a": }', "schema.json").failure().message
    'schema.json:1:7: not JSON: expecting value'
    """
    try:
        return Success(parse_strict(text))
    except json.JSONDecodeError as error:
        place = f"{name}:{error.lineno}:{error.colno}"
        return fail("input", f"{place}: not JSON: {error.msg.lower()}")
    except RecursionError:
        return fail("input", f"{name}: too deeply nested")
    except ValueError as error:
        return fail("input", f"{name}: not JSON: {error}")


# ---- conversations, in OpenAI's format ---------------------------------------------------------


def read_messages(value: Json, name: str) -> Result[tuple[Message, ...], Problem]:
    """Parse a whole conversation.

    >>> read_messages([{"role": "user", "content": "Hi"}], "m.json").unwrap()
    (Message(role='user', content='Hi', tool_calls=(), tool_call_id='', carry=()),)
    >>> read_messages([{"role": "usr", "content": "Hi"}], "m.json").failure().message
    "m.json: message 1: role is 'usr', not one of system, developer, user, assistant, tool"
    """
    if not isinstance(value, list) or not value:
        return fail("input", f"{name}: expected a JSON array of messages")
    return gather(
        read_message(message, f"{name}: message {i}") for i, message in enumerate(value, 1)
    )


def read_message(value: Json, place: str) -> Result[Message, Problem]:
    """Parse one message; ``place`` is for messages of problems."""
    if not isinstance(value, dict):
        return fail("input", f"{place}: expected an object with role and content")
    role = value.get("role")
    if role not in ROLES:
        return fail("input", f"{place}: role is {role!r}, not one of {', '.join(ROLES)}")
    if role == "tool" and not isinstance(value.get("tool_call_id"), str):
        return fail("input", f"{place}: a tool's answer needs the tool_call_id that it answers")
    if unread := next((name for name in UNREAD if value.get(name) is not None), ""):
        return fail("input", f"{place}: cannot read {unread}; {UNREAD[unread]}")
    listed = value.get("tool_calls") or []
    if not isinstance(listed, list):
        return fail("input", f"{place}: tool_calls is not a list")
    return Result.do(
        Message(role, content, calls, as_str(value.get("tool_call_id")), read_carry(value))
        for calls in gather(read_tool_call(call, place) for call in listed)
        for content in read_content(value.get("content"), place, optional=bool(listed))
    )


#: Keys of a message that hold some of its content, and what to do: none is dropped in silence.
UNREAD = {
    "function_call": "write it as one of tool_calls",
    "audio": "write its transcript as content",
    "refusal": "write it as content",
}


def read_carry(message: JsonObject) -> tuple[JsonObject, ...]:
    """Return what an earlier answer asked to have back."""
    carry = message.get("carry")
    return tuple(b for b in carry if isinstance(b, dict)) if isinstance(carry, list) else ()


def read_content(
    content: Json, place: str, optional: bool
) -> Result[str | tuple[Text | Media, ...], Problem]:
    """Return the content of a message: a string or parts, which count from 1."""
    match content:
        case str():
            return without_nul(content, place).map(lambda text: text)
        case list():
            return gather(
                read_part(part, f"{place}, part {number}") for number, part in enumerate(content, 1)
            )
        case None if optional:
            return Success("")
        case _:
            return fail("input", f"{place}: content is neither a text nor a list of parts")


def read_part(part: Json, place: str) -> Result[Text | Media, Problem]:
    """Parse a part: a text, an image, a file or a sound."""
    match part:
        case {"type": "text", "text": str(text)}:
            return without_nul(text, place).map(Text)
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            return read_url(url, "image/*", "", place)
        case {"type": "file", "file": {"file_data": str(url)} as file}:
            name = without_nul(as_str(file.get("filename")), f"{place}: filename")
            return name.bind(lambda known: read_url(url, "application/pdf", known, place))
        case {"type": "input_audio", "input_audio": {"data": str(data), "format": str(form)}}:
            if not re.fullmatch(r"[A-Za-z0-9.+-]+", form):
                return fail("input", f"{place}: format is {form!r}, not a word such as wav or mp3")
            return read_url(f"data:audio/{form};base64,{data}", "", "", place)
        case {"type": str(kind)}:
            return fail("input", f"{place}: cannot read a part of type {kind!r}")
        case _:
            return fail("input", f"{place}: a part without a type")


def without_nul(text: str, place: str) -> Result[str, Problem]:
    """Return the same text, or the Problem that it has a NUL character, which no prompt has.

    >>> without_nul("a" + chr(0), "m.json: message 1").failure().message
    'm.json: message 1: a NUL character (at 2), which is not text'
    """
    if "\0" not in text:
        return Success(text)
    at = text.index("\0") + 1
    return fail("input", f"{place}: a NUL character (at {at}), which is not text")


def read_url(url: str, media_type: str, name: str, place: str) -> Result[Text | Media, Problem]:
    """Return what is at an address, or the data in one (RFC 2397)."""
    inside = re.fullmatch(r"data:([\w.+-]+/[\w.+-]+)?;base64,(.*)", url, re.DOTALL | re.ASCII)
    if inside is None:
        return without_nul(url, place).map(lambda good: Media(media_type, url=good, name=name))
    try:
        data = base64.b64decode(inside[2], validate=True)
    except ValueError:  # a character outside ASCII is no binascii.Error
        return fail("input", f"{place}: a part's base64 is damaged")
    return Success(Media(inside[1] or media_type, data=data, name=name))


def read_tool_call(call: Json, place: str) -> Result[ToolCall, Problem]:
    """Parse a call that the model made earlier in the conversation."""
    match call:
        case {"id": str(id), "function": {"name": str(name), "arguments": str(words)}}:
            return read_json(words or "{}", f"{place}: arguments of {name}").map(
                lambda arguments: ToolCall(id, name, arguments)
            )
        case {"id": str(id), "function": {"name": str(name), "arguments": dict(arguments)}}:
            return Success(ToolCall(id, name, arguments))
        case _:
            return fail("input", f"{place}: a tool call needs id, function.name and arguments")


# ---- tools -----------------------------------------------------------------------------------


def read_tools(value: Json, name: str) -> Result[tuple[Tool, ...], Problem]:
    """Parse the functions on offer, in OpenAI's format."""
    if not isinstance(value, list) or not value:
        return fail("input", f"{name}: expected a JSON array of tools")
    return gather(read_tool(tool, f"{name}: tool {i}") for i, tool in enumerate(value, 1))


def read_tool(value: Json, place: str) -> Result[Tool, Problem]:
    """Parse one function.

    >>> read_tool({"type": "function", "function": {"name": "now"}}, "t").unwrap().parameters
    {'type': 'object', 'properties': {}}
    """
    nothing: JsonObject = {"type": "object", "properties": {}}
    match value:
        case {"type": "function", "function": {"name": str(name)} as function}:
            return Success(
                Tool(
                    name=name,
                    description=str(function.get("description") or ""),
                    parameters=function.get("parameters") or nothing,
                    strict=function.get("strict"),
                )
            )
        case _:
            shape = '{"type": "function", "function": {"name": …, "parameters": …}}'
            return fail("input", f"{place}: expected {shape}")
