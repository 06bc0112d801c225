"""9. Reply, Problem or Event -> JSON: what programs are told, the same for every provider."""

from __future__ import annotations

from typing import Any

from loki.json_text import JsonObject
from loki.messages import Text, ToolCall
from loki.problems import Problem
from loki.replies import Done, Event, Raw, Reasoning, Reply, Source
from loki.usage import COUNTS, Usage


def reply_json(reply: Reply, data: Any = ...) -> JsonObject:
    """Return an answer as JSON, the same for every provider."""
    return {
        "model": reply.model,
        "text": reply.text,
        "reasoning": reply.reasoning,
        "tool_calls": [call_json(call) for call in reply.tool_calls],
        "finish": reply.finish,
        "finish_raw": reply.finish_raw,
        "usage": {name: getattr(reply.usage, name) for name in COUNTS},
        "cost": None if reply.cost is None else float(reply.cost),
        "seconds": round_seconds(reply.seconds),
        "first_token_seconds": round_seconds(reply.first_token_seconds),
        "attempts": reply.attempts,
        "request_id": reply.request_id,
        **({"cached": True} if reply.is_cached else {}),
        **({"sources": [source_json(source) for source in reply.sources]} if reply.sources else {}),
        **({"items": list(reply.items)} if reply.items else {}),
        **({"carry": list(reply.carry)} if reply.carry else {}),
        **({} if data is ... else {"data": data}),
    }


def reply_with_message_json(reply: Reply, data: Any = ...) -> JsonObject:
    """Return the same with ``message``: the answer as a turn that ``--messages`` takes."""
    from loki.formats.conversation import message_json
    from loki.formats.turns import message_of

    return {**reply_json(reply, data), "message": message_json(message_of(reply))}


def call_json(call: ToolCall) -> JsonObject:
    """Return a tool call as JSON."""
    return {"id": call.id, "name": call.name, "arguments": call.arguments}


def source_json(source: Source) -> JsonObject:
    """Return a source as JSON; null for what its provider does not name.

    >>> source_json(Source("https://a.example", "A"))
    {'url': 'https://a.example', 'title': 'A', 'quote': None}
    """
    return {name: getattr(source, name) or None for name in ("url", "title", "quote")}


def event_json(event: Event) -> JsonObject:
    """Return an event of a stream as JSON."""
    match event:
        case Text(text):
            return {"type": "text", "text": text}
        case Reasoning(text):
            return {"type": "reasoning", "text": text}
        case ToolCall():
            return {"type": "tool_call", **call_json(event)}
        case Source():
            return {"type": "source", **source_json(event)}
        case Raw(data):
            return {"type": "raw", "data": data.decode("utf-8", "replace")}
        case Usage():
            return {"type": "usage", **{name: getattr(event, name) for name in COUNTS}}
        case Done(reply):
            return {"type": "done", **reply_with_message_json(reply)}


def problem_json(problem: Problem) -> JsonObject:
    """Return a problem as JSON."""
    return {
        "kind": problem.kind,
        "message": problem.message,
        "status": problem.status,
        "code": problem.code,
        "request_id": problem.request_id,
        "retry_at": None if problem.retry_at is None else format_time(problem.retry_at),
        "sent": problem.sent,
    }


def paid_json(problem: Problem) -> JsonObject:
    """Return what came of an answer that is a problem, as JSON; empty where none came.

    It was paid for: the text is kept where it came whole, a cost that nobody knows is null.
    """
    if problem.usage is None:
        return {}
    return {
        **({} if problem.answer_text is None else {"text": problem.answer_text}),
        "usage": {name: getattr(problem.usage, name) for name in COUNTS},
        "cost": None if problem.cost is None else float(problem.cost),
    }


def format_time(seconds: float) -> str:
    """Return a time as programs read it (RFC 3339).

    >>> format_time(0)
    '1970-01-01T00:00:00+00:00'
    """
    from datetime import UTC, datetime

    return datetime.fromtimestamp(round(seconds), UTC).isoformat()


def round_seconds(seconds: float | None) -> float | None:
    """Return seconds rounded to milliseconds."""
    return None if seconds is None else round(seconds, 3)
