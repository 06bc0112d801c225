"""What stands in a line of the output beside an answer."""

from __future__ import annotations

from decimal import Decimal

import pytest

from loki.batch.rows import InvalidRow
from loki.cli.batch.row_line import (
    billed_facts,
    error_json,
    has_answer,
    kept_fields,
    may_be_billed,
)
from loki.edge.batch.rate_limiter import STOPPED
from loki.problems import Problem
from loki.redaction.redactor import Redactor
from loki.usage import Usage

ANSWERED = Problem(
    "input", "No.", sent=True, usage=Usage(input=3), answer_text="Hi", cost=Decimal("0.5")
)


@pytest.mark.parametrize(
    ("problem", "is_billed", "is_answer"),
    [
        (ANSWERED, True, True),
        (Problem("offline", "Late.", sent=True), True, False),
        (Problem("input", "No.", sent=True, status=400), False, False),
        (Problem("offline", "Nobody."), False, False),
        (STOPPED, False, False),
    ],
)
def test_a_failure_is_billed_if_it_was_sent_and_not_refused(
    problem: Problem, is_billed: bool, is_answer: bool
) -> None:
    assert (may_be_billed(problem), has_answer(problem)) == (is_billed, is_answer)


def test_what_was_paid_for_stands_beside_the_error() -> None:
    facts = billed_facts(ANSWERED)
    assert (facts["text"], facts["cost"], facts["usage"]["input"]) == ("Hi", 0.5, 3)
    redactor = Redactor()
    redactor.add("s3cret-of-mine")
    error = error_json(Problem("input", "No s3cret-of-mine."), redactor)
    assert error == {"kind": "input", "message": "No ***.", "status": None, "sent": False}


def test_fields_with_names_of_ours_are_renamed() -> None:
    row = InvalidRow(1, "a", Problem("input", ""), {"lang": "fr", "text": "Hi"})
    assert kept_fields(row) == {"lang": "fr", "input_text": "Hi"}
    assert kept_fields(row._replace(fields=None)) == {}
