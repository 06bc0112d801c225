"""Rows by time and model -> the bars, shares and total of a chart of spending."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from loki.money.report import ReportRow, Tally, printable, sort_rows, sum_tallies

MODELS = 6  # that have a colour of their own; all others share one


class Bar(NamedTuple):
    """A day or month, and what was spent in it on each model of the chart, in their order."""

    name: str
    costs: tuple[Decimal, ...]

    @property
    def height(self) -> Decimal:
        """Return what was spent on all of them, in US dollars."""
        return sum(self.costs, Decimal(0))


class Chart(NamedTuple):
    """All there is to draw; ``shares`` has the models, the dearest first, the small ones in one."""

    bars: tuple[Bar, ...]
    shares: tuple[ReportRow, ...]
    total: Tally


def chart(by_time: Sequence[ReportRow], names: Sequence[str]) -> Chart:
    """Return the chart of rows by time and model: a bar for each named time since the first call.

    >>> one = ReportRow(("2026-11-02", "a:b"), Tally(cost=Decimal(3)))
    >>> [bar.height for bar in chart([one], ["2026-11-01", "2026-11-02", "2026-11-03"]).bars]
    [Decimal('3'), Decimal('0')]
    """
    models = sort_rows(
        (ReportRow((printable(row.keys[1]),), row.tally) for row in by_time), ["model"]
    )
    own, small = models[:MODELS], models[MODELS:]
    others = ReportRow((f"{len(small)} others",), sum_tallies(row.tally for row in small))
    shares = (*own, others) if len(small) > 1 else tuple(models)
    place = {row.keys[0]: i for i, row in enumerate(models[: len(shares)])}
    first = min(row.keys[0] for row in by_time)
    costs = {name: [Decimal(0)] * len(shares) for name in names if name >= first}
    for (name, model), tally in by_time:
        costs[name][place.get(printable(model), len(shares) - 1)] += tally.cost or 0
    bars = tuple(Bar(name, tuple(amounts)) for name, amounts in costs.items())
    return Chart(bars, shares, sum_tallies(row.tally for row in by_time))


def bar_lengths(costs: Sequence[Decimal], highest: Decimal, width: int) -> list[int]:
    """Return the parts of a bar in whole steps, of which the highest bar has ``width``.

    >>> bar_lengths([Decimal(1), Decimal("0.5")], Decimal(3), 12)
    [4, 2]
    """
    ends, sum = [0], Decimal(0)
    for cost in costs:
        sum += cost
        ends.append(round(sum * width / highest) if highest else 0)
    return [end - start for start, end in zip(ends, ends[1:], strict=False)]


def format_share(part: Tally, total: Tally) -> str:
    """Return the share of a part of the whole, in percent.

    >>> format_share(Tally(cost=Decimal(1)), Tally(cost=Decimal(3))), format_share(Tally(), Tally())
    ('33%', '')
    """
    if not part.cost or not total.cost:
        return ""
    percent = round(100 * part.cost / total.cost)
    return f"{percent}%" if percent else "<1%"
