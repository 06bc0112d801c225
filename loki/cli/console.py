"""Events, replies and problems -> what a terminal or a pipe sees."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from loki.edge.auth.redact import redact_facts
from loki.edge.auth.redaction import redact
from loki.formats import json_output
from loki.formats.json_output import rounded
from loki.json_text import compact
from loki.problems import Problem
from loki.records import JsonObject
from loki.replies import Done, Event, Reply

__all__ = ["compact", "event_json", "reply_json", "rounded"]


def out(text: str) -> None:
    """Write to stdout at once; a character that has no UTF-8 becomes a question mark."""
    put(text.encode("utf-8", "replace"))


def put(data: bytes) -> None:
    """All of some bytes to stdout; without Python's buffer, a reader that leaves cuts one write."""
    rest = memoryview(data)
    while rest:
        rest = rest[sys.stdout.buffer.write(rest) :]
    sys.stdout.buffer.flush()


def say(text: str) -> None:
    """Write somebody else's words: a terminal gets nothing that it would obey, a pipe it all."""
    out(harmless(text) if watched() else text)


@cache
def watched() -> bool:
    """Whether somebody reads stdout at a terminal."""
    return sys.stdout.isatty()


def harmless(text: str) -> str:
    """A text without what a terminal would obey."""
    from loki.cli import ansi

    return ansi.harmless(text)


def left_alone() -> None:
    """Leave, as after a closed pipe, if nobody reads stdout any more."""
    import select

    if not hasattr(select, "poll"):
        return  # the next write will tell
    reader = select.poll()
    reader.register(sys.stdout.fileno(), 0)  # an error is always reported
    if any(happened & select.POLLERR for _, happened in reader.poll(0)):
        raise SystemExit(141)


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
        told = compact(problem_json(problem))
        talk(harmless(told) if sys.stderr.isatty() else told)


def one_line(words: str) -> str:
    """Words of somebody else's on one line, without what a terminal would obey.

    >>> one_line("a\\n b\\x1b[31m c")
    'a b[31m c'
    """
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "", " ".join(words.split()))


def problem_json(problem: Problem) -> JsonObject:
    """A problem for programs, without any secret."""
    told = (problem.message, problem.code, problem.request_id)
    message, code, id = (words and redact(words) for words in told)
    redacted = replace(problem, message=message or "", code=code, request_id=id)
    return json_output.problem_json(redacted)


def reply_json(reply: Reply, data: Any = ...) -> JsonObject:
    """Return an answer for programs."""
    return redact_facts(json_output.reply_json(reply, data))


def event_json(event: Event) -> JsonObject:
    """Return an event of a stream for programs."""
    told = json_output.event_json(event)
    return redact_facts(told) if isinstance(event, Done) else told


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


def summary(reply: Reply, today: str = "") -> str:
    """One line for ``-v``; ``today`` is what was spent."""
    usage = reply.usage
    cached = f" ({usage.cache_read:,} cached)" if usage.cache_read else ""
    thought = f" ({usage.reasoning:,} reasoning)" if usage.reasoning else ""
    parts = (
        reply.model,
        f"{counted(usage.input)} tokens in{cached}, {counted(usage.output)} out{thought}",
        "cost unknown" if reply.cost is None else f"${reply.cost.normalize():f}",
        "" if reply.seconds is None else f"{reply.seconds:.1f} s",
        today,
    )
    return " · ".join(filter(None, parts))


def counted(number: int | None) -> str:
    """A count, a question mark where nobody told it."""
    return "?" if number is None else f"{number:,}"


def text_writer() -> tuple[Callable[[str], None], Callable[[], None]]:
    """Two functions: one writes text as it comes, the other ends it with exactly one newline."""
    held = [""]  # line ends that may turn out to be the last
    clean = cleaned(watched())

    def write(text: str) -> None:
        whole = held[0] + clean(text)
        body = whole.rstrip("\n")
        held[0] = whole[len(body) :]
        if body:
            out(body)

    return write, lambda: out("\n")


def cleaned(terminal: bool) -> Callable[[str], str]:
    """What makes the pieces of a text fit for a terminal, or leaves them alone."""
    if not terminal:
        return str
    from loki.cli.ansi import cleaner

    return cleaner()


def thinker(wanted: bool) -> tuple[Callable[[str], None], Callable[[], None]]:
    """Two functions: one tells thoughts on stderr as they come, the other ends them."""
    thinking = [False]
    clean = cleaned(wanted and sys.stderr.isatty())

    def think(text: str) -> None:
        if wanted:
            thinking[0] = True
            sys.stderr.write(coloured(redact(clean(text)), "2"))
            sys.stderr.flush()

    def rest() -> None:
        if thinking[0]:
            thinking[0] = False
            sys.stderr.write("\n")
            sys.stderr.flush()

    return think, rest
