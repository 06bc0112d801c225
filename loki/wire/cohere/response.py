"""Cohere Chat v2: JSON -> events, of a whole answer and of a stream."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from loki.json_text import Json, JsonObject
from loki.problems import Problem
from loki.replies import CarriedBlock, Finish, FinishReason, Reasoning, Source, ToolPiece, WireEvent
from loki.usage import Usage
from loki.wire.openai.chat_response import read_error_event
from loki.wire.protocol import as_count, as_str, explain_not_text, get_in, text_events


class ChatReader:
    """Reads the events of one stream; its tool plan, told in pieces, is carried in one."""

    def __init__(self) -> None:
        self.plan: list[str] = []

    def read_event(self, event: Json) -> tuple[WireEvent, ...]:
        """Return what an event tells; before the end of the message the whole tool plan.

        >>> reader = ChatReader()
        >>> delta = {"message": {"tool_plan": "Ask."}}
        >>> reader.read_event({"type": "tool-plan-delta", "delta": delta})
        (Reasoning(text='Ask.'),)
        >>> reader.read_event({"type": "message-end"})
        (CarriedBlock(block={'tool_plan': 'Ask.'}),)
        """
        events = read_chat_event(event)
        match event:
            case {"type": "tool-plan-delta"}:
                self.plan += [event.text for event in events if isinstance(event, Reasoning)]
            case {"type": "message-end"} if self.plan:
                plan, self.plan = "".join(self.plan), []
                return (CarriedBlock({"tool_plan": plan}), *events)
        return events


def read_chat(body: Json) -> tuple[WireEvent, ...]:
    """Return the events of a whole answer."""
    match body:
        case {"message": dict(message)}:
            return (*read_message(message), *read_usage(body), *read_finish(body))
        case dict():
            return (*read_usage(body), *read_error_event(body))
        case _:
            return read_error_event(body)


def read_chat_event(event: Json) -> tuple[WireEvent, ...]:
    """Return what one event of a stream tells; starts and ends tell nothing."""
    match event:
        case {"type": "message-end", "delta": dict(delta)}:
            return (*read_usage(delta), *read_finish(delta))
        case {"type": str(kind), "delta": {"message": dict(message)}}:
            read = EVENTS.get(kind)
            return read(message, as_count(event.get("index"))) if read else ()
        case {"type": str(kind), "delta": odd} if kind in EVENTS and odd is not None:
            return (explain_not_text(odd, "delta"),)
        case {"type": str()}:
            return ()
        case _:
            return read_error_event(event)


def read_message(message: JsonObject) -> Iterator[WireEvent]:
    """Yield the plan, the thoughts, the text and the tool calls of a whole answer."""
    yield from read_plan(message.get("tool_plan"))
    match message.get("content"):
        case list(parts):
            for row, part in enumerate(parts):
                yield from read_part(part, f"message.content[{row}]")
        case text:
            yield from text_events(text, "message.content")
    match message.get("tool_calls"):
        case list(calls):
            yield from (piece for row, call in enumerate(calls) for piece in read_call(call, row))
    match message.get("citations"):
        case list(citations):
            yield from (source for each in citations for source in read_citation(each))


def read_citation(citation: Json) -> tuple[Source, ...]:
    """Return the sources of the words that are cited: documents, or results of tools.

    >>> document = {"title": "A", "url": "https://a.example"}
    >>> read_citation({"text": "Hi", "sources": [{"type": "document", "document": document}]})
    (Source(url='https://a.example', title='A', quote='Hi'),)
    """
    match citation:
        case {"text": str(quote), "sources": [*sources]}:
            places = [get_in(source, "document") or {} for source in sources] or [{}]
            named = ((as_str(get_in(p, "url")), as_str(get_in(p, "title"))) for p in places)
            return tuple(Source(url, title, quote) for url, title in named)
        case _:
            return ()


def read_plan(plan: Json) -> tuple[WireEvent, ...]:
    """Return the tool plan as a thought, and as what must come back with the tools' results."""
    return (
        (Reasoning(plan), CarriedBlock({"tool_plan": plan}))
        if plan and isinstance(plan, str)
        else ()
    )


def read_part(part: Json, place: str) -> tuple[WireEvent, ...]:
    """Return the thought or the text at ``place``, whole or a piece of it."""
    match part:
        case {"thinking": str(thought)} if thought:
            return (Reasoning(thought),)
        case {"text": text}:
            return text_events(text, f"{place}.text")
        case None | dict():
            return ()
        case _:
            return (explain_not_text(part, place),)


def read_call(call: Json, row: int | None) -> tuple[WireEvent, ...]:
    """Return a tool call or a piece of one."""
    match call:
        case {"function": dict(function)}:
            id, name = as_str(call.get("id")), as_str(function.get("name"))
            given = function.get("arguments")
            arguments = given if isinstance(given, str) else json.dumps(given) if given else ""
            return (ToolPiece(row, id, name, arguments),)
        case _:
            return ()


def read_finish(end: JsonObject) -> tuple[WireEvent, ...]:
    """Return why the answer ended, nothing before its end; some ends are Problems."""
    match end:
        case {"error": str(sentence)} if sentence:
            return (explain_failure(sentence, end.get("finish_reason")),)
        case {"finish_reason": "ERROR" | "TIMEOUT" as reason}:
            return (explain_failure(f"the provider broke off the answer ({reason})", reason),)
        case {"finish_reason": str(reason)} if reason:
            return (Finish(reason),)
        case _:
            return ()


def explain_failure(sentence: str, reason: Json) -> Problem:
    """Return the Problem of a provider that failed while it answered."""
    return Problem("offline", sentence, code=str(reason) if reason else None, sent=True)


def read_usage(body: JsonObject) -> tuple[Usage, ...]:
    """Return token counts: of the model's input and output, and of what is billed.

    >>> read_usage({"usage": {"tokens": {"input_tokens": 502.0, "output_tokens": 24.0},
    ...     "billed_units": {"input_tokens": 7, "output_tokens": 21}, "cached_tokens": 448}})
    ... # doctest: +ELLIPSIS
    (Usage(input=502, cache_read=448, ..., output=24, ..., billed_input=7, billed_output=21, ...),)
    """

    def count(*path: str) -> int | None:
        return as_count(get_in(body, "usage", *path))

    usage = Usage(
        input=count("tokens", "input_tokens"),
        cache_read=count("cached_tokens"),
        output=count("tokens", "output_tokens"),
        billed_input=count("billed_units", "input_tokens"),
        billed_output=count("billed_units", "output_tokens"),
        searches=count("billed_units", "search_units"),
    )
    return () if usage == Usage() else (usage,)


CONTENT = "delta.message.content"

Read = Callable[[JsonObject, int | None], tuple[WireEvent, ...]]

#: What a message in the making gained, by type of event; its row is the index of a tool call.
EVENTS: dict[str, Read] = {
    "content-start": lambda message, row: read_part(message.get("content"), CONTENT),
    "content-delta": lambda message, row: read_part(message.get("content"), CONTENT),
    "tool-plan-delta": lambda message, row: read_plan(message.get("tool_plan"))[:1],
    "citation-start": lambda message, row: read_citation(message.get("citations")),
    "tool-call-start": lambda message, row: read_call(message.get("tool_calls"), row),
    "tool-call-delta": lambda message, row: read_call(message.get("tool_calls"), row),
}

#: Why an answer ended.
FINISH_REASONS: dict[str, FinishReason] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tools",
}
