"""What a row costs in a batch job: the catalogue first, then each provider's own rule."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from loki.money.batch_tier import BatchRates, Discount, batch_rates, usual_cost
from loki.price import Price
from loki.usage import Usage

HALF = Decimal("0.5")
SAME, USUAL, INPUT = (Discount(HALF, rule) for rule in ("same", "usual", "input"))
BASE: dict[str, Any] = {"input": Decimal(2), "output": Decimal(8), "cache_read": Decimal("0.2")}

#: Variants of a price, the rule, and what input, output and cached tokens cost.
RATES: list[tuple[dict[str, Any], Discount, tuple[str, str, str]]] = [
    ({}, SAME, ("1.0", "4.0", "0.1")),  # Anthropic
    ({}, USUAL, ("1.0", "4.0", "0.2")),  # Gemini
    ({}, INPUT, ("1.0", "4.0", "1.0")),  # Groq
    ({}, Discount(Decimal("0.8")), ("1.6", "6.4", "0.16")),  # xAI
    ({"batch": 0.5}, SAME, ("1.0", "4.0", "0.1")),
    ({"batch": {"input": 1, "output": 3, "cache_read": 0.3}}, USUAL, ("1", "3", "0.3")),
    ({"batch": {"input": 1, "output": 3}}, SAME, ("1", "3", "1")),
    ({"batch": {"input": 1, "output": 3}}, USUAL, ("1", "3", "0.2")),
    ({"*": 1}, SAME, ("1.0", "4.0", "0.1")),  # a price of the user's own
]


@pytest.mark.parametrize(("variants", "rule", "expected"), RATES)
def test_each_provider_has_its_rule(
    variants: dict[str, Any], rule: Discount, expected: tuple[str, str, str]
) -> None:
    rates = batch_rates(Price(**BASE, variants=variants), rule, 10)
    assert rates is not None
    assert (rates.input, rates.output, rates.cache_read) == tuple(map(Decimal, expected))


def test_long_prompts_have_their_own_prices() -> None:
    price = Price(**BASE, variants={">1000": {"input": 4, "output": 12, "cache_read": 1}})
    rates = BatchRates(price, SAME)
    assert [rates.price_at(size).input for size in (1000, 1001, 10, 9000)] == [1, 2, 1, 2]
    assert rates.price_at(2000).cache_read == HALF


def test_what_an_answer_reports_goes_first_and_unknown_is_not_zero() -> None:
    usage = Usage(input=1000, output=100, tier="priority", told_cost=Decimal("0.5"))
    assert BatchRates(Price(**BASE), SAME).cost(usage) == Decimal("0.5")
    assert BatchRates(Price(), SAME).cost(Usage(input=1, output=1)) is None
    assert usual_cost(usage, Price(**BASE)) == Decimal("0.0028")
