"""Usage, Price -> US dollars: what a call cost, at most, at least, at every tier of service."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from loki.json_text import JsonObject
from loki.money.service_tiers import service_tiers, tier_name
from loki.price import PRICES, Price
from loki.record import replace
from loki.records import Target
from loki.usage import Usage

MILLION = Decimal(1_000_000)


def cost(usage: Usage, price: Price) -> Decimal | None:
    """Return what a call cost in US dollars, by a set price, the answer itself or the catalogue.

    >>> price = Price(input=Decimal(3), output=Decimal(15), cache_read=Decimal("0.3"))
    >>> cost(Usage(input=1000, cache_read=800, output=100), price)
    Decimal('0.00234')
    >>> cost(Usage(input=1000, output=1), Price(input=Decimal(3))) is None
    True
    >>> cost(Usage(input=1000, output=1, told_cost=Decimal("0.1")), Price())
    Decimal('0.1')
    """
    rates, counts = find_price(price, usage.tier, usage.input or 0), count_billed(usage, price)
    own = None if rates is None or counts is None else sum_costs(counts, rates)
    reported = None if price.is_configured and own is not None else usage.told_cost
    return own if reported is None else reported


def price_of(target: Target, changes: JsonObject) -> Price:
    """Return the price of what a request asks for: none is known of a model that a patch names.

    A configured price is for the usual tier of service and for the one that the model's own patch
    asks for. What another tier costs that a patch asks for, only the catalogue may know.
    """
    model = target.model
    if changes.get("model", model.real_name) not in (model.real_name, model.name):
        return Price()
    if not changes or not model.price.is_configured or is_free(model.price):
        return model.price
    own = service_tiers(model.patch.body if model.patch else None)
    asked = {tier: 1 if tier in own else None for tier in service_tiers(changes) if tier}
    return replace(model.price, variants={**asked, **model.price.variants})


def is_free(price: Price) -> bool:
    """Return whether nothing of it costs anything, so that no tier does.

    >>> is_free(Price(Decimal(0), Decimal(0))), is_free(Price(Decimal(0), Decimal(1)))
    (True, False)
    """
    return not any(getattr(price, kind) for kind in PRICES)


def cost_upper_bound(usage: Usage, price: Price) -> Decimal | None:
    """Return the most that usage can cost: all of it audio, or all of it written to the cache.

    >>> price = Price(Decimal(1), Decimal(5), cache_write=Decimal("1.25"))
    >>> cost_upper_bound(Usage(input=1_000_000, output=0), price)
    Decimal('1.25')
    >>> cost_upper_bound(Usage(input=1_000_000), Price(Decimal(1), Decimal(0)))
    Decimal('1')
    """
    rates = find_price(price, usage.tier, usage.input or 0)
    if rates is None or rates.input is None:
        return cost(usage, price)
    inputs = (rates.input, rates.cache_write, rates.audio_input)
    outputs = (rates.output, rates.audio_output)
    most: Any = {
        "input": max(amount for amount in inputs if amount is not None),
        "output": max((amount for amount in outputs if amount is not None), default=None),
    }
    if most["output"] == 0:  # however long the answer is
        usage = replace(usage, output=usage.output or 0)
    return cost(usage, replace(rates, **most, variants={"*": 1}))


def sum_costs(counts: Mapping[str, int], rates: Price) -> Decimal | None:
    """Return the sum of counts, each at its price; None if a price is unknown.

    >>> price = Price(input=Decimal(3), search=Decimal("0.01"))
    >>> sum_costs({"input": 2_000_000, "search": 3}, price)
    Decimal('6.03')
    """
    total = rates.request or Decimal(0)
    for kind, count in counts.items():
        amount = getattr(rates, kind)
        if amount is None and rates.is_flat and kind != "search":
            amount = rates.output if kind.endswith("output") else rates.input
        if count and amount is None:
            return None
        total += count * (amount or Decimal(0)) / (1 if kind == "search" else MILLION)
    return total


def count_billed(usage: Usage, price: Price) -> dict[str, int] | None:
    """Return how much is billed at each price; None if a count is missing or they contradict.

    >>> count_billed(Usage(input=10, cache_read=4, output=2), Price())["input"]
    6
    >>> count_billed(Usage(input=29, cache_read=157, output=6), Price()) is None
    True
    """
    searches = {"search": usage.searches or 0}
    if price.input is None and price.search is not None and not usage.output:  # a reranker's
        return None if usage.searches is None else searches
    if usage.billed_input is not None and usage.billed_output is not None:
        return {"input": usage.billed_input, "output": usage.billed_output, **searches}
    if usage.input is None or usage.output is None:
        return None
    read, written = usage.cache_read or 0, usage.cache_write or 0
    audio, audio_read = usage.audio_input or 0, usage.audio_cache_read or 0
    hour, half_day = usage.cache_write_1h or 0, usage.cache_write_12h or 0
    audio_output = usage.audio_output or 0
    counts = {
        "input": usage.input - read - written - audio + audio_read,
        "cache_read": read - audio_read,
        "cache_write": written - hour - half_day,
        "cache_write_1h": hour,
        "cache_write_12h": half_day,
        "audio_input": audio - audio_read,
        "audio_cache_read": audio_read,
        "output": usage.output - audio_output,
        "audio_output": audio_output,
    }
    return {**counts, **searches} if min(counts.values()) >= 0 else None


def find_price(price: Price, tier: str | None, size: int) -> Price | None:
    """Return the prices at a tier of service, for a prompt of a size in tokens; None if unknown.

    >>> price = Price(Decimal(2), variants={"flex": 0.5, ">1000": {"input": 4}})
    >>> [f"{find_price(price, tier, 1001).input:f}" for tier in ("default", "flex")]
    ['4', '2.0']
    >>> find_price(price, "priority", 10) is None
    True
    """
    name = tier_name(tier)
    steps = [int(key.partition(">")[2]) for key in price.variants if ">" in key]
    step = max((bound for bound in steps if bound < size), default=0)
    end = f">{step}" if step else ""
    usual = apply_variant(price, price.variants.get(end)) if step else price
    if not name:
        return usual
    variant = price.variants.get(name + end, price.variants.get(name, price.variants.get("*")))
    if isinstance(variant, Mapping):  # if only short prompts are told of, nobody knows
        return apply_variant(price, variant) if name + end in price.variants else None
    return usual and apply_variant(usual, variant)


def apply_variant(price: Price, variant: Any) -> Price | None:
    """Return a price with a variant's factor or prices applied; None where there is no variant.

    >>> half = apply_variant(Price(Decimal(2), search=Decimal(1)), 0.5)
    >>> half.input, half.output, half.search
    (Decimal('1.0'), None, Decimal('1'))
    """
    if variant is None:
        return None
    if isinstance(variant, Mapping):
        prices: Any = {kind: Decimal(str(variant[kind])) for kind in PRICES if kind in variant}
        base = Price(search=price.search, request=price.request, is_flat=price.is_flat)
        return replace(base, **prices)
    factor = Decimal(str(variant))
    tokens = {kind: getattr(price, kind) for kind in PRICES if kind not in ("search", "request")}
    return replace(
        price, **{kind: amount * factor for kind, amount in tokens.items() if amount is not None}
    )


def cost_lower_bound(usage: Usage, price: Price) -> Decimal | None:
    """Return the least that a broken answer cost, by the tokens reported before it broke off.

    >>> cost_lower_bound(Usage(input=1000), Price(input=Decimal(3), output=Decimal(15)))
    Decimal('0.003')
    """
    if usage.input is None and usage.output is None:
        return None
    return cost(replace(usage, input=usage.input or 0, output=usage.output or 0), price)
