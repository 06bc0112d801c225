"""Google's generateContent, of Gemini and Vertex AI: bytes -> JSON -> events."""

from __future__ import annotations

import json
from collections.abc import Iterable

from loki.json_text import Json, JsonObject
from loki.problems import Kind, Problem
from loki.replies import (
    CarriedBlock,
    Finish,
    FinishReason,
    OtherChoice,
    Reasoning,
    ServerItem,
    ToolPiece,
    WireEvent,
)
from loki.usage import Usage
from loki.wire import sse
from loki.wire.decoder import Splitter
from loki.wire.errors import kind_of, read_code_and_message, unknown_answer
from loki.wire.google.json_stream import ArraySplitter
from loki.wire.google.sources import read_sources
from loki.wire.protocol import as_count, as_name, as_str, explain_not_text, get_in, text_events


class StreamSplitter:
    r"""Splits server-sent events, or a JSON array: the first byte tells which.

    >>> StreamSplitter().feed(b'data: {"a":1}\n\n'), StreamSplitter().feed(b' [{"a":1}\n,')
    ([b'{"a":1}'], [b'{"a":1}'])
    """

    def __init__(self) -> None:
        self.mark = sse.ByteOrderMarkFilter()
        self.splitter: Splitter | None = None  # None before the first byte
        self.is_done = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that a piece of the stream completed."""
        if self.splitter is None:
            data = (data if self.mark.is_done else self.mark.feed(data)).lstrip()
            if not data:
                return []
            self.splitter = ArraySplitter() if data[:1] in b"[{" else sse.EventSplitter()
        frames = self.splitter.feed(data)
        self.is_done = self.splitter.is_done
        return frames

    def end(self) -> list[bytes]:
        """Return the frame that the end of the stream completed, if any."""
        return self.splitter.end() if self.splitter else []


def read_chat(body: Json) -> tuple[WireEvent, ...]:
    """Return the events of a whole answer; a stream in one piece must have come to its end."""
    if not isinstance(body, list) or not body:
        return read_chat_event(body)
    events = tuple(event for item in body for event in read_chat_event(item))
    if any(isinstance(event, Finish | Problem) for event in events):
        return events
    return (*events, Problem("garbled", "the stream ended before the answer did", sent=True))


def read_chat_event(chunk: Json) -> tuple[WireEvent, ...]:
    """Return the events of one response of a stream; only the first candidate counts."""
    match chunk:
        case {"error": error} if error:
            return (*read_usage(chunk), *read_error_event(chunk))
        case {"promptFeedback": {"blockReason": str(reason)} as feedback} if reason:
            return (*read_usage(chunk), explain_block(reason, feedback.get("blockReasonMessage")))
        case {"candidates": [{"index": int(index)}, *_]} if index > 0:
            return (OtherChoice(index), *read_usage(chunk))
        case {"candidates": [dict(candidate), *others]}:
            more = (OtherChoice(len(others)),) if others else ()
            words = (*more, *read_words(candidate), *read_sources(candidate))
            return (*words, *read_finish(candidate), *read_usage(chunk))
        case {"candidates": []} | {"usageMetadata": dict()} | {"responseId": str()}:
            return read_usage(chunk)
        case _:
            return read_error_event(chunk)


def read_words(candidate: JsonObject) -> Iterable[WireEvent]:
    """Return thoughts, text and function calls; signed parts must come back as they are."""
    match candidate.get("content"):
        case {"parts": list(parts)}:
            for row, part in enumerate(parts):
                yield from read_part(part, f"candidates[0].content.parts[{row}]")
        case {"parts": odd} if odd is not None:
            yield explain_not_text(odd, "candidates[0].content.parts")
        case None | dict():
            pass
        case odd:
            yield explain_not_text(odd, "candidates[0].content")


def read_part(part: Json, place: str) -> Iterable[WireEvent]:
    """Return what the part at ``place`` tells."""
    match part:
        case {"text": str(text), "thought": True}:
            yield Reasoning(text)
        case {"text": text} if text is not None:
            yield from text_events(text, f"{place}.text")
        case {"functionCall": {"name": str(name)} as call}:
            arguments = json.dumps(call.get("args") or {})
            yield ToolPiece(None, as_str(call.get("id")), name, arguments)
        case {"inlineData": dict()} | {"executableCode": dict()} | {"codeExecutionResult": dict()}:
            yield ServerItem(part)
    if isinstance(get_in(part, "thoughtSignature"), str):
        yield CarriedBlock(part)


def read_finish(candidate: JsonObject) -> tuple[WireEvent, ...]:
    """Return why the answer ended, nothing before its end."""
    match candidate.get("finishReason"):
        case str(reason) if reason in BROKEN:
            message = candidate.get("finishMessage") or "the answer is not to be used"
            return (Problem(BROKEN[reason], f"{reason}: {message}", code=reason, sent=True),)
        case str(reason) if reason and reason != "FINISH_REASON_UNSPECIFIED":
            return (Finish(reason),)
        case _:
            return ()


def explain_block(reason: str, message: Json) -> Problem:
    """Return the Problem of a blocked prompt.

    >>> explain_block("SAFETY", None).message
    'the prompt was blocked (SAFETY)'
    """
    detail = f": {message}" if isinstance(message, str) and message else ""
    return Problem("refused", f"the prompt was blocked ({reason}){detail}", code=reason, sent=True)


def read_usage(chunk: JsonObject) -> tuple[Usage, ...]:
    """Return token counts; tools' part of the prompt and thoughts stand beside the two main ones.

    Vertex names the tier ``trafficType``, and names it before there are counts.

    >>> read_usage({"usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 27,
    ...     "toolUsePromptTokenCount": 61, "thoughtsTokenCount": 221}})  # doctest: +ELLIPSIS
    (Usage(input=70, cache_read=None, cache_write=None, output=248, reasoning=221, ...),)
    """
    raw = chunk.get("usageMetadata")
    if not isinstance(raw, dict):
        return ()
    names = ("prompt", "toolUsePrompt", "cachedContent", "candidates", "thoughts")
    prompt, tools, cached, output, thoughts = (as_count(raw.get(f"{n}TokenCount")) for n in names)
    return (
        Usage(
            input=add_counts(prompt, tools),
            cache_read=cached,
            output=add_counts(output, thoughts),
            reasoning=thoughts,
            audio_input=audio_tokens(raw, "prompt"),
            audio_cache_read=audio_tokens(raw, "cache"),
            audio_output=audio_tokens(raw, "candidates"),
            searches=count_searches(chunk),
            tier=as_name(raw.get("serviceTier")) or as_name(raw.get("trafficType")),
        ),
    )


def audio_tokens(raw: JsonObject, part: str) -> int | None:
    """Return the audio tokens of a part, None where it does not say.

    >>> audio_tokens({"promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 7}]}, "prompt")
    7
    """
    details = raw.get(f"{part}TokensDetails")
    for item in details if isinstance(details, list) else ():
        if get_in(item, "modality") == "AUDIO":
            return as_count(get_in(item, "tokenCount"))
    return None


def count_searches(chunk: JsonObject) -> int | None:
    """Return how often the provider's own tool searched the web for the answer."""
    match chunk:
        case {"candidates": [{"groundingMetadata": {"webSearchQueries": [*queries]}}, *_]}:
            return len(queries) or None
        case _:
            return None


def add_counts(one: int | None, other: int | None) -> int | None:
    """Return the sum of two counts, None where neither was given.

    >>> add_counts(None, 2), add_counts(None, None)
    (2, None)
    """
    return None if one is None and other is None else (one or 0) + (other or 0)


def read_error_event(body: Json) -> tuple[Problem]:
    """Return the Problem in an answer of status 200 that is an error, or of an unknown shape."""
    code, sentence = read_code_and_message(body)
    if not sentence:
        return (unknown_answer(body, "a generateContent response"),)
    status = as_count(get_in(body, "error", "code"))
    kind = kind_of(status, code) if status else "garbled"
    return (Problem(kind, sentence, status=status, code=code, sent=True),)


#: Ends of an answer that are failures, whatever was said before.
BROKEN: dict[str, Kind] = {
    "MALFORMED_FUNCTION_CALL": "garbled",
    "MALFORMED_RESPONSE": "garbled",
    "UNEXPECTED_TOOL_CALL": "garbled",
    "TOO_MANY_TOOL_CALLS": "garbled",
    "MISSING_THOUGHT_SIGNATURE": "input",
}

#: Why an answer ended.
FINISH_REASONS: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "filter",
    "RECITATION": "filter",
    "BLOCKLIST": "filter",
    "PROHIBITED_CONTENT": "filter",
    "SPII": "filter",
    "MODEL_ARMOR": "filter",
    "ESCALATION": "filter",
    "PUP_LIMITED_DISABLED": "filter",
    "IMAGE_SAFETY": "filter",
    "IMAGE_PROHIBITED_CONTENT": "filter",
    "IMAGE_RECITATION": "filter",
}
