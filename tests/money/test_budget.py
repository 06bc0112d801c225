"""A budget lets through what it can hold, and says in figures why it does not let through more."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from returns.result import Success
from support import target

from loki.messages import Media, Message, Text
from loki.money.budget import BudgetStatus, check_budget, known_worst_cost
from loki.money.estimate import estimate_rate_tokens, max_usage, worst_cost
from loki.price import Price
from loki.records import Ask, Draft, Patch, Request
from loki.stages.patch import patch

PRICED: dict[str, Any] = {"input_price": "3", "output_price": "15"}
LONGEST: dict[str, Any] = {"max_output_tokens": 1000}


def request(ask: Ask | None = None, **model: Any) -> Request:
    """A call of a model with some settings; its prompt has one token."""
    client = {"type": "openai", "models": [{"name": "m", **model}]}
    asked = ask or Ask((Message("user", "Hi"),), model="openai:m")
    return Request(Draft(target(client, asked), "", {}, {}), "", {}, b"")


def purse(budget: str, spent: str, unknown: int = 0) -> BudgetStatus:
    """A budget for today."""
    return BudgetStatus("today (2026-11-22, UTC)", Decimal(budget), Decimal(spent), unknown)


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
    assert known_worst_cost(request(**model)) == (None if cost is None else Decimal(cost))


def test_what_is_asked_counts_in_the_worst_case() -> None:
    image = Media("image/png", b"x")
    ask = Ask((Message("user", (Text("and " * 100), image)),), model="openai:m", max_tokens=50)
    found = request(ask, **PRICED, **LONGEST, supports_vision=True).draft.target
    assert (max_usage(found).input, max_usage(found).output) == (100 + 1600, 50)
    assert worst_cost(found) == (Decimal(3) * 1700 + Decimal(15) * 50) / 1_000_000


@pytest.mark.parametrize(
    ("type", "ask", "tokens"),
    [
        ("embedding", Ask(texts=("and " * 10, "and " * 5)), 15),
        ("reranker", Ask(texts=("and " * 10, "and " * 5), query="and " * 2), 15 + 2 * 2),
    ],
)
def test_texts_count_for_what_measures_them(type: str, ask: Ask, tokens: int) -> None:
    found = request(**PRICED).draft.target
    measuring = replace(found, ask=ask, model=replace(found.model, type=type))  # type: ignore[arg-type]
    assert worst_cost(measuring) == Decimal(3) * tokens / 1_000_000
    assert estimate_rate_tokens(measuring) == tokens


def test_a_minute_is_counted_in_likely_tokens_and_money_in_all_that_there_can_be() -> None:
    found = request(Ask((Message("user", "12345678" * 50),), model="openai:m")).draft.target
    assert (estimate_rate_tokens(found), max_usage(found).input) == (100, 400)


def test_an_answer_as_long_as_may_be_counts_for_what_a_minute_allows() -> None:
    ask = Ask((Message("user", "and " * 100),), model="openai:m", max_tokens=50)
    assert estimate_rate_tokens(request(ask).draft.target) == 150
    assert (
        estimate_rate_tokens(request(replace(ask, max_tokens=None), **LONGEST).draft.target) == 100
    )


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
    result = check_budget(call, [purse("99", "0"), purse(budget, spent)], allow_unpriced=True)
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
            " for today (2026-11-22, UTC) $20.50 is spent,"
            " counting 2 calls of unknown cost at their worst case",
        ),
    ],
)
def test_a_refusal_names_the_figures(
    model: dict[str, Any], gone: BudgetStatus, message: str
) -> None:
    problem = check_budget(request(**model), [gone], allow_unpriced=True).failure()
    assert (problem.kind, problem.message, problem.sent) == ("budget", message, False)


FREE: dict[str, Any] = {"input_price": "0", "output_price": "0"}
TIERED: dict[str, Any] = {"patch": {"body": {"service_tier": "priority"}}}


def measuring(type: str, **model: Any) -> Request:
    """A call of an embedding model or a reranker; its texts have some tokens."""
    found = request(**model)
    ask = Ask(texts=("and " * 10,), query="and ")
    type_ = replace(found.draft.target.model, type=type)  # type: ignore[arg-type]
    return replace(
        found, draft=replace(found.draft, target=replace(found.draft.target, ask=ask, model=type_))
    )


@pytest.mark.parametrize(
    ("call", "needs"),
    [
        (request(), "input_price and output_price"),
        (request(**LONGEST), "input_price and output_price"),
        (request(input_price="3"), "input_price and output_price"),
        (request(output_price="3"), "input_price and output_price"),
        (request(input_price="0"), "input_price and output_price"),
        (request(cache_read_price="3"), "input_price and output_price"),
        (request(**PRICED), ""),  # the longest answer is unknown, not what a token of it costs
        (request(**PRICED, **LONGEST), ""),
        (request(**FREE), ""),
        (request(**PRICED, **TIERED), ""),
        (measuring("embedding"), "input_price"),
        (measuring("embedding", output_price="3"), "input_price"),
        (measuring("embedding", input_price="3"), ""),
        (measuring("embedding", input_price="0"), ""),
        (measuring("reranker"), "input_price or search_price"),
        (measuring("reranker", input_price="3"), ""),
        (measuring("reranker", search_price="0.002"), ""),
    ],
)
def test_what_nobody_knows_the_price_of_is_refused_unless_that_is_allowed(
    call: Request, needs: str
) -> None:
    purses = [purse("1", "0")]
    result = check_budget(call, purses)
    assert isinstance(check_budget(call, purses, allow_unpriced=True), Success)
    if not needs:
        assert result.unwrap() is call
        return
    problem = result.failure()
    assert (problem.kind, problem.sent) == ("budget", False)
    assert problem.message == (
        "openai:m has no known price, and a budget is set: give the model its"
        f" {needs} (US dollars, 0 where it is free) under `models` of client 'openai',"
        " or set budget.allow_unpriced: true"
    )


def test_a_tier_that_nobody_knows_the_price_of_is_refused_too() -> None:
    """Only a model with that patch of its own may have it."""
    call = request(**PRICED)
    target = call.draft.target
    tiered = replace(
        target.model,
        price=Price(Decimal(3), Decimal(15)),
        patch=Patch(body={"service_tier": "priority"}),
    )
    draft = patch()(replace(call.draft, target=replace(target, model=tiered)))
    problem = check_budget(replace(call, draft=draft), [purse("1", "0")]).failure()
    assert problem.message == (
        "openai:m has no known price at the service tier 'priority' that a patch asks for,"
        " and a budget is set: take another tier, list a model with this patch and its prices"
        " under `models` of client 'openai', or set budget.allow_unpriced: true"
    )


def test_without_a_budget_no_price_is_wanted() -> None:
    assert isinstance(check_budget(request(), []), Success)
