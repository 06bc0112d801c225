"""Anthropic Messages: Target -> body, also for Vertex AI."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from itertools import groupby

from returns.result import Result, Success

from loki.json_text import Json, JsonObject
from loki.messages import Media, Message, Text, Tool
from loki.problems import Problem, fail
from loki.railway import gather
from loki.records import Target
from loki.wire.anthropic.reasoning import draft_thinking, explain_unsupported, version_of
from loki.wire.protocol import is_json_mode

VERTEX_VERSION = "vertex-2023-10-16"


def draft_chat(target: Target) -> Result[JsonObject, Problem]:
    """Return the body of a request to the Messages API."""
    return draft_body(target).map(lambda body: {"model": target.model.real_name, **body})


def draft_vertex_chat(target: Target) -> Result[JsonObject, Problem]:
    """Return the body for Vertex AI, where the URL names the model and the body the version."""
    version = version_of(target.client, VERTEX_VERSION)
    return draft_body(target).map(lambda body: {"anthropic_version": version, **body})


def draft_body(target: Target) -> Result[JsonObject, Problem]:
    """Return what both bodies have in common; what was not asked for is not sent."""
    reason = explain_unsupported(target)
    if reason:
        return fail("usage", reason)
    parts = (draft_system(target), draft_messages(target), draft_thinking(target))
    return gather(parts).map(lambda drafted: assemble_body(target, *drafted))


def assemble_body(
    target: Target, system: Json, messages: list[JsonObject], thinking: JsonObject
) -> JsonObject:
    """Return the body around its messages."""
    ask = target.ask
    schema = None if is_json_mode(ask.schema) else ask.schema  # the prompt asks for any JSON
    output = {
        **thinking.get("output_config", {}),
        **({"format": draft_schema(schema)} if schema else {}),
    }
    optional = {
        "system": system or None,
        "temperature": ask.temperature,
        "top_p": ask.top_p,
        "stop_sequences": list(ask.stop) or None,
        "tools": [draft_tool(tool) for tool in ask.tools] or None,
        "tool_choice": draft_choice(ask.tool_choice) if ask.tool_choice else None,
        "stream": ask.stream or None,
    }
    return {
        "messages": messages,
        **{name: value for name, value in optional.items() if value is not None},
        **thinking,
        **({"output_config": output} if output else {}),
    }


def draft_system(target: Target) -> Result[Json, Problem]:
    """Return every instruction of the conversation; the API wants them in one place.

    They are one text, or a block for each where one of them is to be cached.
    """
    instructions = [
        message for message in target.ask.messages if message.role in ("system", "developer")
    ]
    if any(isinstance(part, Media) for message in instructions for part in message.parts):
        return fail("usage", f"{target.client.name} takes only text in a system prompt")
    texts = [part for message in instructions for part in message.parts if part != Text("")]
    if any(part.cache_control for part in texts):
        return gather(draft_part(part, target.client.name) for part in texts).map(list)
    return Success("\n\n".join(message.text for message in instructions if message.text))


def draft_messages(target: Target) -> Result[list[JsonObject], Problem]:
    """Return the conversation; results of parallel tool calls go back in one turn."""
    turns = (
        message for message in target.ask.messages if message.role not in ("system", "developer")
    )
    name = target.client.name
    groups = groupby(turns, lambda turn: turn.role == "tool")
    return gather(
        drafted
        for from_tools, group in groups
        for drafted in (
            [draft_results(group, name)]
            if from_tools
            else [draft_turn(turn, name) for turn in group]
        )
    ).map(list)


def draft_results(messages: Iterable[Message], name: str) -> Result[JsonObject, Problem]:
    """Return the results of tools as a turn of the user's."""
    return gather(draft_result(message, name) for message in messages).map(
        lambda results: {"role": "user", "content": list(results)}
    )


def draft_result(message: Message, name: str) -> Result[JsonObject, Problem]:
    """Return the result of one tool."""
    return draft_parts(message, name).map(
        lambda blocks: {
            "type": "tool_result",
            "tool_use_id": message.tool_call_id,
            "content": simplify(blocks),
            **({"is_error": True} if message.is_error else {}),
        }
    )


