"""Events, replies and problems -> what a terminal or a pipe sees."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from typing import Any

from loki.edge.secrets import redact
from loki.problems import Problem
from loki.records import (
    COUNTS,
    Done,
    Event,
    JsonObject,
    Reasoning,
    Reply,
    Text,
    ToolCall,
    Usage,
)


def out(text: str) -> None:
    """Write to stdout at once; a character that has no UTF-8 becomes a question mark."""
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))
    sys.stdout.buffer.flush()


def talk(text: str) -> None:
    """A line on stderr, without any secret."""
    try:
        sys.stderr.write(redact(text).rstrip("\n") + "\n")
        sys.stderr.flush()
    except OSError:
        pass  # a full disk under a log file does not change the verdict


def coloured(text: str, code: str) -> str:
    """Text in colour, if stderr is a terminal whose user likes colours (no-color.org)."""
    plain = os.environ.get("NO_COLOR") or not sys.stderr.isatty()
    return text if plain else f"\x1b[{code}m{text}\x1b[0m"


def complain(prog: str, problem: Problem, form: str) -> None:
    """Why there is no answer; as JSON too where the output is JSON."""
    talk(f"{prog}: {coloured(problem.kind, '31')}: {one_line(problem.message + facts(problem))}")
    if form != "text":
        talk(compact(problem_json(problem)))


def one_line(words: str) -> str:
    """Words of somebody else's on one line, without what a terminal would obey.

    >>> one_line("a\\n b\\x1b[31m c")
    'a b[31m c'
    """
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "", " ".join(words.split()))


def facts(problem: Problem) -> str:
    """What the provider's support will ask for.

    >>> facts(Problem("auth", "No.", status=401, code="bad_key", request_id="req_1"))
    ' (401 bad_key, request req_1)'
    """
    code = problem.code if problem.code and problem.code not in problem.message else None
    status = " ".join(str(each) for each in (problem.status, code) if each)
    request = f"request {problem.request_id}" if problem.request_id else ""
    told = ", ".join(filter(None, (status, request)))
    return f" ({told})" if told else ""


def problem_json(problem: Problem) -> JsonObject:
    """A problem for programs."""
    return {
        "kind": problem.kind,
        "message": redact(problem.message),
        "status": problem.status,
        "code": problem.code,
        "request_id": problem.request_id,
        "retry_at": None if problem.retry_at is None else moment(problem.retry_at),
        "sent": problem.sent,
    }


def moment(seconds: float) -> str:
    """A time of day for programs (RFC 3339).

    >>> moment(0)
    '1970-01-01T00:00:00+00:00'
    """
    from datetime import UTC, datetime

    return datetime.fromtimestamp(round(seconds), UTC).isoformat()


def compact(value: Any) -> str:
    """JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def reply_json(reply: Reply, data: Any = ...) -> JsonObject:
    """An answer for programs, the same for every provider."""
    return {
        "model": reply.model,
        "text": reply.text,
        "reasoning": reply.reasoning,
        "tool_calls": [call_json(call) for call in reply.tool_calls],
        "finish": reply.finish,
        "finish_raw": reply.finish_raw,
        "usage": {name: getattr(reply.usage, name) for name in COUNTS},
        "cost": None if reply.cost is None else float(reply.cost),
        "seconds": rounded(reply.seconds),
        "first_token_seconds": rounded(reply.first_token_seconds),
        "attempts": reply.attempts,
        "request_id": reply.request_id,
        **({"carry": list(reply.carry)} if reply.carry else {}),
        **({} if data is ... else {"data": data}),
    }


def call_json(call: ToolCall) -> JsonObject:
    """A tool call for programs."""
    return {"id": call.id, "name": call.name, "arguments": call.arguments}


def rounded(seconds: float | None) -> float | None:
    """Milliseconds are as fine as anyone wants."""
    return None if seconds is None else round(seconds, 3)


def event_json(event: Event) -> JsonObject:
    """An event of a stream for programs."""
    match event:
        case Text(text):
            return {"type": "text", "text": text}
        case Reasoning(text):
            return {"type": "reasoning", "text": text}
        case ToolCall():
            return {"type": "tool_call", **call_json(event)}
        case Usage():
            return {"type": "usage", **{name: getattr(event, name) for name in COUNTS}}
        case Done(reply):
            return {"type": "done", **reply_json(reply)}


def summary(reply: Reply) -> str:
    """One line for ``-v``."""
    usage = reply.usage
    cached = f" ({usage.cache_read:,} cached)" if usage.cache_read else ""
    thought = f" ({usage.reasoning:,} reasoning)" if usage.reasoning else ""
    return " · ".join(
        (
            reply.model,
            f"{counted(usage.input)} tokens in{cached}, {counted(usage.output)} out{thought}",
            "cost unknown" if reply.cost is None else f"${reply.cost.normalize():f}",
            "" if reply.seconds is None else f"{reply.seconds:.1f} s",
        )
    ).rstrip(" ·")


def counted(number: int | None) -> str:
    """A count, a question mark where nobody told it."""
    return "?" if number is None else f"{number:,}"


def text_writer() -> tuple[Callable[[str], None], Callable[[], None]]:
    """Two functions: one writes text as it comes, the other ends it with exactly one newline."""
    held = [""]  # line ends that may turn out to be the last

    def write(text: str) -> None:
        whole = held[0] + text
        body = whole.rstrip("\n")
        held[0] = whole[len(body) :]
        if body:
            out(body)

    return write, lambda: out("\n")


def thinker(wanted: bool) -> tuple[Callable[[str], None], Callable[[], None]]:
    """Two functions: one tells thoughts on stderr as they come, the other ends them."""
    thinking = [False]

    def think(text: str) -> None:
        if wanted:
            thinking[0] = True
            sys.stderr.write(coloured(redact(text), "2"))
            sys.stderr.flush()

    def rest() -> None:
        if thinking[0]:
            thinking[0] = False
            sys.stderr.write("\n")
            sys.stderr.flush()

    return think, rest
