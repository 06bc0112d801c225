"""What a model costs: US dollars for each kind of token, search and call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from decimal import Decimal, InvalidOperation
from typing import Any

from loki.record import field_names, record


@record
class Price:
    """US dollars a million tokens; None is unknown.

    ``variants`` has what holds at other tiers of service and for long prompts, as the catalogue
    writes it: under ``flex``, ``>272000``, ``flex>272000`` or ``*`` (any tier) a factor or prices.
    """

    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None  # kept for minutes
    cache_write_1h: Decimal | None = None
    cache_write_12h: Decimal | None = None
    audio_input: Decimal | None = None
    audio_cache_read: Decimal | None = None
    audio_output: Decimal | None = None
    search: Decimal | None = None  # US dollars for one search
    request: Decimal | None = None  # US dollars for every call, beside its tokens
    variants: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    is_flat: bool = field(default=False, compare=False)  # parts cost what all of input, output does
    is_configured: bool = field(
        default=False, compare=False
    )  # by the user, who knows better than an answer


#: The fields of Price that are prices.
PRICES = tuple(
    name for name in field_names(Price) if name not in ("variants", "is_flat", "is_configured")
)


def read_dollars(amount: Decimal | float | str | None) -> Decimal | None:
    """Return an amount of US dollars as it is written: 0.1 is a tenth; None stays None.

    Raises ValueError for what is no amount.

    >>> read_dollars(0.1), read_dollars("2"), read_dollars(None)
    (Decimal('0.1'), Decimal('2'), None)
    """
    if amount is None or isinstance(amount, Decimal):
        return amount
    try:
        dollars = Decimal(str(amount))
    except InvalidOperation:
        dollars = Decimal("NaN")
    if not dollars.is_finite():
        raise ValueError(f"expected an amount of US dollars, such as 0.05; this is {amount!r}")
    return dollars


def format_dollars(amount: Decimal) -> str:
    """Return US dollars to the last significant digit, with at least the cents.

    >>> [format_dollars(Decimal(dollars)) for dollars in ("1.5000", "0.002340", "20")]
    ['$1.50', '$0.00234', '$20.00']
    """
    cents = amount.quantize(Decimal("0.01"))
    return f"${cents if cents == amount else amount.normalize():f}"