def draft_turn(message: Message, name: str) -> Result[JsonObject, Problem]:
    """Return a turn of the user's or the model's; its signed thoughts come first, unchanged."""
    thoughts = [block for block in message.carry if block.get("type") in THOUGHTS]
    calls = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}
        for call in message.tool_calls
    ]
    return draft_parts(message, name).map(
        lambda blocks: {"role": message.role, "content": simplify([*thoughts, *blocks, *calls])}
    )


def draft_parts(message: Message, name: str) -> Result[list[JsonObject], Problem]:
    """Return the blocks of a content; the API takes no empty text."""
    parts = [part for part in message.parts if part != Text("")]
    if message.role == "assistant" and any(isinstance(part, Media) for part in parts):
        return fail("usage", f"{name} takes images and documents in turns of the user's only")
    return gather(draft_part(part, name) for part in parts).map(list)


def simplify(blocks: list[JsonObject]) -> Json:
    """Return a single text as a string, no blocks as an empty one, others as they are.

    >>> simplify([{"type": "text", "text": "Hi"}]), simplify([])
    ('Hi', '')
    """
    match blocks:
        case []:
            return ""
        case [{"type": "text", "text": str(text), **others}] if not others:
            return text
        case _:
            return blocks


def draft_part(part: Text | Media, name: str) -> Result[JsonObject, Problem]:
    """Return the block of a part, with what its sender wants cached."""
    cached = {"cache_control": part.cache_control} if part.cache_control else {}
    return draft_block(part, name).map(lambda block: {**block, **cached})


def draft_block(part: Text | Media, name: str) -> Result[JsonObject, Problem]:
    """Return the block of a text, an image or a PDF."""
    match part:
        case Text(text):
            return Success({"type": "text", "text": text})
        case Media(media_type="application/pdf"):
            title = {"title": part.name} if part.name else {}
            return Success({"type": "document", "source": draft_source(part), **title})
        case Media(media_type=kind) if kind in IMAGES or part.url and kind == "image/*":
            return Success({"type": "image", "source": draft_source(part)})
        case _:
            shown = f"{part.media_type} ({part.name or part.url or 'without a name'})"
            return fail("usage", f"{name} takes PNG, JPEG, GIF, WebP and PDF, not {shown}")


def draft_source(media: Media) -> JsonObject:
    """Return the source of a medium: its address or its bytes.

    >>> draft_source(Media("image/png", b"abc"))
    {'type': 'base64', 'media_type': 'image/png', 'data': 'YWJj'}
    """
    if media.url:
        return {"type": "url", "url": media.url}
    data = base64.b64encode(media.data).decode()
    return {"type": "base64", "media_type": media.media_type, "data": data}


def draft_tool(tool: Tool) -> JsonObject:
    """Return the declaration of a tool."""
    return {
        "name": tool.name,
        **({"description": tool.description} if tool.description else {}),
        "input_schema": tool.parameters,
        **({"strict": tool.strict} if tool.strict is not None else {}),
    }


def draft_choice(choice: str) -> JsonObject:
    """Return whether a tool is to be called, or which.

    >>> draft_choice("required"), draft_choice("weather")
    ({'type': 'any'}, {'type': 'tool', 'name': 'weather'})
    """
    return dict(CHOICES.get(choice) or {"type": "tool", "name": choice})


def draft_schema(schema: JsonObject) -> JsonObject:
    """Return the format of structured output."""
    return {"type": "json_schema", "schema": close_objects(schema)}


def close_objects(schema: Json) -> Json:
    """Return a schema whose objects forbid additional properties, as the API demands.

    >>> close_objects({"type": "object", "properties": {}})
    {'type': 'object', 'properties': {}, 'additionalProperties': False}
    """
    match schema:
        case {"type": "object"} if "additionalProperties" not in schema:
            return close_objects({**schema, "additionalProperties": False})
        case dict():
            data = ("enum", "const", "default", "examples")
            return {key: v if key in data else close_objects(v) for key, v in schema.items()}
        case list():
            return [close_objects(item) for item in schema]
        case _:
            return schema


THOUGHTS = ("thinking", "redacted_thinking")
IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")

CHOICES: dict[str, JsonObject] = {
    "auto": {"type": "auto"},
    "required": {"type": "any"},
    "none": {"type": "none"},
}
