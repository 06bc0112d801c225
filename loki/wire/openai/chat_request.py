"""OpenAI Chat Completions: Target -> body. Spoken by some twenty providers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from returns.result import Result

from loki.json_text import Json, JsonObject
from loki.messages import Media, Message, Text, Tool, ToolCall
from loki.problems import Problem
from loki.railway import gather
from loki.record import replace
from loki.records import Dialect, Target
from loki.wire.protocol import (
    DraftPart,
    draft_content,
    is_json_mode,
    part_drafter,
    schema_name,
    without_none,
)


def draft_chat(target: Target) -> Result[JsonObject, Problem]:
    """Return the body of a chat request."""
    return draft_messages(target).map(
        lambda messages: draft_body(target, messages, draft_reasoning(target))
    )


def draft_body(target: Target, messages: list[JsonObject], reasoning: JsonObject) -> JsonObject:
    """Return the body around its messages; what was not asked for is not sent."""
    ask, dialect = target.ask, target.dialect
    optional = {
        "temperature": ask.temperature,
        "top_p": ask.top_p,
        dialect.max_tokens: ask.max_tokens,
        "stop": list(ask.stop) or None,
        dialect.seed: ask.seed,
        "tools": [draft_tool(tool) for tool in ask.tools] or None,
        "tool_choice": draft_choice(ask.tool_choice),
        "response_format": None if ask.schema is None else SCHEMAS[schema_form(target)](ask.schema),
        "stream": ask.stream or None,
        "stream_options": {"include_usage": True} if ask.stream and dialect.stream_usage else None,
    }
    return {
        "model": target.model.real_name,
        "messages": messages,
        **without_none(optional),
        **reasoning,
    }


def draft_messages(target: Target) -> Result[list[JsonObject], Problem]:
    """Return the conversation; a server without JSON Schema gets the schema in a prompt."""
    messages = target.ask.messages
    if target.ask.schema is not None and needs_schema_prompt(target):
        messages = (Message("system", schema_prompt(target.ask.schema)), *messages)
    return gather(
        draft_message(target.dialect, message) for message in with_texts_of_tools(messages)
    ).map(list)


def with_texts_of_tools(messages: Iterable[Message]) -> Iterator[Message]:
    """Yield the conversation; what tools answer beside text follows them in a turn of the user's.

    The protocol takes only text of a tool, and nothing between the answers to one turn's calls.
    """
    for are_tools, group in groupby(messages, lambda message: message.role == "tool"):
        turns = list(group)
        media = [part for turn in turns for part in turn.parts if isinstance(part, Media)]
        if not are_tools or not media:
            yield from turns
            continue
        yield from (replace(turn, content=turn.text) for turn in turns)
        yield Message("user", (Text(FROM_TOOLS), *media))


def draft_message(dialect: Dialect, message: Message) -> Result[JsonObject, Problem]:
    """Return one turn."""
    role = dialect.developer if message.role == "developer" else message.role
    return draft_parts(dialect, message.parts).map(
        lambda content: {
            "role": role,
            **({"name": message.name} if message.name and dialect.names else {}),
            "content": content if content or not message.tool_calls else None,
            **(
                {"tool_calls": list(map(draft_call, message.tool_calls))}
                if message.tool_calls
                else {}
            ),
            **({"tool_call_id": message.tool_call_id} if message.tool_call_id else {}),
            **thoughts_of(message),
        }
    )


def thoughts_of(message: Message) -> JsonObject:
    """Return the thoughts of an assistant's turn, for servers that want them back.

    >>> thoughts_of(Message("assistant", carry=({"reasoning_content": "Hm."}, {"tool_plan": "x"})))
    {'reasoning_content': 'Hm.'}
    """
    names = ("reasoning_content",)
    return {name: block[name] for block in message.carry for name in names if name in block}


def draft_parts(dialect: Dialect, parts: tuple[Text | Media, ...]) -> Result[Json, Problem]:
    """Return the content of a turn, with what is to be cached where the server takes it."""
    draft_part = DRAFT_PARTS[dialect.media]
    if not dialect.cache_control or not any(part.cache_control for part in parts):
        return draft_content(parts, draft_part)
    return gather(map(draft_part, parts)).map(
        lambda drafted: [
            {**block, **({"cache_control": part.cache_control} if part.cache_control else {})}
            for part, block in zip(parts, drafted, strict=True)
        ]
    )


def data_url(media: Media) -> str:
    """Return the address of an image, or a data URL with the image itself (RFC 2397).

    >>> data_url(Media("image/png", b"abc"))
    'data:image/png;base64,YWJj'
    """
    return media.url or f"data:{media.media_type};base64,{base64.b64encode(media.data).decode()}"


def draft_image(media: Media) -> JsonObject:
    """Return an image, or its address; the level of detail is sent if it was given."""
    return {"url": data_url(media), **({"detail": media.detail} if media.detail else {})}


def draft_file(media: Media) -> JsonObject:
    """Return a document by its content."""
    return {
        "type": "file",
        "file": {"filename": media.name or "document.pdf", "file_data": data_url(media)},
    }


def draft_audio(media: Media) -> JsonObject:
    """Return a sound, wav or mp3."""
    form = "wav" if "wav" in media.media_type else "mp3"
    return {
        "type": "input_audio",
        "input_audio": {"data": base64.b64encode(media.data).decode(), "format": form},
    }


def draft_document(media: Media) -> JsonObject:
    """Return a document as Mistral takes it: its address, or all of it in one."""
    name = {"document_name": media.name} if media.name else {}
    return {"type": "document_url", "document_url": data_url(media), **name}


def draft_mistral_audio(media: Media) -> JsonObject:
    """Return a sound as Mistral takes it: its address, or its bytes.

    >>> draft_mistral_audio(Media("audio/wav", b"abc"))
    {'type': 'input_audio', 'input_audio': 'YWJj'}
    """
    data = media.url or base64.b64encode(media.data).decode()
    return {"type": "input_audio", "input_audio": data}


def draft_call(call: ToolCall) -> JsonObject:
    """Return a call that the model made before, for the conversation."""
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    function = {"name": call.name, "arguments": arguments}
    return {"id": call.id, "type": "function", "function": function}


def draft_tool(tool: Tool) -> JsonObject:
    """Return the declaration of a tool."""
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            **({"description": tool.description} if tool.description else {}),
            "parameters": tool.parameters,
            **({"strict": tool.strict} if tool.strict is not None else {}),
        },
    }


def draft_choice(choice: str | None) -> Json:
    """Return whether a tool is to be called, or which.

    >>> draft_choice("auto"), draft_choice("weather")
    ('auto', {'type': 'function', 'function': {'name': 'weather'}})
    """
    if choice in (None, "auto", "none", "required"):
        return choice
    return {"type": "function", "function": {"name": choice}}


def draft_schema(schema: JsonObject) -> JsonObject:
    """Return the format of structured output; strict where the schema allows it."""
    strict = {"strict": True} if schema.get("type") == "object" and is_strict(schema) else {}
    return {
        "type": "json_schema",
        "json_schema": {"name": schema_name(schema), "schema": schema, **strict},
    }


def is_strict(schema: Json) -> bool:
    """Return whether every object is closed and requires all its properties, at every depth.

    >>> is_strict({"type": "object", "properties": {"a": {}}, "required": ["a"]})
    False
    """
    match schema:
        case {"type": "object", "properties": dict(known), "required": list(names)}:
            closed = schema.get("additionalProperties") is False
            whole = sorted(known) == sorted({*map(str, names)})
            return closed and whole and all(map(is_strict, schema.values()))
        case {"type": "object"}:
            return schema.get("additionalProperties") is False and not schema.get("properties")
        case dict():
            return all(map(is_strict, schema.values()))
        case list():
            return all(map(is_strict, schema))
        case _:
            return True


def schema_form(target: Target) -> str:
    """Return the form of structured output: any JSON where no more is asked, or known there."""
    return "json_object" if is_json_mode(target.ask.schema) else target.dialect.schema


def needs_schema_prompt(target: Target) -> bool:
    """Return whether the schema goes into the prompt; any JSON needs none."""
    return target.dialect.schema == "json_object" and not is_json_mode(target.ask.schema)


def schema_prompt(schema: JsonObject) -> str:
    """Return a prompt with the schema, for servers that promise JSON but know no schema."""
    return "Answer with JSON that meets this JSON Schema:\n" + json.dumps(
        schema, ensure_ascii=False
    )


# ---- reasoning, in the words of each server --------------------------------------------------


def draft_reasoning(target: Target) -> JsonObject:
    """Return how much the model is to think, empty where the ask does not say."""
    wanted, known = target.ask.reasoning, target.model.abilities.reasoning
    if wanted is None:
        return {}
    from loki.wire.openai.reasoning import REASONING

    return REASONING[target.reasoning_by](known, wanted)


SCHEMAS: dict[str, Callable[[JsonObject], JsonObject]] = {
    "json_schema": draft_schema,
    "json_object": lambda schema: {"type": "json_object"},
}

MEDIA: dict[str, Callable[[Media], JsonObject]] = {
    "image": lambda media: {"type": "image_url", "image_url": draft_image(media)},
    "application/pdf": draft_file,
    "audio": draft_audio,
}

#: How Mistral's API takes files.  Source: the package mistralai 3.7, its content chunks.
MISTRAL_MEDIA: dict[str, Callable[[Media], JsonObject]] = {
    "image": MEDIA["image"],
    "application/pdf": draft_document,
    "audio": draft_mistral_audio,
}

#: Drafts of the parts of a message, by dialect.
DRAFT_PARTS: dict[str, DraftPart] = {
    "openai": part_drafter("text", MEDIA, "chat completions take"),
    "mistral": part_drafter("text", MISTRAL_MEDIA, "Mistral takes"),
}

#: What stands before the files that tools answered with.
FROM_TOOLS = "Attached by the tools:"
