"""Sums become rows, tables and charts: in order, whole, and honest about what is not known."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.money.chart import MODELS, bar_lengths, chart, format_share
from loki.money.report import (
    ReportRow,
    Tally,
    csv_rows,
    decimals_of,
    format_amount,
    format_cost,
    json_row,
    sort_rows,
    sum_tallies,
    table,
)

ONE = Tally(calls=2, failed=1, input=1000, cached=10, output=7, cost=Decimal("1.5"))
UNKNOWN = Tally(calls=4, input=5, output=5, unknown_calls=4)


def paid(text: str, unknown: int = 0) -> Tally:
    """A call that cost something."""
    return Tally(calls=1, cost=Decimal(text), unknown_calls=unknown)


# ---- rows --------------------------------------------------------------------------------------


def test_a_total_adds_what_is_known_and_counts_what_is_not() -> None:
    assert sum_tallies([ONE, ONE, UNKNOWN]) == Tally(8, 2, 2005, 20, 19, Decimal("3.0"), 4)
    assert sum_tallies([UNKNOWN, UNKNOWN]).cost is None
    assert sum_tallies([]).cost == 0


@pytest.mark.parametrize(
    ("by", "found", "ordered"),
    [
        (["day"], [("b",), ("a",)], [("a",), ("b",)]),
        (["model"], [("cheap",), ("dear",)], [("dear",), ("cheap",)]),
        (["day", "model"], [("2", "dear"), ("1", "cheap")], [("1", "cheap"), ("2", "dear")]),
        (["model", "day"], [("dear", "2"), ("dear", "1")], [("dear", "1"), ("dear", "2")]),
        (["tag"], [("b",), ("a",), ("b",)], [("b",), ("a",)]),
    ],
)
def test_rows_are_in_order_and_alike_ones_are_one(
    by: list[str], found: list[tuple[str, ...]], ordered: list[tuple[str, ...]]
) -> None:
    result = [ReportRow(keys, paid("5" if "dear" in keys else "1")) for keys in found]
    assert [row.keys for row in sort_rows(result, by)] == ordered


COSTS = st.none() | st.decimals(0, 10**6, places=12)


@given(st.lists(st.tuples(st.sampled_from("abc"), COSTS)))
def test_rows_lose_nothing(found: list[tuple[str, Decimal | None]]) -> None:
    result = [ReportRow((key,), Tally(calls=1, cost=cost)) for key, cost in found]
    made = sort_rows(result, ["model"])
    assert len({row.keys for row in made}) == len(made)
    assert sum_tallies(row.tally for row in made) == sum_tallies(row.tally for row in result)


# ---- a table -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tally", "places", "shown"),
    [
        (paid("1.234"), 2, "$1.23"),
        (paid("1234567.8"), 2, "$1,234,567.80"),
        (paid("1.234", unknown=4), 2, "≥ $1.23"),
        (paid("0.001", unknown=4), 2, "≥ $0.00"),
        (paid("0.004"), 2, "<$0.01"),
        (paid("0"), 2, "$0.00"),
        (UNKNOWN, 2, "?"),
    ],
)
def test_money_says_how_sure_it_is(tally: Tally, places: int, shown: str) -> None:
    assert format_cost(tally, places) == shown


@pytest.mark.parametrize(
    ("highest", "places"), [("0", 2), ("0.0001", 6), ("0.05", 4), ("1", 2), ("99999", 2)]
)
def test_a_column_has_the_decimals_it_needs(highest: str, places: int) -> None:
    assert decimals_of([paid("0"), paid(highest), UNKNOWN]) == places


def test_a_table_is_aligned_and_ends_with_what_it_comes_to() -> None:
    found = [ReportRow(("2026-11-01", "a:b"), ONE), ReportRow(("2026-11-02", ""), UNKNOWN)]
    assert table(found, ["day", "model"], "CET") == [
        "DAY (CET)   MODEL  CALLS  FAILED  INPUT  CACHED  OUTPUT     COST",
        "2026-11-01  a:b        2       1  1,000      10       7    $1.50",
        "2026-11-02  -          4       0      5       0       5        ?  "
        "(4 calls of unknown cost)",
        "TOTAL                  6       1  1,005      10      12  ≥ $1.50  "
        "(4 calls of unknown cost)",
        "≥: at least; what the calls of unknown cost took comes on top",
    ]


def test_a_sign_that_no_line_has_is_not_explained() -> None:
    for tally in (ONE, UNKNOWN):
        assert "≥" not in "".join(table([ReportRow(("2026-11-01",), tally)], ["day"], "UTC"))


def test_a_table_obeys_nobody() -> None:
    shown = table([ReportRow(("a\n\x1b[2Jb\x9b",), ONE)], ["tag"], "UTC")
    assert len(shown) == 3 and shown[1].startswith("a [2Jb ")


# ---- for programs ------------------------------------------------------------------------------


def test_programs_are_told_plain_numbers() -> None:
    found = [ReportRow(("m",), ONE), ReportRow(("n",), UNKNOWN)]
    names = ["calls", "failed", "input", "cached", "output", "cost", "unknown_calls", "saved"]
    assert json_row(found[0], ["tag"]) == {
        "tag": "m",
        **dict(zip(names, (2, 1, 1000, 10, 7, 1.5, 0, 0.0), strict=True)),
    }
    assert json_row(found[1], ["tag"])["cost"] is None
    assert csv_rows(found, ["tag"]) == [
        ["tag", *names],
        ["m", "2", "1", "1000", "10", "7", "1.5", "0", "0"],
        ["n", "4", "0", "5", "0", "5", "", "4", "0"],
    ]


@pytest.mark.parametrize("cost", ["0.000000000001", "123456.789", "10", "0"])
def test_a_spreadsheet_has_costs_to_the_last_digit(cost: str) -> None:
    assert csv_rows([ReportRow(("m",), paid(cost))], ["tag"])[1][6] == cost


@given(st.decimals(0, 10**6, places=12), st.sampled_from([2, 4, 6]))
def test_what_cost_something_is_never_shown_as_nothing(cost: Decimal, places: int) -> None:
    assert not cost or any(digit in format_amount(cost, places) for digit in "123456789")


# ---- a chart -----------------------------------------------------------------------------------

DAYS = ["2026-11-01", "2026-11-02", "2026-11-03"]


def test_a_chart_has_every_day_since_the_first_call() -> None:
    found = [
        ReportRow((DAYS[1], "a:b"), paid("2")),
        ReportRow((DAYS[1], "c:d"), paid("5", unknown=1)),
    ]
    drawn = chart(found, DAYS)
    assert [tuple(bar) for bar in drawn.bars] == [(DAYS[1], (5, 2)), (DAYS[2], (0, 0))]
    assert [row.keys for row in drawn.shares] == [("c:d",), ("a:b",)]
    assert drawn.total == Tally(calls=2, cost=Decimal(7), unknown_calls=1)


@pytest.mark.parametrize(("models", "last"), [(MODELS, "m0"), (MODELS + 1, "m0"), (9, "3 others")])
def test_models_without_a_colour_share_one(models: int, last: str) -> None:
    found = [ReportRow((DAYS[0], f"m{i}"), paid(str(i + 1))) for i in range(models)]
    drawn = chart(found, DAYS[:1])
    assert drawn.shares[-1].keys == (last,)
    assert len(drawn.shares) == min(models, MODELS + 1) == len(drawn.bars[0].costs)
    assert drawn.bars[0].height == sum_tallies(row.tally for row in drawn.shares).cost


MANY = st.lists(st.tuples(st.sampled_from(DAYS), st.integers(0, 12), COSTS), min_size=1)


@given(MANY)
def test_a_chart_loses_nothing(found: list[tuple[str, int, Decimal | None]]) -> None:
    result = [ReportRow((day, f"m{i}"), Tally(calls=1, cost=cost)) for day, i, cost in found]
    drawn = chart(result, DAYS)
    spent = sum(cost or 0 for _, _, cost in found)
    assert sum(bar.height for bar in drawn.bars) == spent
    assert sum(row.tally.cost or 0 for row in drawn.shares) == spent
    assert sum(row.tally.calls for row in drawn.shares) == len(found) == drawn.total.calls


@given(st.lists(st.decimals(0, 1000, places=6), max_size=7), st.integers(1, 200))
def test_a_bar_is_as_long_as_its_parts(costs: list[Decimal], width: int) -> None:
    whole = sum(costs, Decimal(0))
    parts = bar_lengths(costs, max(whole, Decimal(1)), width)
    assert len(parts) == len(costs) and min(parts, default=0) >= 0
    assert sum(parts) == round(whole * width / max(whole, Decimal(1)))


@pytest.mark.parametrize(
    ("part", "shown"),
    [(paid("1"), "25%"), (paid("0.001"), "<1%"), (paid("0"), ""), (UNKNOWN, "")],
)
def test_a_share_is_of_what_is_known(part: Any, shown: str) -> None:
    assert format_share(part, paid("4")) == shown
