"""Sums of calls -> the rows of a report: sorted, totalled, as a table, JSON lines or CSV."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from itertools import starmap
from operator import attrgetter
from typing import NamedTuple

from toolz import groupby, valmap

from loki.columns import fit_columns
from loki.json_text import JsonObject


class Tally(NamedTuple):
    """What some calls come to; ``cost`` in US dollars is the least it was if any is unknown."""

    calls: int = 0
    failed: int = 0
    input: int = 0  # tokens, of which cached are a part
    cached: int = 0
    output: int = 0
    cost: Decimal | None = None  # None: nothing is known of it
    unknown_calls: int = 0  # whose cost is not known, or not all of it
    saved: Decimal = Decimal(0)  # US dollars, by batch jobs, against the usual price


class ReportRow(NamedTuple):
    """The calls that are alike in what a report is by, such as a day and a model."""

    keys: tuple[str, ...]
    tally: Tally


#: What a report can be by, and whether it is a stretch of time.
GROUPS = {"day": True, "month": True, "model": False, "client": False, "tag": False}

#: What is said under a table that has its sign.
AT_LEAST = "≥: at least; what the calls of unknown cost took comes on top"

HEADS = ("CALLS", "FAILED", "INPUT", "CACHED", "OUTPUT", "COST")
#: The columns that a narrow terminal can do without, after the notes; the first goes first.
SPARE = ("CACHED", "FAILED", "OUTPUT", "INPUT")


def sum_tallies(tallies: Iterable[Tally]) -> Tally:
    """Return the sum of several tallies.

    >>> sum_tallies([Tally(calls=1, cost=Decimal(2)), Tally(calls=1, unknown_calls=1)]).cost
    Decimal('2')
    """
    parts = list(tallies)
    costs = [part.cost for part in parts if part.cost is not None]
    return Tally(
        calls=sum(part.calls for part in parts),
        failed=sum(part.failed for part in parts),
        input=sum(part.input for part in parts),
        cached=sum(part.cached for part in parts),
        output=sum(part.output for part in parts),
        cost=sum(costs, Decimal(0)) if costs or not parts else None,
        unknown_calls=sum(part.unknown_calls for part in parts),
        saved=sum((part.saved for part in parts), Decimal(0)),
    )


def sort_rows(unsorted: Iterable[ReportRow], by: Sequence[str]) -> list[ReportRow]:
    """Return rows in order, one for each set of keys: by time, then the most expensive first.

    >>> tallies = ("a", Tally(1)), ("b", Tally(cost=Decimal(1))), ("a", Tally(2))
    >>> found = [ReportRow((key,), tally) for key, tally in tallies]
    >>> [(row.keys, row.tally.calls) for row in sort_rows(found, ["model"])]
    [(('b',), 0), (('a',), 3)]
    """
    groups: dict[tuple[str, ...], list[ReportRow]] = groupby(attrgetter("keys"), unsorted)
    sums = valmap(lambda alike: sum_tallies(row.tally for row in alike), groups)
    return sorted(starmap(ReportRow, sums.items()), key=sort_key(by))


def sort_key(by: Sequence[str]) -> Callable[[ReportRow], tuple[object, ...]]:
    """Return the sort key of rows."""

    def key(row: ReportRow) -> tuple[object, ...]:
        times = [name for name, kind in zip(row.keys, by, strict=True) if GROUPS[kind]]
        return (*times, -(row.tally.cost or 0), -row.tally.calls, row.keys)

    return key


# ---- for people --------------------------------------------------------------------------------


def table(
    sorted_rows: Sequence[ReportRow], by: Sequence[str], zone: str, width: int | None = None
) -> list[str]:
    """Return the lines of a table: a head with the time zone, the rows, and their total.

    Columns that would make it wider than ``width`` are left out, the least needed first.

    >>> for line in table([ReportRow(("2026-11-01",), Tally(2, 0, 1000, 0, 7, Decimal("1.5"), 1))],
    ...                   ["day"], "UTC"):
    ...     print(line)
    DAY (UTC)   CALLS  FAILED  INPUT  CACHED  OUTPUT     COST
    2026-11-01      2       0  1,000       0       7  ≥ $1.50  (1 call of unknown cost)
    TOTAL           2       0  1,000       0       7  ≥ $1.50  (1 call of unknown cost)
    ≥: at least; what the calls of unknown cost took comes on top
    """
    places = decimals_of(row.tally for row in sorted_rows)
    heads = [f"{kind.upper()} ({zone})" if GROUPS[kind] else kind.upper() for kind in by]
    total_keys = ["TOTAL", *[""] * (len(by) - 1)]
    lines = [
        [*heads, *HEADS, ""],
        *([*map(printable, row.keys), *format_cells(row.tally, places)] for row in sorted_rows),
        [*total_keys, *format_cells(sum_tallies(row.tally for row in sorted_rows), places)],
    ]
    saved = sum_tallies(row.tally for row in sorted_rows).saved
    notes = [
        *([AT_LEAST] if any(AT_LEAST[0] in line[-2] for line in lines) else []),
        *([f"saved by batch jobs: {format_amount(saved, places)}"] if saved > 0 else []),
    ]
    counts = range(len(by), len(by) + len(HEADS))
    spare = [counts.stop, *(counts[HEADS.index(name)] for name in SPARE)]
    return [*fit_columns(lines, counts, spare, width), *notes]


def printable(key: str) -> str:
    """Return a key as it is shown: on one line, without control characters, ``-`` if empty.

    >>> printable("a\\n\\x1b[31mb"), printable("")
    ('a [31mb', '-')
    """
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "", " ".join(key.split())) or "-"


def format_cells(tally: Tally, places: int) -> list[str]:
    """Return the cells of a row after its keys."""
    calls = f"{tally.unknown_calls:,} call{'s' * (tally.unknown_calls != 1)}"
    return [
        *(f"{count:,}" for count in tally[:5]),
        format_cost(tally, places),
        f"({calls} of unknown cost)" if tally.unknown_calls else "",
    ]


def format_cost(tally: Tally, places: int) -> str:
    """Return what some calls cost, as text; a question mark if it is unknown.

    >>> format_cost(Tally(cost=Decimal("1.234")), 2), format_cost(Tally(unknown_calls=1), 2)
    ('$1.23', '?')
    """
    if tally.cost is None:
        return "?"
    if tally.unknown_calls:
        return f"≥ ${tally.cost:,.{places}f}"
    return format_amount(tally.cost, places)


def format_amount(cost: Decimal, places: int) -> str:
    """Return US dollars as text; what rounds to nothing is shown as less than the least.

    >>> [format_amount(Decimal(dollars), 2) for dollars in ("1234.5", "0.0001", "0")]
    ['$1,234.50', '<$0.01', '$0.00']
    """
    smallest = Decimal(1).scaleb(-places)
    return f"<${smallest:f}" if 0 < cost < smallest / 2 else f"${cost:,.{places}f}"


def decimals_of(tallies: Iterable[Tally]) -> int:
    """Return how many decimals a column of costs needs to tell its rows apart.

    >>> decimals_of([Tally(cost=Decimal(120))]), decimals_of([Tally(cost=Decimal("0.02"))])
    (2, 4)
    """
    highest = max((tally.cost or Decimal(0) for tally in tallies), default=Decimal(0))
    return next(places for lowest, places in PLACES if highest >= lowest or not highest)


#: The highest cost of a column, and the decimals that suit it.
PLACES = ((Decimal(1), 2), (Decimal("0.01"), 4), (Decimal(0), 6))


# ---- for programs ------------------------------------------------------------------------------


def json_row(row: ReportRow, by: Sequence[str]) -> JsonObject:
    """Return a row as JSON, its cost in US dollars, null if it is unknown.

    >>> json_row(ReportRow(("ci",), Tally(1, 0, 5, 0, 2, Decimal("0.25"))), ["tag"])["cost"]
    0.25
    """
    cost = row.tally.cost
    amounts = {"cost": None if cost is None else float(cost), "saved": float(row.tally.saved)}
    sums = {**row.tally._asdict(), **amounts}
    return {**dict(zip(by, row.keys, strict=True)), **sums}


def csv_rows(sorted_rows: Iterable[ReportRow], by: Sequence[str]) -> list[list[str]]:
    """Return rows for a spreadsheet, their names first; costs to the last digit, or empty.

    >>> csv_rows([ReportRow(("ci",), Tally(1, cost=Decimal("0.250")))], ["tag"])[1]
    ['ci', '1', '0', '0', '0', '0', '0.25', '0', '0']
    """
    return [
        [*by, *Tally._fields],
        *([*row.keys, *(format_number(value) for value in row.tally)] for row in sorted_rows),
    ]


def format_number(value: int | Decimal | None) -> str:
    """Return a number as plain text."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return "" if value is None else str(value)
