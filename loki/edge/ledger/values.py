"""Values of an entry -> values of a row of SQLite, and back."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

#: The costs of the ledger are whole numbers of 1e-12 dollars.
PICO = 12


MAX_INTEGER = 2**63 - 1


MAX_DOLLARS = 10**9  # US dollars; above it nothing is a price


MAX_NAME = 500  # characters of a name


def storable(value: Any) -> Any:
    """Return a value as SQLite takes it; None if it cannot.

    >>> storable(10**30), storable("\\udcff"), storable(Decimal("0.00234"))
    (None, '?', 2340000000)
    """
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, Decimal):
        value = to_pico(value) if value.is_finite() and abs(value) < MAX_DOLLARS else None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()[:MAX_NAME]
    if isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
        return None
    return value


def to_pico(cost: Decimal) -> int:
    """Return US dollars in units of 1e-12 dollars.

    >>> to_pico(Decimal("0.00234"))
    2340000000
    """
    return int(cost.scaleb(PICO).to_integral_value(ROUND_HALF_UP))


def from_pico(cost: int | None) -> Decimal | None:
    """Return a cost of the ledger in US dollars.

    >>> from_pico(2340000000)
    Decimal('0.002340000000')
    """
    return None if cost is None else Decimal(cost).scaleb(-PICO)
