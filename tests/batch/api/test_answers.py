"""What came of a row, as its provider writes it -> its line, or asking it again."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from support import SHARED, target

from loki.batch.api.answers import (
    Answered,
    Postponed,
    RowContext,
    Unanswered,
    give_up,
    interpret_result,
)
from loki.batch.api.protocol import RowResult
from loki.batch.api.sites import PROTOCOLS
from loki.money.batch_tier import BatchRates, Discount
from loki.price import Price
from loki.problems import Problem

HALF = Discount(Decimal("0.5"))
PRICE = Price(Decimal(2), Decimal(8))
PRICED = {"name": "m", "input_price": "2", "output_price": "8"}
OPENAI = RowContext(target({"type": "openai", "models": [PRICED]}), BatchRates(PRICE, HALF), 7.0)


def chat(**more: Any) -> Any:
    """Return a chat completion."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "Hi"},
        "finish_reason": "stop",
    }
    usage = {"prompt_tokens": 1000, "completion_tokens": 100}
    return {"choices": [choice], "usage": usage, **more}


def test_a_row_is_priced_at_the_batch_tier_whatever_it_names() -> None:
    for tier in ("default", "priority", "flex", None):
        outcome = interpret_result(OPENAI, RowResult("n-k", 200, chat(service_tier=tier)))
        assert isinstance(outcome, Answered) and outcome.is_good
        assert (outcome.line["cost"], outcome.line["tier"]) == (0.0014, "batch")
        assert (outcome.line["seconds"], outcome.line["attempts"]) == (None, None)
        entry = outcome.entry
        assert (entry.usage.tier, entry.cost) == ("batch", Decimal("0.0014"))
        assert (entry.usual_cost, entry.batch, entry.time) == (Decimal("0.0028"), "n-k", 7.0)


def test_an_answer_that_is_no_good_is_billed() -> None:
    empty = {
        **chat(),
        "choices": [{"index": 0, "message": {"content": ""}, "finish_reason": "length"}],
    }
    outcome = interpret_result(OPENAI, RowResult("n-k", 200, empty))
    assert isinstance(outcome, Answered) and not outcome.is_good
    assert outcome.line["error"]["kind"] == "input" and outcome.line["cost"] == 0.0014
    assert outcome.entry.cost == Decimal("0.0014") and outcome.entry.exact


ERRORS: list[tuple[int, Any, type]] = [
    (400, {"error": {"message": "No."}}, Answered),
    (404, {"error": {"message": "No such model."}}, Answered),
    (408, {"error": {"message": "Late."}}, Unanswered),
    (429, {"error": {"message": "Slow.", "code": "rate_limit_exceeded"}}, Unanswered),
    (500, {"error": {"message": "Oops."}}, Unanswered),
    (529, {"error": {"message": "Busy.", "type": "overloaded_error"}}, Unanswered),
    (429, {"error": {"message": "No credit.", "code": "insufficient_quota"}}, Postponed),
    (400, {"error": {"message": "Full.", "code": "token_limit_exceeded"}}, Postponed),
    (200, {"odd": 1}, Answered),
    (200, None, Answered),
    (200, "text", Answered),
]


@pytest.mark.parametrize(("status", "body", "kind"), ERRORS)
def test_errors_are_final_tried_again_or_held(status: int, body: Any, kind: type) -> None:
    assert isinstance(interpret_result(OPENAI, RowResult("n-k", status, body)), kind)


def test_a_canceled_row_does_not_count_as_a_try() -> None:
    canceled = interpret_result(OPENAI, RowResult("n-k", reason="canceled"))
    expired = interpret_result(OPENAI, RowResult("n-k", reason="expired"))
    assert isinstance(canceled, Unanswered) and not canceled.counts_as_attempt
    assert isinstance(expired, Unanswered) and expired.counts_as_attempt


def test_a_row_that_is_given_up_says_how_often_it_was_tried() -> None:
    line = give_up(OPENAI, Problem("busy", "Slow."), "n-k", 4).line
    assert line == {
        "error": {"kind": "busy", "message": "Slow. (in 4 jobs)", "status": None, "sent": False},
        "tier": "batch",
    }


#: Quoted lines of errors, and what becomes of their rows.
QUOTED = [
    ("openai-batch-errorline-status0-1", "openai", Unanswered),
    ("openai-batch-errorline-expired-1", "openai", Unanswered),
    ("anthropic-batch-errorline-credit-1", "anthropic", Postponed),
]


@pytest.mark.parametrize(("name", "protocol", "kind"), QUOTED)
def test_quoted_lines_of_errors_are_understood(name: str, protocol: str, kind: type) -> None:
    path = SHARED / "batch-recordings" / f"{name}.json"
    if not path.exists():
        pytest.skip("no recorded jobs: shared/batch-recordings is not there")
    client = {"openai": "openai", "anthropic": "claude"}[protocol]
    asked = OPENAI._replace(target=target({"type": client, "models": [PRICED]}))
    for line in json.loads(path.read_text())["response"]["body_text"].splitlines():
        row = PROTOCOLS[protocol].read_row(json.loads(line))
        assert row is not None and isinstance(interpret_result(asked, row), kind)
