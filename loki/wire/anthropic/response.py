"""Anthropic Messages: bytes -> frames -> events, whole and streamed."""

from __future__ import annotations

import json
from collections.abc import Iterable

from loki.json_text import Json, JsonObject
from loki.problems import Problem
from loki.replies import (
    CarriedBlock,
    Finish,
    FinishReason,
    PausedTurn,
    Reasoning,
    Refusal,
    Source,
    ToolPiece,
    WireEvent,
)
from loki.usage import Usage
from loki.wire.errors import kind_of, read_code_and_message, unknown_answer
from loki.wire.protocol import as_count, as_name, as_str, explain_not_text, get_in, text_events
from loki.wire.provider_json import parse_json


def read_chat(body: Json) -> tuple[WireEvent, ...]:
    """Return the events of a whole answer."""
    match body:
        case {"type": "message", "content": list(blocks)}:
            events = (
                event
                for row, block in enumerate(blocks)
                for event in (*read_words(block, f"content[{row}]"), *read_citations(block))
            )
            return (*events, *read_rest(body))
        case dict():
            return (*read_usage(body), *read_error_event(body))
        case _:
            return read_error_event(body)


class MessageReader:
    """Reads the events of one stream: words at once, everything else when the message stops."""

    def __init__(self) -> None:
        self.blocks: dict[int, JsonObject] = {}
        self.texts: list[Json] = []  # of all blocks, one after the other
        self.starts: dict[int, int] = {}  # where in those each block begins
        self.citations: dict[int, list[Json]] = {}
        self.pieces: dict[tuple[int, str], list[str]] = {}  # of a block's growing fields
        self.usage: JsonObject = {}
        self.ending: JsonObject = {}

    def read_event(self, event: Json) -> tuple[WireEvent, ...]:
        """Return what an event tells, and with the last one what those before it built up."""
        match event:
            case {"type": "content_block_delta", "delta": {"type": "text_delta"}}:
                self.texts.append(event["delta"].get("text"))  # nearly every event
            case {"type": "message_stop"}:
                return read_rest(self.message())
            case dict():
                self.add(event)
        return read_chat_event(event)

    def add(self, event: JsonObject) -> None:
        """Add an event to the message."""
        match event:
            case {"type": "content_block_start", "index": int(index), "content_block": dict(block)}:
                self.blocks[index] = block
                self.starts[index] = len(self.texts)
                for name in GROWING:
                    self.pieces.pop((index, name), None)
            case {"type": "content_block_delta", "index": int(index), "delta": dict(delta)}:
                self.grow(index, delta)
            case {"type": "message_delta", "delta": dict(delta)}:
                self.ending |= delta
        match event:
            case {"message": {"usage": dict(counts)}} | {"usage": dict(counts)}:
                self.usage |= {name: n for name, n in counts.items() if n is not None}

    def grow(self, index: int, delta: JsonObject) -> None:
        """Add a piece to the thoughts of a block, their signature, or a call's arguments."""
        self.blocks.setdefault(index, {})
        if delta.get("type") == "citations_delta":
            self.citations.setdefault(index, []).append(delta.get("citation"))
        for name in GROWING:
            if isinstance(piece := delta.get(name), str):
                self.pieces.setdefault((index, name), []).append(piece)

    def block_texts(self) -> Iterable[tuple[int, str]]:
        """Yield each block that has a text, and what a stream told of it."""
        ends = [*list(self.starts.values())[1:], len(self.texts)]
        for (index, start), end in zip(self.starts.items(), ends, strict=True):
            if text := "".join(map(as_str, self.texts[start:end])):
                yield index, text

    def message(self) -> JsonObject:
        """Return the message so far; with its text where it is going to be sent back.

        >>> reader = MessageReader()
        >>> reader.grow(0, {"thinking": "Hm"})
        >>> reader.grow(0, {"thinking": "."})
        >>> reader.message()["content"]
        [{'thinking': 'Hm.'}]
        """
        content = {index: {**block} for index, block in self.blocks.items()}
        for (index, name), pieces in self.pieces.items():
            content[index][name] = as_str(content[index].get(name)) + "".join(pieces)
        if self.ending.get("stop_reason") == "pause_turn":
            for index, text in self.block_texts():
                content[index]["text"] = as_str(content[index].get("text")) + text
        for index, citations in self.citations.items():
            content.setdefault(index, {})["citations"] = citations
        return {**self.ending, "content": list(content.values()), "usage": self.usage}


def read_chat_event(event: Json) -> tuple[WireEvent, ...]:
    """Return what one event of a stream tells by itself."""
    match event:
        case {"type": "content_block_delta", "delta": delta}:
            odd = delta is not None and not isinstance(delta, dict)
            return (explain_not_text(delta, "delta"),) if odd else read_words(delta, "delta")
        case {"type": "content_block_start", "content_block": block}:
            return read_words(block, "content_block")
        case {"type": "message_start", "message": {"usage": dict(usage)}}:
            return (usage_of(usage),)
        case {"type": str(kind)} if kind != "error":
            return ()
        case _:
            return read_error_event(event)


