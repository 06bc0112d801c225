"""Values of the ledger: what SQLite takes, and money that comes back as it went in."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from loki.edge.ledger.values import MAX_NAME, from_pico, storable, to_pico


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (None, None),
        (0.5, 0.5),
        (2**63 - 1, 2**63 - 1),
        (2**63, None),
        ("a\udcff", "a?"),
        ("a" * (MAX_NAME + 1), "a" * MAX_NAME),
        (Decimal("0.000001"), 1_000_000),
        (Decimal("Infinity"), None),
        (Decimal(10) ** 30, None),
    ],
)
def test_a_value_is_stored_or_unknown(value: Any, stored: Any) -> None:
    assert storable(value) == stored


@pytest.mark.parametrize("dollars", ["0", "0.000000000001", "12.34", "1000000"])
def test_money_comes_back_as_it_went_in(dollars: str) -> None:
    assert from_pico(to_pico(Decimal(dollars))) == Decimal(dollars)
    assert from_pico(None) is None
