"""AWS Bedrock Converse and ConverseStream: JSON -> events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from loki.json_text import Json, JsonObject
from loki.problems import Problem
from loki.replies import (
    CarriedBlock,
    Finish,
    FinishReason,
    Reasoning,
    ServerItem,
    Source,
    ToolPiece,
    WireEvent,
)
from loki.usage import Usage
from loki.wire.bedrock.reasoning_blocks import is_carried
from loki.wire.errors import kind_of, read_code_and_message, unknown_answer
from loki.wire.protocol import (
    as_count,
    as_name,
    as_str,
    explain_not_text,
    get_in,
    text_events,
)


def read_chat(body: Json) -> tuple[WireEvent, ...]:
    """Return the events of a whole answer."""
    match body:
        case {"output": {"message": {"content": list(blocks)}}}:
            events = (
                event
                for row, block in enumerate(blocks)
                for event in read_block(row, block, f"output.message.content[{row}]")
            )
            return (*events, *read_end(body))
        case dict():
            return (*read_usage(body), *read_error_event(body))
        case _:
            return read_error_event(body)


def read_block(row: int, block: Json, place: str) -> Iterable[WireEvent]:
    """Yield the text, cited text, thoughts or call of the block at ``place``, or what else it is.

    Calls and results of the provider's own tools are no concern of ours.
    """
    match block:
        case {"text": text}:
            yield from text_events(text, f"{place}.text")
        case {"citationsContent": dict(cited)}:
            yield from read_cited(row, cited, f"{place}.citationsContent")
        case {"reasoningContent": dict(thoughts)}:
            yield from read_thoughts(thoughts)
        case {"toolUse": {"type": "server_tool_use"}}:
            pass
        case {"toolUse": {"toolUseId": str(id), "name": str(name), "input": arguments}}:
            yield ToolPiece(row, id, name, json.dumps(arguments))
        case {"image": dict()} | {"audio": dict()} | {"video": dict()}:
            yield ServerItem(block)


def read_cited(row: int, cited: JsonObject, place: str) -> Iterable[WireEvent]:
    """Yield a text in pieces, and the sources that it rests on."""
    match cited.get("content"):
        case list(pieces):
            for piece in pieces:
                yield from read_block(row, piece, f"{place}.content")
    match cited.get("citations"):
        case list(citations):
            for citation in citations:
                yield from read_citation(citation)


def read_citation(citation: Json) -> Iterable[Source]:
    """Yield the source of a citation: a page of the web, or a document.

    >>> web = {"web": {"url": "https://a.example", "domain": "a.example"}}
    >>> [*read_citation({"title": "A", "location": web, "sourceContent": [{"text": "Hi."}]})]
    [Source(url='https://a.example', title='A', quote='Hi.')]
    """
    if isinstance(citation, dict):
        pieces = citation.get("sourceContent")
        parts = pieces if isinstance(pieces, list) else []
        texts = [as_str(get_in(part, "text")) for part in parts]
        url = get_in(citation, "location", "web", "url") or citation.get("source")
        source = Source(as_str(url), as_str(citation.get("title")), "".join(texts))
        yield from () if source == Source() else (source,)


def read_thoughts(thoughts: JsonObject) -> Iterable[WireEvent]:
    """Yield thoughts as far as they are shown; signed ones go back with the next turn."""
    match thoughts:
        case {"reasoningText": {"text": str(text)}} if text:
            yield Reasoning(text)
    if is_carried(thoughts):
        yield CarriedBlock({"reasoningContent": thoughts})


def read_chat_event(frame: Json) -> tuple[WireEvent, ...]:
    """Return what one event of a stream tells by itself."""
    match frame:
        case {"contentBlockDelta": piece}:
            return read_block_delta(piece)
        case {"contentBlockStart": {"start": {"toolUse": {"type": "server_tool_use"}}}}:
            return ()
        case {"contentBlockStart": {"contentBlockIndex": int(row), "start": {"toolUse": dict(c)}}}:
            return (ToolPiece(row, as_str(c.get("toolUseId")), as_str(c.get("name")), ""),)
        case {"messageStop": dict(end)} | {"metadata": dict(end)}:
            return tuple(read_end(end))
        case {"exception": dict(error)} if error:
            return read_exception(*next(iter(error.items())))
        case {"error": dict()}:
            return read_error_event(frame)
        case dict():
            return ()
        case _:
            return read_error_event(frame)


def read_block_delta(piece: Json) -> tuple[WireEvent, ...]:
    """Return what a piece of a block tells, or that it is none."""
    match piece:
        case {"contentBlockIndex": int(row), "delta": dict(delta)}:
            return read_delta(row, delta)
        case _:
            return (explain_not_text(piece, "contentBlockDelta"),)


def read_delta(row: int, delta: JsonObject) -> tuple[WireEvent, ...]:
    """Return a piece of a block; results of the provider's own tools are left out."""
    match delta:
        case {"text": text}:
            return text_events(text, "contentBlockDelta.delta.text")
        case {"reasoningContent": {"text": str(text)}} if text:
            return (Reasoning(text),)
        case {"toolUse": {"input": str(arguments)}}:
            return (ToolPiece(row, "", "", arguments),)
        case {"citation": citation}:
            return tuple(read_citation(citation))
        case {"image": dict()}:
            return (ServerItem(delta),)
        case _:
            return ()


