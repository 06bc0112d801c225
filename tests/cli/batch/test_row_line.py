"""What stands in a line of the output where a row failed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from loki.cli.batch.row_line import billed_facts, error_json, may_be_billed
from loki.edge.batch.rate_limiter import STOPPED
from loki.problems import Problem
from loki.redaction.redactor import Redactor
from loki.usage import Usage

ANSWERED = Problem(
    "input", "No.", sent=True, usage=Usage(input=3), answer_text="Hi", cost=Decimal("0.5")
)


@pytest.mark.parametrize(
    ("problem", "is_billed", "names"),
    [
        (ANSWERED, True, ["text", "usage", "cost"]),
        (Problem("offline", "Late.", sent=True), True, []),
        (Problem("input", "No.", sent=True, status=400), False, []),
        (Problem("input", "No.", sent=True, status=400, cost=Decimal(1)), False, ["cost"]),
        (Problem("offline", "Nobody."), False, []),
        (STOPPED, False, []),
    ],
)
def test_a_failure_is_billed_if_it_was_sent_and_not_refused(
    problem: Problem, is_billed: bool, names: list[str]
) -> None:
    assert (may_be_billed(problem), [*billed_facts(problem)]) == (is_billed, names)


def test_what_was_paid_for_stands_beside_the_error() -> None:
    facts = billed_facts(ANSWERED)
    assert (facts["text"], facts["cost"], facts["usage"]["input"]) == ("Hi", 0.5, 3)
    redactor = Redactor()
    redactor.add("s3cret-of-mine")
    error = error_json(Problem("input", "No s3cret-of-mine."), redactor)
    assert error == {"kind": "input", "message": "No ***.", "status": None, "sent": False}
