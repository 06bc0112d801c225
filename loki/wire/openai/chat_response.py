"""OpenAI Chat Completions: JSON -> events, of a whole answer and of a stream."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from loki.json_text import Json, JsonObject
from loki.messages import Text
from loki.problems import Problem
from loki.replies import (
    Finish,
    FinishReason,
    OtherChoice,
    Reasoning,
    Refusal,
    ServerItem,
    ToolPiece,
    WireEvent,
)
from loki.wire.errors import kind_of, read_code_and_message, unknown_answer
from loki.wire.openai.sources import read_annotations, read_executed_tools, read_search_results
from loki.wire.openai.usage import chat_usage
from loki.wire.protocol import (
    as_count,
    as_str,
    explain_not_text,
    get_in,
    text_events,
)


def read_chat(body: Json) -> tuple[WireEvent, ...]:
    """Return the events of a whole answer."""
    match body:
        case {"choices": [{"message": dict(message)} as choice, *_]}:
            words = read_content(message, "choices[0].message")
            rest = (*read_message(message), *read_search_results(body))
            others = read_other_choices(body["choices"])
            return (*words, *rest, *others, *read_finish(choice), *read_usage(body))
        case dict():
            return (*read_usage(body), *read_error_event(body))
        case _:
            return read_error_event(body)


def read_chat_event(chunk: Json) -> tuple[WireEvent, ...]:
    """Return the events of one chunk of a stream; only the first choice counts."""
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
            return (OtherChoice(index), *read_usage(chunk))  # of all choices
        case {"choices": [choice]}:
            return read_choice(choice, chunk)
        case {"choices": [choice, *_] as choices}:
            return (*read_other_choices(choices), *read_choice(choice, chunk))
        case {"choices": list()} | {"usage": dict()} | {"x_groq": dict()}:
            return read_usage(chunk)
        case dict() if "choices" in chunk or "object" in chunk:
            return ()
        case _:
            return read_error_event(chunk)


def read_other_choices(choices: list[Json]) -> tuple[WireEvent, ...]:
    """Return that there are choices beside the first one, which a user's ``n`` asks for."""
    return (OtherChoice(len(choices) - 1),) if len(choices) > 1 else ()


def read_choice(choice: Json, chunk: JsonObject) -> tuple[WireEvent, ...]:
    """Return what the first choice of a chunk tells; its delta may be null or missing."""
    match choice:
        case {"delta": dict(delta)}:
            words = (*read_thoughts(delta), *read_text_parts(delta, "choices[0].delta"))
            rest = (*read_message(delta), *read_search_results(chunk))
            return (*words, *rest, *read_finish(choice), *read_usage(chunk))
        case {"delta": odd} if odd is not None:
            return (*read_usage(chunk), explain_not_text(odd, "choices[0].delta"))
        case dict():
            return (*read_finish(choice), *read_usage(chunk))
        case _:
            return (explain_not_text(choice, "choices[0]"),)


def read_content(message: JsonObject, place: str) -> Iterable[WireEvent]:
    """Yield thoughts and text of a whole message; Cloudflare writes JSON that it was asked for."""
    yield from read_thoughts(message)
    match message.get("content"):
        case dict(value) if value:
            yield Text(json.dumps(value, ensure_ascii=False))
        case _:
            yield from read_text_parts(message, place)


def read_thoughts(message: JsonObject) -> Iterable[WireEvent]:
    """Yield the thoughts of a message, or the piece of one."""
    match message.get("reasoning_content") or message.get("reasoning"):
        case str(thought) if thought:
            yield Reasoning(thought)


def read_text_parts(message: JsonObject, place: str) -> Iterable[WireEvent]:
    """Yield the text of a message, or the piece of one, at ``place``; of a sound its words."""
    match message.get("content"):
        case list(parts):
            for row, part in enumerate(parts):
                yield from read_part(part, f"{place}.content[{row}]")
        case text:
            yield from text_events(text, f"{place}.content")
    match message.get("audio"):
        case {"transcript": str(words)} if words:
            yield Text(words)