def read_words(block: Json, place: str) -> tuple[WireEvent, ...]:
    """Return the text or the thoughts of the block, or the piece of one, at ``place``."""
    match block:
        case {"type": "text" | "text_delta", "text": text}:
            return text_events(text, f"{place}.text")
        case {"type": "thinking" | "thinking_delta", "thinking": str(thought)} if thought:
            return (Reasoning(thought),)
        case {"type": "citations_delta", "citation": dict(citation)}:
            return (read_citation(citation),)
        case _:
            return ()


def read_citations(block: Json) -> tuple[Source, ...]:
    """Return the sources of a whole block of text."""
    citations = get_in(block, "citations")
    listed = citations if isinstance(citations, list) else ()
    return tuple(read_citation(each) for each in listed if isinstance(each, dict))


def read_citation(citation: JsonObject) -> Source:
    """Return the source of a citation: a page of the web, a document or a search result.

    >>> read_citation({"type": "char_location", "cited_text": "Hi.", "document_title": "A"})
    Source(url='', title='A', quote='Hi.')
    """
    url = as_str(citation.get("url") or citation.get("source"))
    title = as_str(citation.get("title") or citation.get("document_title"))
    return Source(url, title, as_str(citation.get("cited_text")))


def read_rest(message: JsonObject) -> tuple[WireEvent, ...]:
    """Return all but text and thoughts: what must come back, calls, usage, and why it ended."""
    blocks = enumerate(message["content"])
    events = (event for row, block in blocks for event in read_block(row, block))
    return (*events, *read_usage(message), *read_end(message))


def read_usage(message: JsonObject) -> tuple[Usage, ...]:
    """Return token counts in our terms."""
    usage = message.get("usage")
    return (usage_of(usage),) if isinstance(usage, dict) else ()


def read_end(message: JsonObject) -> tuple[WireEvent, ...]:
    """Return why the answer ended, with the explanation of a refusal, or how it may go on."""
    match message:
        case {"stop_reason": "pause_turn", "content": [*blocks]}:
            sent_back = (as_sent(block) for block in blocks if isinstance(block, dict))
            return PausedTurn(tuple(sent_back)), Finish("pause_turn")
        case {"stop_reason": "refusal", "stop_details": {"explanation": str(reason)}}:
            return Refusal(reason), Finish("refusal")
        case {"stop_reason": str(reason)}:
            return (Finish(reason),)
        case _:
            return ()


def as_sent(block: JsonObject) -> JsonObject:
    """Return a block as it is sent back: what a stream told of its input in pieces is read.

    >>> as_sent({"type": "server_tool_use", "input": {}, "partial_json": '{"query": "a"}'})
    {'type': 'server_tool_use', 'input': {'query': 'a'}}
    """
    text = block.get("partial_json")
    if text is None:
        return block
    plain = {name: value for name, value in block.items() if name != "partial_json"}
    try:
        return {**plain, "input": parse_json(as_str(text) or "{}")}
    except (ValueError, RecursionError):
        return plain


def read_block(row: int, block: Json) -> tuple[WireEvent, ...]:
    """Return a call, or thoughts that must come back; the provider's own tools are left out."""
    match block:
        case {"type": "tool_use", "id": str(id), "name": str(name)}:
            arguments = block.get("partial_json") or json.dumps(block.get("input") or {})
            return (ToolPiece(row, id, name, str(arguments)),)
        case {"type": "thinking", "signature": str(signature)} if signature:
            return (CarriedBlock(block),)
        case {"type": "redacted_thinking"}:
            return (CarriedBlock(block),)
        case _:
            return ()


def usage_of(raw: JsonObject) -> Usage:
    """Return usage in our terms; Anthropic counts what went through its cache beside the input.

    What makes a call dearer is a tier to us: its speed, or that it stayed in the United States.

    >>> usage_of({"input_tokens": 4, "cache_read_input_tokens": 1165, "output_tokens": 256})
    ... # doctest: +ELLIPSIS
    Usage(input=1169, cache_read=1165, cache_write=None, output=256, reasoning=None, ...)
    """
    fresh, read, written = (as_count(raw.get(name)) for name in INPUT)
    special = (
        "batch" if raw.get("service_tier") == "batch" else "",
        "fast" if raw.get("speed") == "fast" else "",
        "us" if raw.get("inference_geo") == "us" else "",
    )
    return Usage(
        input=None if fresh is None else fresh + (read or 0) + (written or 0),
        cache_read=read,
        cache_write=written,
        output=as_count(raw.get("output_tokens")),
        reasoning=as_count(get_in(raw, "output_tokens_details", "thinking_tokens")),
        cache_write_1h=as_count(get_in(raw, "cache_creation", "ephemeral_1h_input_tokens")),
        searches=as_count(get_in(raw, "server_tool_use", "web_search_requests")),
        tier="-".join(part for part in special if part) or as_name(raw.get("service_tier")),
    )


def read_error_event(body: Json) -> tuple[Problem]:
    """Return the Problem in an answer of status 200 that is an error, or of an unknown shape."""
    code, sentence = read_code_and_message(body)
    if not sentence:
        return (unknown_answer(body, "a message"),)
    kind = kind_of(STATUSES.get(code), code) if code else "garbled"
    return (Problem(kind, sentence, code=code, sent=True),)


INPUT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
GROWING = ("thinking", "signature", "partial_json")

#: The HTTP status of each kind of error, for those that come within an answer.
STATUSES: dict[str | None, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}

#: Why an answer ended.
FINISH_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tools",
    "refusal": "filter",
    "pause_turn": "other",
}
