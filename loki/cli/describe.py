"""Problem, Reply, Event -> what people and programs read of it, without any secret."""

from __future__ import annotations

from typing import Any

from loki.edge.auth.find_secrets import redact_problem, redact_reply_facts
from loki.formats import json_output
from loki.json_text import JsonObject
from loki.price import format_dollars
from loki.problems import Problem
from loki.redaction.redactor import Redactor
from loki.replies import Done, Event, Reply


def one_line(text: str) -> str:
    """Return a text on one line, without control characters and sequences.

    >>> one_line("a\\n b\\x1b[31m c")
    'a b c'
    """
    line = " ".join(text.split())
    if line.isprintable():
        return line
    from loki.cli.ansi import strip_controls

    return strip_controls(line)


def provider_facts(problem: Problem) -> str:
    """Return what the provider's support will ask for, and what was paid for no answer.

    >>> from decimal import Decimal
    >>> provider_facts(Problem("auth", "No.", status=401, code="bad_key", request_id="req_1"))
    ' (401 bad_key, request req_1)'
    >>> provider_facts(Problem("input", "No JSON.", cost=Decimal("0.0120")))
    ' (cost $0.012)'
    """
    code = problem.code if problem.code and problem.code not in problem.message else None
    status = " ".join(str(fact) for fact in (problem.status, code) if fact)
    request = f"request {problem.request_id}" if problem.request_id else ""
    paid = format_dollars(problem.cost) if problem.cost else ""
    cost = f"cost {paid}" if paid and paid not in problem.message else ""
    facts = ", ".join(filter(None, (status, request, cost)))
    return f" ({facts})" if facts else ""


def format_count(number: int | None) -> str:
    """Return a count for people, a question mark where it is unknown.

    >>> format_count(1200), format_count(None)
    ('1,200', '?')
    """
    return "?" if number is None else f"{number:,}"


def format_summary(reply: Reply, today: str = "") -> str:
    """Return the line of ``-v``: model, tokens, cost, seconds; ``today`` is what was spent."""
    usage = reply.usage
    cached = f" ({usage.cache_read:,} cached)" if usage.cache_read else ""
    reasoned = f" ({usage.reasoning:,} reasoning)" if usage.reasoning else ""
    read, written = format_count(usage.input), format_count(usage.output)
    parts = (
        reply.model,
        f"{read} tokens in{cached}, {written} out{reasoned}",
        "cached" if reply.is_cached else "",
        "cost unknown" if reply.cost is None else f"${reply.cost.normalize():f}",
        "" if reply.seconds is None else f"{reply.seconds:.1f} s",
        today,
    )
    return " · ".join(filter(None, parts))


# ---- for programs ------------------------------------------------------------------------------


def problem_json(problem: Problem, redactor: Redactor) -> JsonObject:
    """Return the JSON object of a problem."""
    return json_output.problem_json(redact_problem(problem, redactor))


def full_problem_json(problem: Problem, redactor: Redactor) -> JsonObject:
    """Return the same with what came of an answer: its text, tokens and cost."""
    return {**problem_json(problem, redactor), **json_output.paid_json(problem)}


def reply_json(reply: Reply, redactor: Redactor, data: Any = ...) -> JsonObject:
    """Return the JSON object of an answer; ``data`` is the value that ``--schema`` asked for."""
    return redact_reply_facts(json_output.reply_with_message_json(reply, data), redactor)


def event_json(event: Event, redactor: Redactor) -> JsonObject:
    """Return the JSON object of an event of a stream."""
    shown = json_output.event_json(event)
    return redact_reply_facts(shown, redactor) if isinstance(event, Done) else shown