def read_message(message: JsonObject) -> Iterable[WireEvent]:
    """Yield what a message, or the piece of one, has beside its words: refusal, calls, images."""
    match message.get("refusal"):
        case str(text) if text:
            yield Refusal(text)
    match message.get("tool_calls"):
        case list(calls):
            yield from (piece for call in calls for piece in read_call(call))
    match message.get("function_call"):  # as before there were tools
        case dict(function):
            yield from read_call({"index": 0, "function": function})
    match message.get("images"):  # OpenRouter
        case list(images):
            yield from (ServerItem(image) for image in images if isinstance(image, dict))
    yield from read_annotations(message.get("annotations"))
    yield from read_executed_tools(message.get("executed_tools"))


def read_part(part: Json, place: str) -> tuple[WireEvent, ...]:
    """Return what a part of a content tells, as Mistral tells thoughts."""
    match part:
        case {"type": "thinking", "thinking": list(thoughts)}:
            return tuple(
                Reasoning(t["text"]) for t in thoughts if isinstance(get_in(t, "text"), str)
            )
        case {"type": "thinking", "thinking": str(thought)}:
            return (Reasoning(thought),)
        case {"text": text}:
            return text_events(text, f"{place}.text")
        case dict():
            return ()
        case _:
            return (explain_not_text(part, place),)


def read_call(call: Json) -> tuple[ToolPiece, ...]:
    """Return a tool call or a piece; some servers omit index or id, or give arguments as JSON."""
    match call:
        case {"custom": dict(custom)}:
            return (
                ToolPiece(
                    call_index=as_count(call.get("index")),
                    id=as_str(call.get("id")),
                    name=as_str(custom.get("name")),
                    arguments=as_str(custom.get("input")),
                    is_custom=True,
                ),
            )
        case {"function": dict(function)}:
            given = function.get("arguments")
            arguments = given if isinstance(given, str) else json.dumps(given) if given else ""
            return (
                ToolPiece(
                    call_index=as_count(call.get("index")),
                    id=as_str(call.get("id")),
                    name=as_str(function.get("name")),
                    arguments=arguments,
                ),
            )
        case _:
            return ()


def read_finish(choice: JsonObject) -> tuple[WireEvent, ...]:
    """Return why the answer ended, nothing before its end.

    Where the provider behind a router says that the length was too short, that counts.
    """
    match choice:
        case {"finish_reason": "error", "error": dict()}:
            return read_error_event(choice)
        case {"finish_reason": str(reason), "native_finish_reason": str(native)} if (
            reason and FINISH_REASONS.get(native) == "length"
        ):
            return (Finish(native if FINISH_REASONS.get(reason) != "length" else reason),)
        case {"finish_reason": str(reason)} if reason:
            return (Finish(reason),)
        case _:
            return ()


def read_usage(body: JsonObject) -> tuple[WireEvent, ...]:
    """Return token counts from whichever of three places a server puts them in."""
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
    """Return the Problem in an answer of status 200 that is an error, or of an unknown shape."""
    code, sentence = read_code_and_message(body)
    if not sentence:
        return (unknown_answer(body, "a chat completion"),)
    error: Any = body.get("error") if isinstance(body, dict) else None
    status = as_count(get_in(error, "status_code")) or as_count(get_in(error, "code"))
    kind = kind_of(status, code) if status or code else "garbled"
    return (Problem(kind, sentence, status=status, code=code, sent=True),)


#: Why an answer ended; after OpenAI's own words those that routers and imitators pass on.
FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tools",
    "function_call": "tools",
    "content_filter": "filter",
    "eos": "stop",
    "model_length": "length",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tools",
    "refusal": "filter",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "filter",
    "content_filtered": "filter",
    "completed": "stop",
    "max_output_tokens": "length",
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "TOOL_CALL": "tools",
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "filter",
    "RECITATION": "filter",
    "BLOCKLIST": "filter",
    "PROHIBITED_CONTENT": "filter",
    "SPII": "filter",
}
