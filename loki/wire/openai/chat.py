"""OpenAI Chat Completions: Target -> body; JSON -> events. Spoken by some twenty providers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any

from returns.result import Result, Success

from loki.problems import Problem, fail
from loki.railway import gather
from loki.records import Json, JsonObject, Media, Message, Target, Text, Tool, ToolCall
from loki.replies import Finish, Reasoning, Refusal, ToolPiece, WireEvent
from loki.wire.codec import (
    dig,
    draft_content,
    integer,
    not_text,
    part_drafter,
    read_text,
    said,
    schema_name,
    string,
)
from loki.wire.errors import kind_of, read_sentence, unknown_answer
from loki.wire.openai.usage import chat_usage

# ---- asking ----------------------------------------------------------------------------------


def draft_chat(target: Target) -> Result[JsonObject, Problem]:
    """The body of a chat request."""
    return gather((draft_messages(target), draft_reasoning(target))).map(
        lambda parts: draft_body(target, *parts)
    )


def draft_body(target: Target, messages: list[JsonObject], reasoning: JsonObject) -> JsonObject:
    """The body around its messages; what was not asked for is not sent."""
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
        **said(optional),
        **reasoning,
    }


def draft_messages(target: Target) -> Result[list[JsonObject], Problem]:
    """The conversation; a server without JSON Schema gets the schema in words."""
    messages = target.ask.messages
    if target.ask.schema and target.dialect.schema == "json_object":
        messages = (Message("system", schema_in_words(target.ask.schema)), *messages)
    return gather(map(draft_message, messages)).map(list)


def draft_message(message: Message) -> Result[JsonObject, Problem]:
    """One turn."""
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
    """The address of a web page's image, or the image itself (RFC 2397).

    >>> data_url(Media("image/png", b"abc"))
    'data:image/png;base64,YWJj'
    """
    return media.url or f"data:{media.media_type};base64,{base64.b64encode(media.data).decode()}"


def draft_file(media: Media) -> JsonObject:
    """A document, by its content."""
    return {
        "type": "file",
        "file": {"filename": media.name or "document.pdf", "file_data": data_url(media)},
    }


def draft_audio(media: Media) -> JsonObject:
    """A sound, wav or mp3."""
    form = "wav" if "wav" in media.media_type else "mp3"
    return {
        "type": "input_audio",
        "input_audio": {"data": base64.b64encode(media.data).decode(), "format": form},
    }


def draft_call(call: ToolCall) -> JsonObject:
    """A call the model made before, told back to it."""
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    function = {"name": call.name, "arguments": arguments}
    return {"id": call.id, "type": "function", "function": function}


def draft_tool(tool: Tool) -> JsonObject:
    """A function on offer."""
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
    """Whether, or which, tool is to be called.

    >>> draft_choice("auto"), draft_choice("weather")
    ('auto', {'type': 'function', 'function': {'name': 'weather'}})
    """
    if choice in (None, "auto", "none", "required"):
        return choice
    return {"type": "function", "function": {"name": choice}}


def draft_schema(schema: JsonObject) -> JsonObject:
    """Structured output; strict where the schema meets what strict mode demands."""
    strict = {"strict": True} if schema.get("type") == "object" and is_strict(schema) else {}
    return {
        "type": "json_schema",
        "json_schema": {"name": schema_name(schema), "schema": schema, **strict},
    }


def is_strict(schema: Json) -> bool:
    """Every object closed and all its properties required, at every depth.

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


def schema_in_words(schema: JsonObject) -> str:
    """For servers that promise JSON but know no schema."""
    return "Answer with JSON that meets this JSON Schema:\n" + json.dumps(
        schema, ensure_ascii=False
    )


# ---- reasoning, in the words of each server --------------------------------------------------


def draft_reasoning(target: Target) -> Result[JsonObject, Problem]:
    """How much the model is to think, if anything was said about it."""
    wanted = target.ask.reasoning
    if wanted is None:
        return Success({})
    drafted = REASONING[target.dialect.reasoning](wanted)
    if drafted is None:
        return fail(
            "usage",
            f"{target.client.name} takes --reasoning none, low, medium or high, not tokens",
        )
    return Success(drafted)


def by_effort(wanted: str | int) -> JsonObject | None:
    """OpenAI's own word, which most servers took over."""
    return None if isinstance(wanted, int) else {"reasoning_effort": wanted}


def by_object(wanted: str | int) -> JsonObject | None:
    """OpenRouter: an effort or a budget."""
    key = "max_tokens" if isinstance(wanted, int) else "effort"
    return {"reasoning": {key: wanted}}


def by_switch(wanted: str | int) -> JsonObject | None:
    """DeepSeek, Zhipu, Moonshot: thinking is on or off."""
    if isinstance(wanted, int):
        return None
    return {"thinking": {"type": "disabled" if wanted == "none" else "enabled"}}


def by_budget(wanted: str | int) -> JsonObject | None:
    """Alibaba: on or off, and a budget in tokens."""
    if wanted == "none":
        return {"enable_thinking": False}
    budget = {"low": 1024, "medium": 8192, "high": 24576}.get(str(wanted), wanted)
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
    "image": lambda media: {"type": "image_url", "image_url": {"url": data_url(media)}},
    "application/pdf": draft_file,
    "audio": draft_audio,
}

