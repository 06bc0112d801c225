"""What of a failure stands in its line of the output."""

from __future__ import annotations

from loki.cli.describe import problem_json
from loki.edge.batch.rate_limiter import STOPPED
from loki.json_text import JsonObject
from loki.problems import Problem
from loki.redaction.redactor import Redactor
from loki.stages.account import is_free
from loki.usage import COUNTS


def error_json(problem: Problem, redactor: Redactor) -> JsonObject:
    """A problem in a row."""
    result = problem_json(problem, redactor)
    return {name: result[name] for name in ("kind", "message", "status", "sent")}


def may_be_billed(problem: Problem) -> bool:
    """Whether a failure may have cost something."""
    return not is_free(problem) and problem.code != STOPPED.code


def billed_facts(problem: Problem) -> JsonObject:
    """Return what came of an answer that is a failure, in the words of one that is good.

    Of a failure without one, it is what models tried before it cost.
    """
    if problem.usage is None or not may_be_billed(problem):
        return {"cost": float(problem.cost)} if problem.cost else {}
    return {
        "text": problem.answer_text or "",
        "usage": {name: getattr(problem.usage, name) for name in COUNTS},
        "cost": None if problem.cost is None else float(problem.cost),
    }
