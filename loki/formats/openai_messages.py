"""0. JSON in OpenAI's format -> the parts of an Ask: conversations and tools."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from returns.result import Result, Success

from loki.json_text import Json, JsonObject, parse_strict
from loki.messages import CachedText, Media, Message, Text, Tool, ToolCall
from loki.problems import Problem, fail
from loki.railway import gather
from loki.record import replace
from loki.wire.protocol import as_str

A = TypeVar("A")

ROLES = ("system", "developer", "user", "assistant", "tool")


def read_json(text: str, name: str) -> Result[Json, Problem]:
    """Parse a JSON text that a user gave; ``name`` is for messages.

    >>> read_json('{"a": }', "schema.json").failure().message
    'schema.json:1:7: not JSON: expecting value'
    """
    return parse_or_explain(parse_strict, text, name)


def parse_or_explain(parse: Callable[[str], A], text: str, name: str) -> Result[A, Problem]:
    """Return what ``parse`` makes of a text, or the place of what is wrong with it."""
    try:
        return Success(parse(text))
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

    >>> [each.text for each in read_messages([{"role": "user", "content": "Hi"}], "m").unwrap()]
    ['Hi']
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
    if not isinstance(value.get("name") or "", str):
        return fail("input", f"{place}: name is {value['name']!r}, not a text")
    listed = value.get("tool_calls") or []
    if not isinstance(listed, list):
        return fail("input", f"{place}: tool_calls is not a list")
    return Result.do(
        Message(
            role,
            content,
            calls,
            as_str(value.get("tool_call_id")),
            *read_carry(value),
            is_error=value.get("is_error") is True,
            name=name,
        )
        for name in without_nul(as_str(value.get("name")), f"{place}: name")
        for calls in gather(read_tool_call(call, place) for call in listed)
        for content in read_content(value.get("content"), place, optional=bool(listed))
    )


#: Keys of a message that hold some of its content, and what to do: none is dropped in silence.
UNREAD = {
    "function_call": "write it as one of tool_calls",
    "audio": "write its transcript as content",
    "refusal": "write it as content",
}


def read_carry(message: JsonObject) -> tuple[tuple[JsonObject, ...], str]:
    """Return what an earlier answer asked to have back, and whose answer it was, if that is said.

    >>> read_carry({"carry": {"from": "claude/claude", "blocks": [{"type": "thinking"}]}})
    (({'type': 'thinking'},), 'claude/claude')
    """
    match message.get("carry"):
        case {"from": str(maker), "blocks": list(blocks)}:
            return tuple(block for block in blocks if isinstance(block, dict)), maker
        case list(blocks):
            return tuple(block for block in blocks if isinstance(block, dict)), ""
        case _:
            return (), ""


def read_content(
    content: Json, place: str, optional: bool
) -> Result[str | tuple[Text | Media, ...], Problem]:
    """Return the content of a message: a string or parts, which count from 1."""
    match content:
        case str():
            return without_nul(content, place).map(lambda text: text)
        case list():
            return gather(
                read_part(part, f"{place}, part {number}").map(partial(with_cache_control, part))
                for number, part in enumerate(content, 1)
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
        case {"type": "image_url", "image_url": {"url": str(url)} as image}:
            detail = as_str(image.get("detail"))
            return read_url(url, "image/*", "", place).map(
                lambda media: replace(media, detail=detail) if isinstance(media, Media) else media
            )
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


def with_cache_control(part: Json, read: Text | Media) -> Text | Media:
    """Return a part with what its sender wants cached, for the providers that know it."""
    match part:
        case {"cache_control": dict(control)} if isinstance(read, Text):
            return CachedText(read.text, control)
        case {"cache_control": dict(control)} if isinstance(read, Media):
            return replace(read, cache_control=control)
        case _:
            return read


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
            return read_arguments(words, f"{place}: arguments of {name}").map(
                lambda arguments: ToolCall(id, name, arguments)
            )
        case (
            {"id": str(id), "function": {"name": str(name), "arguments": dict(arguments)}}
            | {"id": str(id), "name": str(name), "arguments": dict(arguments)}  # as -o json has it
        ):
            return Success(ToolCall(id, name, arguments))
        case _:
            return fail("input", f"{place}: a tool call needs id, function.name and arguments")


def read_arguments(text: str, place: str) -> Result[JsonObject, Problem]:
    """Parse the arguments of a call, which are an object; none are an empty one.

    >>> read_arguments("[1]", "m.json: message 1: arguments of f").failure().message
    'm.json: message 1: arguments of f: expected a JSON object'
    """
    return read_json(text or "{}", place).bind(
        lambda value: (
            Success(value)
            if isinstance(value, dict)
            else fail("input", f"{place}: expected a JSON object")
        )
    )


# ---- tools -----------------------------------------------------------------------------------


def read_tools(value: Json, name: str) -> Result[tuple[Tool, ...], Problem]:
    """Parse the functions on offer, in OpenAI's format."""
    if not isinstance(value, list) or not value:
        return fail("input", f"{name}: expected a JSON array of tools")
    return gather(read_tool(tool, f"{name}: tool {i}") for i, tool in enumerate(value, 1))


def split_tools(
    value: Json, name: str
) -> Result[tuple[tuple[Tool, ...], tuple[JsonObject, ...]], Problem]:
    """Parse a list of tools: functions, and those that the provider runs itself, as they are.

    >>> split_tools([{"type": "web_search"}], "t.json").unwrap()
    ((), ({'type': 'web_search'},))
    """
    listed = value if isinstance(value, list) else []
    own = tuple(tool for tool in listed if is_server_tool(tool))
    if own and len(own) == len(listed):
        return Success(((), own))
    functions = [tool for tool in listed if not is_server_tool(tool)] if own else value
    return read_tools(functions, name).map(lambda tools: (tools, own))


def is_server_tool(tool: Json) -> bool:
    """Return whether a tool is the provider's own: of another type, or an object under its name.

    >>> is_server_tool({"type": "web_search"}), is_server_tool({"googleSearch": {}})
    (True, True)
    >>> is_server_tool({"type": "function"}), is_server_tool({"function": {}})
    (False, False)
    """
    match tool:
        case {"type": str(kind)}:
            return kind != "function"
        case dict():
            return (
                len(tool) == 1
                and "function" not in tool
                and all(isinstance(options, dict) for options in tool.values())
            )
        case _:
            return False


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