draft_part = part_drafter("text", MEDIA, "chat completions take")

# ---- hearing ---------------------------------------------------------------------------------


def read_chat(body: Json) -> tuple[WireEvent, ...]:
    """A whole answer."""
    match body:
        case {"choices": [{"message": dict(message)} as choice, *_]}:
            words = read_words(message, "choices[0].message")
            return (*words, *read_finish(choice), *read_usage(body))
        case _:
            return read_error_event(body)


def read_chat_event(chunk: Json) -> tuple[WireEvent, ...]:
    """One chunk of a stream; of several choices only the first is told."""
    match chunk:
        case {"choices": [{"delta": {"content": str(text)} as delta} as choice]} if (
            text
            and len(delta) == 1
            and not (choice.get("finish_reason") or choice.get("index") or choice.get("usage"))
            and not (chunk.get("usage") or chunk.get("error") or chunk.get("x_groq"))
        ):
            return (Text(text),)  # nearly every chunk, at half the time
        case {"error": error} if error:
            return (*read_usage(chunk), *read_error_event(chunk))
        case {"choices": [{"index": int(index)}, *_]} if index > 0:
            return ()
        case {"choices": [choice, *_]}:
            return read_choice(choice, chunk)
        case {"choices": list()} | {"usage": dict()} | {"x_groq": dict()}:
            return read_usage(chunk)
        case dict() if "choices" in chunk or "object" in chunk:
            return ()
        case _:
            return read_error_event(chunk)


def read_choice(choice: Json, chunk: JsonObject) -> tuple[WireEvent, ...]:
    """Return what the first choice of a chunk tells; its delta may be null or missing."""
    match choice:
        case {"delta": dict(delta)}:
            words = read_words(delta, "choices[0].delta")
            return (*words, *read_finish(choice), *read_usage(chunk))
        case {"delta": odd} if odd is not None:
            return (*read_usage(chunk), not_text(odd, "choices[0].delta"))
        case dict():
            return (*read_finish(choice), *read_usage(chunk))
        case _:
            return (not_text(choice, "choices[0]"),)


def read_words(words: JsonObject, place: str) -> Iterable[WireEvent]:
    """Return thoughts, text and tool calls of the message, or the piece of one, at ``place``."""
    match words.get("reasoning_content") or words.get("reasoning"):
        case str(thought) if thought:
            yield Reasoning(thought)
    match words.get("content"):
        case list(parts):
            for row, part in enumerate(parts):
                yield from read_part(part, f"{place}.content[{row}]")
        case text:
            yield from read_text(text, f"{place}.content")
    match words.get("refusal"):
        case str(text) if text:
            yield Refusal(text)
    match words.get("tool_calls"):
        case list(calls):
            yield from (piece for call in calls for piece in read_call(call))


def read_part(part: Json, place: str) -> tuple[WireEvent, ...]:
    """Return what a part of a content tells, as Mistral tells thoughts."""
    match part:
        case {"type": "thinking", "thinking": list(thoughts)}:
            return tuple(Reasoning(t["text"]) for t in thoughts if isinstance(dig(t, "text"), str))
        case {"type": "thinking", "thinking": str(thought)}:
            return (Reasoning(thought),)
        case {"text": text}:
            return read_text(text, f"{place}.text")
        case dict():
            return ()
        case _:
            return (not_text(part, place),)


def read_call(call: Json) -> tuple[ToolPiece, ...]:
    """A tool call or a fragment; some servers leave out index or id, or give arguments as JSON."""
    match call:
        case {"function": dict(function)}:
            told = function.get("arguments")
            words = told if isinstance(told, str) else json.dumps(told) if told else ""
            return (
                ToolPiece(
                    row=integer(call.get("index")),
                    id=string(call.get("id")),
                    name=string(function.get("name")),
                    arguments=words,
                ),
            )
        case _:
            return ()


def read_finish(choice: JsonObject) -> tuple[WireEvent, ...]:
    """Why it ended, once it has."""
    match choice:
        case {"finish_reason": "error", "error": dict()}:
            return read_error_event(choice)
        case {"finish_reason": str(reason)} if reason:
            return (Finish(reason),)
        case _:
            return ()


def read_usage(body: JsonObject) -> tuple[WireEvent, ...]:
    """Token counts, at whichever of the three places a server puts them."""
    match body:
        case {"usage": dict(usage)} if usage:
            return (chat_usage(usage, body),)
        case {"x_groq": {"usage": dict(usage)}}:
            return (chat_usage(usage, body),)
        case {"choices": [{"usage": dict(usage)}, *_]}:
            return (chat_usage(usage, body),)
        case _:
            return ()


def read_error_event(body: Json) -> tuple[Problem]:
    """An answer of status 200 that is an error, or nothing we know."""
    code, sentence = read_sentence(body)
    if not sentence:
        return (unknown_answer(body, "a chat completion"),)
    error: Any = body.get("error") if isinstance(body, dict) else None
    status = integer(dig(error, "status_code")) or integer(dig(error, "code"))
    kind = kind_of(status, code) if status or code else "garbled"
    return (Problem(kind, sentence, status=status, code=code, sent=True),)
