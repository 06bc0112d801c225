"""OpenAI Responses: JSON -> events, of a whole answer and of a stream."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from loki.json_text import Json, JsonObject
from loki.messages import Text
from loki.problems import Problem
from loki.replies import (
    CarriedBlock,
    Finish,
    FinishReason,
    Reasoning,
    Refusal,
    ServerItem,
    ToolPiece,
    WireEvent,
)
from loki.usage import Usage
from loki.wire.errors import kind_of, read_code_and_message, unknown_answer
from loki.wire.openai.sources import read_annotations, read_pages, read_search_results
from loki.wire.openai.usage import responses_usage
from loki.wire.protocol import (
    as_count,
    as_str,
    get_in,
    text_events,
)


def read_chat(body: Json) -> tuple[WireEvent, ...]:
    """Return the events of a whole answer."""
    match body:
        case {"status": str(), "output": list(items)}:
            events = (event for row, item in enumerate(items) for event in read_item(item, row))
            return (*events, *read_end(body))
        case dict():
            return (*read_usage(body), *read_error_event(body))
        case _:
            return read_error_event(body)


def read_chat_event(event: Json) -> tuple[WireEvent, ...]:
    """Return the events of one frame; calls and carried thoughts count when their item is done."""
    match event:
        case {"type": str(kind), "delta": str(text)} if kind in DELTAS:
            return (DELTAS[kind](text),)
        case {"type": str(kind)} if kind in EVENTS:
            return EVENTS[kind](event)
        case {"type": str(kind), "response": dict(response)} if kind in ENDS:
            return read_end({**response, "status": response.get("status") or ENDS[kind]})
        case {"type": "error"} | {"error": dict() | str()}:
            return read_error_event(event)
        case {"type": str()}:
            return ()
        case _:
            return read_error_event(event)


def read_item(item: Json, row: int) -> Iterable[WireEvent]:
    """Yield the events of an item of a whole answer: a message, thoughts or a call."""
    match item:
        case {"type": "message", "content": list(parts)}:
            for number, part in enumerate(parts):
                yield from read_part(part, f"output[{row}].content[{number}]")
                yield from read_annotations(get_in(part, "annotations"))
        case {"type": "message", "content": odd}:
            yield from text_events(odd, f"output[{row}].content")
        case {"type": "reasoning"}:
            yield from read_thoughts(item)
    if isinstance(item, dict):
        yield from read_done(item, row)


def read_part(part: Json, place: str) -> tuple[WireEvent, ...]:
    """Return the text, or the words of a refusal, of the part at ``place``."""
    match part:
        case {"type": "output_text", "text": text}:
            return text_events(text, f"{place}.text")
        case {"type": "refusal", "refusal": str(text)}:
            return (Refusal(text),)
        case _:
            return ()


def read_unknown_delta(event: JsonObject) -> tuple[WireEvent, ...]:
    """Return the Problem that a piece of text is none, nothing for null."""
    return text_events(event.get("delta"), "delta")


def read_summary_part(event: JsonObject) -> tuple[WireEvent, ...]:
    """Return the pause before every part of a summary but the first."""
    return (Reasoning(PAUSE),) if as_count(event.get("summary_index")) else ()


def read_item_done(event: JsonObject) -> tuple[WireEvent, ...]:
    """Return what the whole item of a stream tells; its words came before."""
    row = as_count(event.get("output_index"))
    match event.get("item"):
        case {"type": "message", "content": list(parts)}:
            annotations = (get_in(part, "annotations") for part in parts)
            return tuple(source for each in annotations for source in read_annotations(each))
        case dict(item):
            return read_done(item, row)
        case _:
            return ()


def read_call_event(event: JsonObject) -> tuple[WireEvent, ...]:
    """Return the beginning, a fragment or the whole of a call's arguments, or of its free text.

    Some servers leave out the finished item; OpenAI tells everything twice.

    >>> read_call_event({"type": "response.function_call_arguments.done", "arguments": "{}"})
    (ToolPiece(call_index=None, id='', name='', arguments='{}', is_whole=True, is_custom=False),)
    """
    row = as_count(event.get("output_index"))
    match event:
        case {"item": {"type": "function_call", "call_id": str(id), "name": str(name)}}:
            return (ToolPiece(row, id, name, "", is_whole=False),)
        case {"item": {"type": "custom_tool_call", "call_id": str(id), "name": str(name)}}:
            begun = ToolPiece(row, id, name, "", is_whole=False, is_custom=True)
            return () if is_server_tool(name) else (begun,)
        case {"delta": str(piece)}:
            return (ToolPiece(row, "", "", piece),)
        case {"arguments": str(text)}:
            return (ToolPiece(row, "", "", text, is_whole=True),)
        case _:
            return ()


def read_annotation_event(event: JsonObject) -> tuple[WireEvent, ...]:
    """Return the source of an annotation that comes on its own."""
    return tuple(read_annotations([event.get("annotation")]))


def read_thoughts(item: JsonObject) -> Iterable[Reasoning]:
    """Yield a summary in parts, thoughts in full, or both."""
    match item.get("summary"):
        case list(parts):
            texts = [text for part in parts if isinstance(text := get_in(part, "text"), str)]
            yield Reasoning(PAUSE.join(texts))
    match item.get("content"):
        case list(parts):
            texts = [text for part in parts if isinstance(text := get_in(part, "text"), str)]
            yield Reasoning("".join(texts))


def read_done(item: JsonObject, row: int | None) -> tuple[WireEvent, ...]:
    """Return what only a whole item tells: a call, thoughts for the next turn, what is no text."""
    match item:
        case {"type": "function_call", "call_id": str(id), "name": str(name)}:
            arguments = item.get("arguments")
            text = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
            whole = item.get("status") != "incomplete"
            return (*read_signature(item), ToolPiece(row, id, name, text, whole))
        case {"type": "custom_tool_call", "call_id": str(id), "name": str(name)}:
            whole = item.get("status") != "incomplete"
            call = ToolPiece(row, id, name, as_str(item.get("input")), whole, is_custom=True)
            return () if is_server_tool(name) else (call,)
        case {"type": "reasoning"} if item.get("encrypted_content") or item.get("content"):
            return (CarriedBlock(item),)
        case {"type": "search_results" | "fetch_url_results"}:  # Perplexity
            return tuple(read_pages(item.get("results") or item.get("contents")))
        case {"type": str(kind)} if kind not in KNOWN_ITEMS:
            return (ServerItem(item),)
        case _:
            return ()


def read_signature(call: JsonObject) -> tuple[CarriedBlock, ...]:
    """Return the signature of a call, which Perplexity wants back with it.

    >>> read_signature({"call_id": "c", "thought_signature": "s", "name": "f"})
    (CarriedBlock(block={'call_id': 'c', 'thought_signature': 's'}),)
    """
    names = ("call_id", "thought_signature")
    signed = {name: call[name] for name in names if call.get(name)}
    return (CarriedBlock(signed),) if "thought_signature" in signed else ()


def is_server_tool(name: str) -> bool:
    """Return whether a call with free text is one of xAI's own, which it has answered itself.

    >>> is_server_tool("x_keyword_search"), is_server_tool("math_exp")
    (True, False)
    """
    return name in XAI_TOOLS


def read_end(response: JsonObject) -> tuple[WireEvent, ...]:
    """Return sources, token counts, and why the answer ended or failed."""
    match response:
        case {"status": "completed"}:
            found = read_search_results(response)  # xAI
            return (*found, *read_usage(response), Finish("completed"))
        case {"status": "incomplete"}:
            reason = get_in(response, "incomplete_details", "reason")
            return (*read_usage(response), Finish(str(reason or "incomplete")))
        case {"error": dict() | str()}:
            return (*read_usage(response), *read_error_event(response))
        case _:
            status = response.get("status")
            return (Problem("garbled", f"the answer is not there: it is {status}", sent=True),)


def read_usage(response: JsonObject) -> tuple[Usage, ...]:
    """Return token counts in our terms."""
    raw = response.get("usage")
    return (responses_usage(raw, response),) if isinstance(raw, dict) else ()


def read_error_event(body: Json) -> tuple[Problem]:
    """Return the Problem in an answer of status 200 that is an error, or of an unknown shape."""
    code, sentence = read_code_and_message(body)
    if not sentence:
        return (unknown_answer(body, "a response"),)
    code = None if code == "error" else code  # that is the name of the event
    status = as_count(get_in(body, "error", "code"))  # as routers tell it
    kind = kind_of(status or 400, code) if status or code else "garbled"
    return (Problem(kind, sentence, status=status, code=code, sent=True),)


#: Between two parts of a summary.
PAUSE = "\n\n"

#: Items that are text, thoughts or calls, or lead to the text; others are parts of the answer.
KNOWN_ITEMS = (
    *("message", "reasoning", "function_call", "custom_tool_call"),
    *("web_search_call", "file_search_call", "x_search_call"),
)

#: Names under which xAI tells of its own searches as if they were calls of a custom tool.
XAI_TOOLS = (
    *("x_keyword_search", "x_semantic_search", "x_user_search", "x_thread_fetch"),
    *("view_x_video", "view_image"),
)

#: Events that tell words.
DELTAS: dict[str, Callable[[str], WireEvent]] = {
    "response.output_text.delta": Text,
    "response.refusal.delta": Refusal,
    "response.reasoning_summary_text.delta": Reasoning,
    "response.reasoning_text.delta": Reasoning,
}

#: Other events that tell something.
EVENTS: dict[str, Callable[[JsonObject], tuple[WireEvent, ...]]] = {
    "response.output_text.delta": read_unknown_delta,  # what is a string is among the DELTAS
    "response.reasoning_summary_part.added": read_summary_part,
    "response.output_item.added": read_call_event,
    "response.function_call_arguments.delta": read_call_event,
    "response.function_call_arguments.done": read_call_event,
    "response.output_text.annotation.added": read_annotation_event,
    "response.output_item.done": read_item_done,
}

#: Events that end an answer, and the status that each one stands for.
ENDS = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
}

#: Why an answer ended.
FINISH_REASONS: dict[str, FinishReason] = {
    "completed": "stop",
    "max_output_tokens": "length",
    "max_tokens": "length",
    "length": "length",
    "content_filter": "filter",
}
