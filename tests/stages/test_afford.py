"""A budget lets through what it can hold, and says in figures why it does not let through more."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from returns.result import Success
from support import target

from loki.records import Ask, Draft, Media, Message, Request, Text
from loki.stages.afford import Purse, afford, could_cost
from loki.stages.resolve import largest, quota, worst_case

PRICED: dict[str, Any] = {"input_price": "3", "output_price": "15"}
LONGEST = {"max_output_tokens": 1000}


def request(ask: Ask | None = None, **model: Any) -> Request:
    """A call of a model with some settings; its prompt has one token."""
    client = {"type": "openai", "models": [{"name": "m", **model}]}
    asked = ask or Ask((Message("user", "Hi"),), model="openai:m")
    return Request(Draft(target(client, asked), "", {}, {}), "", {}, b"")


def purse(budget: str, spent: str, unknown: int = 0) -> Purse:
    """A budget for today."""
    return Purse("today (2026-11-22, UTC)", Decimal(budget), Decimal(spent), unknown)


@pytest.mark.parametrize(
    ("model", "cost"),
    [
        ({**PRICED, **LONGEST}, "0.015003"),
        ({**PRICED}, "0.000003"),  # the longest answer is unknown: the prompt counts
        ({**LONGEST}, None),
        ({"input_price": "3", **LONGEST}, None),
        ({"input_price": "0", "output_price": "0"}, "0"),
        ({}, None),
    ],
)
def test_the_worst_case_is_what_is_known_of_it(model: dict[str, Any], cost: str | None) -> None:
    assert could_cost(request(**model)) == (None if cost is None else Decimal(cost))


def test_what_is_asked_counts_in_the_worst_case() -> None:
    image = Media("image/png", b"x")
    ask = Ask((Message("user", (Text("four" * 100), image)),), model="openai:m", max_tokens=50)
    found = request(ask, **PRICED, **LONGEST, supports_vision=True).draft.target
    assert (largest(found).input, largest(found).output) == (100 + 1600, 50)
    assert worst_case(found) == (Decimal(3) * 1700 + Decimal(15) * 50) / 1_000_000


@pytest.mark.parametrize(
    ("type", "ask", "tokens"),
    [
        ("embedding", Ask(texts=("four" * 10, "four" * 5)), 15),
        ("reranker", Ask(texts=("four" * 10, "four" * 5), query="four" * 2), 15 + 2 * 2),
    ],
)
def test_texts_count_for_what_measures_them(type: str, ask: Ask, tokens: int) -> None:
    found = request(**PRICED).draft.target
    measuring = replace(found, ask=ask, model=replace(found.model, type=type))  # type: ignore[arg-type]
    assert worst_case(measuring) == Decimal(3) * tokens / 1_000_000
    assert quota(measuring) == tokens


def test_an_answer_as_long_as_may_be_counts_for_what_a_minute_allows() -> None:
    ask = Ask((Message("user", "four" * 100),), model="openai:m", max_tokens=50)
    assert quota(request(ask).draft.target) == 150
    assert quota(request(replace(ask, max_tokens=None), **LONGEST).draft.target) == 100


@pytest.mark.parametrize(
    ("model", "budget", "spent", "passes"),
    [
        ({**PRICED, **LONGEST}, "1", "0", True),
        ({**PRICED, **LONGEST}, "1", "0.984997", True),  # to the last digit
        ({**PRICED, **LONGEST}, "1", "0.984998", False),
        ({**PRICED, **LONGEST}, "0", "0", False),
        ({**PRICED}, "1", "0.9", True),
        ({**PRICED}, "1", "1", False),
        ({}, "1", "0.999", True),
        ({}, "1", "1", False),
        ({}, "0", "0", False),
        ({"input_price": "0", "output_price": "0"}, "1", "9", True),
    ],
)
def test_a_budget_lets_through_what_it_can_hold(
    model: dict[str, Any], budget: str, spent: str, passes: bool
) -> None:
    call = request(**model)
    result = afford(call, [purse("99", "0"), purse(budget, spent)])
    assert isinstance(result, Success) == passes
    assert passes or result.failure().kind == "budget"
    assert not passes or result.unwrap() is call


@pytest.mark.parametrize(
    ("model", "gone", "message"),
    [
        (
            {**PRICED, **LONGEST},
            purse("1.50", "1.4999"),
            "openai:m could cost $0.015003, and of the budget of $1.50"
            " for today (2026-11-22, UTC) $1.4999 is spent",
        ),
        (
            {},
            purse("20", "20.5", unknown=2),
            "openai:m has no known price, and of the budget of $20.00"
            " for today (2026-11-22, UTC) $20.50 is spent, besides 2 calls of unknown cost",
        ),
    ],
)
def test_a_refusal_names_the_figures(model: dict[str, Any], gone: Purse, message: str) -> None:
    problem = afford(request(**model), [gone]).failure()
    assert (problem.kind, problem.message, problem.sent) == ("budget", message, False)
