"""8. Reply -> Reply: priced."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from loki.records import Price, Reply, Usage

MILLION = Decimal(1_000_000)


def account(reply: Reply) -> Reply:
    """Fill in ``cost`` in US dollars; an unknown price stays unknown, never zero."""
    return replace(reply, cost=cost(reply.usage, reply.request.draft.target.model.price))


def cost(usage: Usage, price: Price) -> Decimal | None:
    """What some tokens cost: fresh input, cached input and output, each at its price.

    >>> price = Price(input=Decimal(3), output=Decimal(15), cache_read=Decimal("0.3"))
    >>> cost(Usage(input=1000, cache_read=800, output=100), price)
    Decimal('0.00234')
    >>> cost(Usage(input=1000, output=1), Price(input=Decimal(3))) is None
    True
    """
    if usage.billed_input is not None and usage.billed_output is not None:
        usage = Usage(input=usage.billed_input, output=usage.billed_output)
    if usage.input is None or usage.output is None:
        return None
    read, written = usage.cache_read or 0, usage.cache_write or 0
    parts = (
        (max(0, usage.input - read - written), price.input),
        (read, price.input if price.cache_read is None else price.cache_read),
        (written, price.input if price.cache_write is None else price.cache_write),
        (usage.output, price.output),
    )
    if any(count and each is None for count, each in parts):
        return None
    return sum((count * (each or 0) for count, each in parts), Decimal(0)) / MILLION
