"""What of a row, or of its failure, stands in its line of the output."""

from __future__ import annotations

from loki.batch.rows import Row
from loki.cli.describe import problem_json
from loki.edge.batch.rate_limiter import STOPPED
from loki.json_text import JsonObject
from loki.problems import Problem
from loki.redaction.redactor import Redactor
from loki.stages.account import is_free
from loki.usage import COUNTS, Usage


def kept_fields(row: Row) -> JsonObject:
    """Return the fields of the input that go into a line: those of a row that has them."""
    return {name_kept_field(name): value for name, value in (row.fields or {}).items()}


def name_kept_field(name: str) -> str:
    """Return the name under which a field of the input stands in an output line.

    >>> name_kept_field("lang"), name_kept_field("text")
    ('lang', 'input_text')
    """
    return f"input_{name}" if name in RESERVED_NAMES else name


#: The names that lines have of their own.
RESERVED_NAMES = frozenset(
    ("id", "line", "key", "model", "text", "reasoning", "tool_calls", "finish", "finish_raw")
    + ("usage", "cost", "seconds", "first_token_seconds", "attempts", "request_id", "data")
    + ("message", "carry", "sources", "cached", "embedding", "error")
)


def error_json(problem: Problem, redactor: Redactor) -> JsonObject:
    """A problem in a row."""
    result = problem_json(problem, redactor)
    return {name: result[name] for name in ("kind", "message", "status", "sent")}


def has_answer(problem: Problem) -> bool:
    """Whether a failure was a whole answer, which was billed."""
    return problem.usage is not None and may_be_billed(problem)


def may_be_billed(problem: Problem) -> bool:
    """Whether a failure may have cost something."""
    return not is_free(problem) and problem.code != STOPPED.code


def billed_facts(problem: Problem) -> JsonObject:
    """Return what came of an answer that is a failure, in the words of one that is good."""
    usage = problem.usage or Usage()
    return {
        "text": problem.answer_text or "",
        "usage": {name: getattr(usage, name) for name in COUNTS},
        "cost": None if problem.cost is None else float(problem.cost),
    }
