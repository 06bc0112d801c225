"""OpenAI Chat Completions: Target -> body. Spoken by some twenty providers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

from returns.result import Result, Success

from loki.problems import Problem, fail
from loki.railway import gather
from loki.records import (
    Json,
    JsonObject,
    Media,
    Message,
    Target,
    Tool,
    ToolCall,
)
from loki.wire.codec import (
    draft_content,
    part_drafter,
    schema_name,
    without_none,
)


def draft_chat(target: Target) -> Result[JsonObject, Problem]:
    """Return the body of a chat request."""
    return gather((draft_messages(target), draft_reasoning(target))).map(
        lambda parts: draft_body(target, *parts)
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
        "response_format": SCHEMAS[dialect.schema](ask.schema) if ask.schema else None,
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
    if target.ask.schema and target.dialect.schema == "json_object":
        messages = (Message("system", schema_prompt(target.ask.schema)), *messages)
    return gather(map(draft_message, messages)).map(list)


def draft_message(message: Message) -> Result[JsonObject, Problem]:
    """Return one turn."""
    return draft_content(message.parts, draft_part).map(
        lambda content: {
            "role": message.role,
            "content": content if content or not message.tool_calls else None,
            **(
                {"tool_calls": list(map(draft_call, message.tool_calls))}
                if message.tool_calls
                else {}
            ),
            **({"tool_call_id": message.tool_call_id} if message.tool_call_id else {}),
        }
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


def schema_prompt(schema: JsonObject) -> str:
    """Return a prompt with the schema, for servers that promise JSON but know no schema."""
    return "Answer with JSON that meets this JSON Schema:\n" + json.dumps(
        schema, ensure_ascii=False
    )


# ---- reasoning, in the words of each server --------------------------------------------------


def draft_reasoning(target: Target) -> Result[JsonObject, Problem]:
    """Return how much the model is to think, empty where the ask does not say."""
    effort = target.ask.reasoning
    if effort is None:
        return Success({})
    drafted = REASONING[target.dialect.reasoning](effort)
    if drafted is None:
        return fail(
            "usage",
            f"{target.client.name} takes --reasoning none, low, medium or high, not tokens",
        )
    return Success(drafted)


def by_effort(effort: str | int) -> JsonObject | None:
    """Return OpenAI's own field, which most servers took over; None for a number of tokens."""
    return None if isinstance(effort, int) else {"reasoning_effort": effort}


def by_object(effort: str | int) -> JsonObject | None:
    """Return OpenRouter's object: an effort or a budget."""
    key = "max_tokens" if isinstance(effort, int) else "effort"
    return {"reasoning": {key: effort}}


def by_switch(effort: str | int) -> JsonObject | None:
    """Return the switch of DeepSeek, Zhipu and Moonshot; None for a number of tokens."""
    if isinstance(effort, int):
        return None
    return {"thinking": {"type": "disabled" if effort == "none" else "enabled"}}


def by_budget(effort: str | int) -> JsonObject | None:
    """Return Alibaba's switch and its budget in tokens."""
    if effort == "none":
        return {"enable_thinking": False}
    budget = {"low": 1024, "medium": 8192, "high": 24576}.get(str(effort), effort)
    return {"enable_thinking": True, "thinking_budget": budget}


REASONING: dict[str, Callable[[str | int], JsonObject | None]] = {
    "effort": by_effort,
    "object": by_object,
    "switch": by_switch,
    "budget": by_budget,
}

SCHEMAS: dict[str, Callable[[JsonObject], JsonObject]] = {
    "json_schema": draft_schema,
    "json_object": lambda schema: {"type": "json_object"},
}

MEDIA: dict[str, Callable[[Media], JsonObject]] = {
    "image": lambda media: {"type": "image_url", "image_url": draft_image(media)},
    "application/pdf": draft_file,
    "audio": draft_audio,
}

draft_part = part_drafter("text", MEDIA, "chat completions take")
