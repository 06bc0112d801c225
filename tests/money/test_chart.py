"""Charts of spending: nothing is lost between the bars, the shares and the total."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.money.chart import MODELS, bar_lengths, chart, format_share
from loki.money.report import ReportRow, Tally

DAYS = [f"2026-11-{day:02d}" for day in range(1, 8)]
MONEY = st.decimals(0, 100, places=6)
ROWS = st.lists(
    st.builds(
        lambda day, model, cost: ReportRow((day, f"c:{model}"), Tally(cost=cost)),
        st.sampled_from(DAYS),
        st.integers(0, 2 * MODELS),
        MONEY,
    ),
    min_size=1,
    max_size=30,
)


@given(ROWS)
def test_no_dollar_is_lost(rows: list[ReportRow]) -> None:
    whole = sum((row.tally.cost or Decimal(0) for row in rows), Decimal(0))
    drawn = chart(rows, DAYS)
    assert drawn.total.cost == whole
    assert sum((bar.height for bar in drawn.bars), Decimal(0)) == whole
    assert sum((each.tally.cost or Decimal(0) for each in drawn.shares), Decimal(0)) == whole


@given(ROWS)
def test_there_is_a_bar_for_every_day_since_the_first_call(rows: list[ReportRow]) -> None:
    first = min(row.keys[0] for row in rows)
    drawn = chart(rows, DAYS)
    assert [bar.name for bar in drawn.bars] == [day for day in DAYS if day >= first]
    assert {len(bar.costs) for bar in drawn.bars} == {len(drawn.shares)}


@given(ROWS)
def test_only_a_few_models_have_a_share_of_their_own_the_dearest_first(
    rows: list[ReportRow],
) -> None:
    drawn = chart(rows, DAYS)
    own = [each.tally.cost or Decimal(0) for each in drawn.shares[:MODELS]]
    assert own == sorted(own, reverse=True) and len(drawn.shares) <= MODELS + 1


def spent(models: int) -> list[ReportRow]:
    """Return a call of each of some models, the last the dearest."""
    return [ReportRow((DAYS[0], f"c:m{n}"), Tally(cost=Decimal(n + 1))) for n in range(models)]


@pytest.mark.parametrize(
    ("models", "last"),
    [
        (MODELS, ("c:m0",)),
        (MODELS + 1, ("c:m0",)),  # one alone is told by its name
        (MODELS + 2, ("2 others",)),
        (MODELS + 9, ("9 others",)),
    ],
)
def test_the_small_ones_are_told_as_one(models: int, last: tuple[str, ...]) -> None:
    assert chart(spent(models), DAYS).shares[-1].keys == last


def test_a_call_of_unknown_cost_has_no_height() -> None:
    rows = [
        ReportRow((DAYS[0], "c:m"), Tally(cost=None)),
        ReportRow((DAYS[1], "c:m"), Tally(cost=Decimal(2))),
    ]
    assert [bar.height for bar in chart(rows, DAYS[:2]).bars] == [0, 2]


@given(st.lists(MONEY, max_size=8), st.integers(1, 200), st.decimals(0, 900, places=2))
def test_the_parts_of_a_bar_are_as_long_as_the_bar(
    costs: list[Decimal], width: int, more: Decimal
) -> None:
    whole = sum(costs, Decimal(0))
    highest = whole + more
    parts = bar_lengths(costs, highest, width)
    assert len(parts) == len(costs) and all(part >= 0 for part in parts)
    assert sum(parts) == (round(whole * width / highest) if highest else 0) <= width


SHARES: list[tuple[str | None, str | None, str]] = [
    ("1", "3", "33%"),
    ("3", "3", "100%"),
    ("0.001", "3", "<1%"),
    ("0", "3", ""),
    (None, "3", ""),
    ("1", None, ""),
    ("0", "0", ""),
]


@pytest.mark.parametrize(("part", "whole", "words"), SHARES)
def test_a_share_is_in_percent_and_never_a_made_up_zero(
    part: str | None, whole: str | None, words: str
) -> None:
    def tally(cost: str | None) -> Tally:
        return Tally(cost=None if cost is None else Decimal(cost))

    assert format_share(tally(part), tally(whole)) == words
