"""Tokens and other amounts that a provider bills, as an answer tells them."""

from __future__ import annotations

from decimal import Decimal

from loki.record import field_names, record


@record
class Usage:
    """Tokens, None where the provider gave no number.

    ``input`` is the whole prompt, of which ``cache_read`` and ``cache_write`` are parts;
    ``output`` is everything billed as output, of which ``reasoning`` is a part.
    """

    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    reasoning: int | None = None
    billed_input: int | None = None  # where the provider bills by other counts
    billed_output: int | None = None
    cache_write_1h: int | None = None  # parts of cache_write: what is kept for longer
    cache_write_12h: int | None = None
    audio_input: int | None = None  # parts of input, cache_read and output
    audio_cache_read: int | None = None
    audio_output: int | None = None
    searches: int | None = None  # on the web; or search units, which rerankers bill
    tier: str | None = None  # of service, as the answer names it
    told_cost: Decimal | None = None  # US dollars, where the answer itself names its cost


#: The fields of Usage that every program is told.
COUNTS = ("input", "cache_read", "cache_write", "output", "reasoning")

#: Counts that every answer has: where one does not say, a sum is unknown.
ALWAYS = ("input", "output")


def add_usages(usages: list[Usage]) -> Usage:
    """Return the sum of what several calls took, with the tier of the last one.

    >>> add_usages([Usage(input=1, output=2), Usage(input=3, cache_read=1)])  # doctest: +ELLIPSIS
    Usage(input=4, cache_read=1, cache_write=None, output=None, ...)
    """
    sums = {}
    for name in (name for name in field_names(Usage) if name != "tier"):
        known = [n for usage in usages if (n := getattr(usage, name)) is not None]
        if known and (name not in ALWAYS or len(known) == len(usages)):
            sums[name] = sum(known)
    return Usage(**sums, tier=usages[-1].tier)
