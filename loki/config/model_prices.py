"""Catalogue entry, settings -> Price: what a model costs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from loki.price import PRICES, Price
from loki.record import replace
from loki.records import Client, Model

NO_PRICE = Price()


def read_prices(entry: Mapping[str, object]) -> Price:
    """Return the prices of a catalogue entry or of a configured model.

    >>> read_prices({"input_price": "0.15", "variants": {"flex": 0.5}}).input
    Decimal('0.15')
    """
    amounts: Any = {
        kind: read_amount(entry[key]) for key, kind in PRICE_SETTINGS.items() if key in entry
    }
    variants = entry.get("variants")
    return Price(**amounts, variants=variants) if isinstance(variants, dict) else Price(**amounts)


def read_amount(value: object) -> Decimal | None:
    """Return US dollars a million tokens, exactly as written; None where nothing is.

    >>> read_amount(0.15), read_amount(None)
    (Decimal('0.15'), None)
    """
    return None if value is None else value if isinstance(value, Decimal) else Decimal(str(value))


def merge_prices(known: Price, configured: Price) -> Price:
    """Return the catalogue's prices with the configured ones over them.

    A configured price scales the catalogue's related prices: set only input, and cache prices
    keep their ratio to it. So the two prices that the original Loki knows are enough, and those
    of the catalogue written out by hand change nothing.

    >>> half = merge_prices(Price(Decimal(3), Decimal(15), Decimal("0.3")), Price(Decimal("1.5")))
    >>> half.cache_read, half.output
    (Decimal('0.15'), Decimal('15'))
    """
    if configured == NO_PRICE:
        return known
    if known == NO_PRICE:
        return replace(configured, variants={"*": 1})  # whatever tier it is
    ratios = {kind: find_ratio(known, configured, kind) for kind in PRICES}
    amounts = {kind: getattr(configured, kind) for kind in PRICES}
    given = {kind: amount for kind, amount in amounts.items() if amount is not None}
    return replace(scale_price(known, ratios), **given)


def is_regional(client: Client) -> bool:
    """Return whether a client is served from a region of its choice, which Vertex AI bills."""
    place = client.settings.get("location")
    return client.type == "vertexai" and place is not None and place.value not in ("", "global")


def with_regional_prices(model: Model) -> Model:
    """Return a model of the catalogue with the prices of such a region."""
    return replace(model, price=add_regional_surcharge(model.price))


def add_regional_surcharge(price: Price) -> Price:
    """Return prices with what a region of one's own choice adds to them.

    >>> add_regional_surcharge(Price(Decimal(2), variants={"regional": Decimal("1.1")})).input
    Decimal('2.2')
    """
    factor = price.variants.get("regional")
    if factor is None:
        return price
    ratios = {kind: Decimal(1) if kind in PER_CALL else factor for kind in PRICES}
    return scale_price(price, ratios)


def find_ratio(known: Price, configured: Price, kind: str) -> Decimal | None:
    """Return the factor of one of the catalogue's prices; None where it is unknown.

    >>> find_ratio(Price(Decimal(0)), Price(Decimal(1)), "cache_read") is None
    True
    """
    lead = "output" if kind.endswith("output") else "input" if kind not in PER_CALL else kind
    for name in (kind, lead):
        before, now = getattr(known, name), getattr(configured, name)
        if now is not None:
            return now / before if before else None
    return Decimal(1)


def scale_price(price: Price, ratios: Mapping[str, Decimal | None]) -> Price:
    """Return a price with each kind multiplied, for every tier and size."""
    amounts: Any = scale_amounts({kind: getattr(price, kind) for kind in PRICES}, ratios)
    variants = {
        name: scale_amounts(variant, ratios) if isinstance(variant, dict) else variant
        for name, variant in price.variants.items()
    }
    return Price(**amounts, variants=variants)


def scale_amounts(
    amounts: Mapping[str, Any], ratios: Mapping[str, Decimal | None]
) -> dict[str, Decimal]:
    """Return amounts, each multiplied; without a factor an amount is unknown and left out."""
    known = {kind: (amount, ratios[kind]) for kind, amount in amounts.items()}
    return {
        kind: round(Decimal(str(amount)) * factor, 12).normalize()
        for kind, (amount, factor) in known.items()
        if amount is not None and factor is not None
    }


def fill_derived_prices(price: Price, section: str, name: str, own: bool) -> Price:
    """Return a price with those that follow from it, by a provider's rule or for want of others.

    A server of the user's own, and what is free, has one price for input and one for output.

    >>> fill_derived_prices(Price(Decimal(3)), "claude", "claude-new-1", own=False).cache_write
    Decimal('3.75')
    >>> fill_derived_prices(Price(Decimal(3)), "openai", "gpt-new", own=False).cache_read is None
    True
    """
    if price.input is None:
        return price
    if own or not section or not price.input:
        return replace(price, is_flat=True)
    for sections, pattern, multiples in MULTIPLES:
        if section in sections and pattern in name:
            blank = [kind for kind in multiples if getattr(price, kind) is None]
            derived: Any = {kind: price.input * multiples[kind] for kind in blank}
            return replace(price, **derived)
    return price


#: The settings that are prices, and the fields that they set.
PRICE_SETTINGS = {f"{kind}_price": kind for kind in PRICES}

#: Prices of a search or a call, not of tokens.
PER_CALL = ("search", "request")

#: Multiples of the input price that a provider documents for all of its models, now and to come.
#: Sections, what is in the model's name, and the multiples.
MULTIPLES = (
    (
        ("claude", "vertexai", "bedrock"),
        "claude",
        {"cache_write": Decimal("1.25"), "cache_write_1h": Decimal(2)},
    ),
)
