"""Amounts of US dollars, read and shown to the last digit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from loki.price import PRICES, Price, format_dollars, read_dollars


@pytest.mark.parametrize(
    ("amount", "dollars"),
    [(0.1, "0.1"), (3, "3"), ("0.10", "0.10"), (1e-7, "1E-7"), (Decimal("0.30"), "0.30")],
)
def test_an_amount_is_read_as_it_is_written(amount: Any, dollars: str) -> None:
    assert str(read_dollars(amount)) == dollars


@pytest.mark.parametrize("amount", ["", "much", "$1", "NaN", "Infinity", float("inf")])
def test_what_is_no_amount_is_refused(amount: Any) -> None:
    with pytest.raises(ValueError, match="expected an amount of US dollars, such as 0.05; this is"):
        read_dollars(amount)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("0", "$0.00"), ("1E-7", "$0.0000001"), ("1E+3", "$1000.00"), ("0.10500", "$0.105")],
)
def test_dollars_have_their_cents_and_every_digit(amount: str, shown: str) -> None:
    assert format_dollars(Decimal(amount)) == shown


def test_where_a_price_is_from_makes_no_other_price_of_it() -> None:
    one = Price(Decimal(1))
    assert one == Price(Decimal(1), variants={"flex": 1}, is_flat=True, is_configured=True)
    assert one != Price(Decimal(1), request=Decimal(1))


def test_every_price_is_unknown_at_first() -> None:
    assert {getattr(Price(), name) for name in PRICES} == {None}
