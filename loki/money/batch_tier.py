"""Price, what a batch API takes off -> the prices of its rows; what a row cost and would have."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from loki.money.prices import cost, find_price
from loki.price import PRICES, Price
from loki.record import replace
from loki.usage import Usage


class Discount(NamedTuple):
    """What a batch API takes off the usual price."""

    factor: Decimal  # of input and output
    #: What cached tokens cost: the factor of their price, their usual price, or as all input.
    cached: Literal["same", "usual", "input"] = "same"


CACHE = ("cache_read", "cache_write", "cache_write_1h", "cache_write_12h", "audio_cache_read")


def batch_rates(price: Price, discount: Discount, size: int) -> Price | None:
    """Return the prices of a batch row for a prompt of ``size`` tokens, whatever tier it names.

    The catalogue's own go first; what they leave out, and all where they have none, follows from
    the provider's rule.

    >>> half = Discount(Decimal("0.5"), "usual")
    >>> rates = batch_rates(Price(Decimal(2), Decimal(8), Decimal("0.5")), half, 10)
    >>> rates.input, rates.output, rates.cache_read
    (Decimal('1.0'), Decimal('4.0'), Decimal('0.5'))
    """
    usual = find_price(replace(price, variants=drop_any_size(price.variants)), None, size)
    if usual is None or usual.input is None:
        return usual
    listed = "batch" in price.variants
    rates = find_price(price, "batch", size) if listed else None
    if rates is None:
        rates = scale(usual, discount.factor)
    if listed and not isinstance(price.variants["batch"], Mapping) and discount.cached == "same":
        return without_variants(rates)
    return without_variants(with_cache_prices(rates, usual, discount, listed))


class BatchRates:
    """The prices of a model's batch rows; worked out once for each size that has its own."""

    def __init__(self, price: Price, discount: Discount) -> None:
        self.price, self.discount = price, discount
        self.bounds = sorted(int(key.partition(">")[2]) for key in price.variants if ">" in key)
        self.known: dict[int, Price] = {}

    def price_at(self, size: int) -> Price:
        """Return the prices for a prompt of a size in tokens; those that are unknown are None."""
        step = bisect_left(self.bounds, size)
        if step not in self.known:
            self.known[step] = batch_rates(self.price, self.discount, size) or Price()
        return self.known[step]

    def cost(self, usage: Usage) -> Decimal | None:
        """Return what a row cost in US dollars; what the answer itself reports goes first.

        >>> rates = BatchRates(Price(Decimal(3), Decimal(15)), Discount(Decimal("0.5")))
        >>> rates.cost(Usage(input=1000, output=100, tier="default"))
        Decimal('0.00225')
        """
        if usage.told_cost is not None:
            return usage.told_cost
        return cost(usage, self.price_at(usage.input or 0))


def drop_any_size(variants: Mapping[str, Any]) -> dict[str, Any]:
    """Return variants without the one that stands for any tier."""
    return {name: variant for name, variant in variants.items() if name != "*"}


def scale(price: Price, factor: Decimal) -> Price:
    """Return prices of tokens, multiplied."""
    kinds = (kind for kind in PRICES if kind not in ("search", "request"))
    known = {kind: getattr(price, kind) for kind in kinds}
    amounts: Any = {kind: amount * factor for kind, amount in known.items() if amount is not None}
    return replace(price, **amounts)


def with_cache_prices(rates: Price, usual: Price, discount: Discount, listed: bool) -> Price:
    """Return rates with what cached tokens cost by the provider's rule, where no list says it."""
    rule: dict[str, Any] = {
        "same": {},
        "usual": {kind: getattr(usual, kind) for kind in CACHE},
        "input": {"cache_read": rates.input, "audio_cache_read": rates.audio_input},
    }[discount.cached]
    if listed and rates.cache_read is None:
        rule = {"cache_read": rates.input, **rule}  # a list without such a price knows no cache
    own = {kind for kind in CACHE if listed and getattr(rates, kind) is not None}
    amounts: Any = {kind: amount for kind, amount in rule.items() if kind not in own}
    return replace(rates, **amounts)


def without_variants(price: Price) -> Price:
    """Return prices that hold whatever tier an answer names or a patch, and for any size."""
    return replace(price, variants={"*": 1}, is_configured=False)


def usual_cost(usage: Usage, price: Price) -> Decimal | None:
    """Return what the same row would have cost in US dollars if asked one by one."""
    return cost(replace(usage, tier=None, told_cost=None), price)