def read_end(end: JsonObject) -> Iterator[WireEvent]:
    """Yield the finish reason and the usage; a stream gives one after the other."""
    match end:
        case {"stopReason": str(reason)} if reason:
            yield Finish(reason)
    yield from read_usage(end)


def read_usage(end: JsonObject) -> tuple[Usage, ...]:
    """Return token counts in our terms."""
    usage = end.get("usage")
    return (usage_of(usage, tier_of(end)),) if isinstance(usage, dict) else ()


def tier_of(end: JsonObject) -> str | None:
    """Return the tier of service; a model tuned for latency has its own prices, too.

    >>> tier_of({"serviceTier": {"type": "flex"}}), tier_of({"performanceConfig": {}})
    ('flex', None)
    """
    latency = as_name(get_in(end, "performanceConfig", "latency"))
    return "optimized" if latency == "optimized" else as_name(get_in(end, "serviceTier", "type"))


def usage_of(raw: JsonObject, tier: str | None = None) -> Usage:
    """Return usage in our terms: the provider counts cached tokens beside the input.

    >>> usage_of({"inputTokens": 3, "cacheReadInputTokens": 10, "outputTokens": 5})
    ... # doctest: +ELLIPSIS
    Usage(input=13, cache_read=10, cache_write=None, output=5, reasoning=None, ...)
    """
    fresh, cached, written = (
        as_count(raw.get(name))
        for name in ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
    )
    return Usage(
        input=None if fresh is None else fresh + (cached or 0) + (written or 0),
        cache_read=cached,
        cache_write=written,
        output=as_count(raw.get("outputTokens")),
        cache_write_1h=cached_for(raw.get("cacheDetails"), "1h"),
        tier=tier,
    )


def cached_for(details: Json, ttl: str) -> int | None:
    """Return the tokens that stay in the cache for a time ``ttl``.

    >>> cached_for([{"ttl": "5m", "inputTokens": 3}, {"ttl": "1h", "inputTokens": 9}], "1h")
    9
    """
    rows = details if isinstance(details, list) else []
    counts = [
        as_count(get_in(row, "inputTokens")) or 0 for row in rows if get_in(row, "ttl") == ttl
    ]
    return sum(counts) if counts else None


def read_exception(name: str, error: Json) -> tuple[Problem]:
    """Return the Problem that broke a stream; its name is that of an error without streaming.

    >>> read_exception("throttlingException", {"message": "Too many."})[0].kind
    'busy'
    """
    code = name[:1].upper() + name[1:]
    message = read_code_and_message(error)[1] or f"the stream broke off: {code}"
    return (Problem(kind_of(None, code), message, code=code, sent=True),)


def read_error_event(body: Json) -> tuple[Problem]:
    """Return the Problem in an answer of status 200 that is an error, or of an unknown shape."""
    code, sentence = read_code_and_message(body)
    if not sentence:
        return (unknown_answer(body, "an answer of Converse"),)
    return (Problem(kind_of(None, code) if code else "garbled", sentence, code=code, sent=True),)


#: Why an answer ended.
FINISH_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tools",
    "guardrail_intervened": "filter",
    "content_filtered": "filter",
    "malformed_model_output": "other",
    "malformed_tool_use": "other",
}
