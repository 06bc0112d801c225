"""Sums of a ledger by day and key: what counts, what is filtered, and what cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC
from decimal import Decimal
from pathlib import Path

import pytest

from loki.edge.ledger.database import APPLICATION_ID, connect
from loki.edge.ledger.queries import ALL_CALLS, CallFilter, read_report
from loki.money.periods import Span
from loki.money.report import Tally

DAY = 86400.0
ALL = Span("all", 0.0, 10 * DAY)
#: Rows of COLUMNS; costs in 1e-12 US dollars.
CALLS = [
    (0.0, "a", "m", "x", 10, 4, 1, 5 * 10**11, 1, "ok", None),
    (DAY - 1, "a", "n", None, 20, None, 2, None, 0, "offline", None),
    (DAY, "b", "m", "x", 30, None, 3, 10**12, 1, "cached", 3 * 10**12),
    (DAY + 1, "b", "m", "x", 40, None, None, 10**12, 0, "ok", None),
]
COLUMNS = "time, client, model, tag, input, cache_read, output, cost, exact, outcome, usual_cost"


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Return the path of a ledger with some calls of two days."""
    where = str(tmp_path / "ledger.db")
    with closing(connect(where)) as db:
        db.executemany(f"INSERT INTO calls ({COLUMNS}) VALUES ({', '.join('?' * 11)})", CALLS)
    return where


def counts(
    path: str, by: Sequence[str], span: Span = ALL, wanted: CallFilter = ALL_CALLS
) -> list[tuple[tuple[str | None, ...], int]]:
    """Return the keys of a report's rows and how many calls each has."""
    rows = read_report(path, span, by, wanted, UTC).unwrap()
    return [(tuple(row[0]), row[1].calls) for row in rows]


def test_a_day_has_the_sums_of_its_calls(path: str) -> None:
    rows = read_report(path, ALL, ["day"], zone=UTC).unwrap()
    assert [row[1] for row in rows] == [
        Tally(2, 1, 30, 4, 3, Decimal("0.5"), 1),  # an unknown cost is not zero
        Tally(2, 0, 70, 0, 3, Decimal(2), 1, Decimal(2)),  # a cached answer did not fail
    ]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (["day"], [(("1970-01-01",), 2), (("1970-01-02",), 2)]),
        (["client"], [(("a",), 2), (("b",), 2)]),
        (
            ["model", "month"],
            [(("a:m", "1970-01"), 1), (("a:n", "1970-01"), 1), (("b:m", "1970-01"), 2)],
        ),
        (["tag"], [((None,), 1), (("x",), 1), (("x",), 2)]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value[0], str) else "",
)
def test_a_row_has_its_keys_in_the_order_that_is_asked_for(
    by: list[str], expected: list[tuple[tuple[str | None, ...], int]], path: str
) -> None:
    assert counts(path, by) == expected


@pytest.mark.parametrize(
    ("span", "wanted", "expected"),
    [
        (ALL, CallFilter(client="a"), 2),
        (ALL, CallFilter(model="m", tag="x"), 3),
        (ALL, CallFilter(client="' OR 1=1 --"), 0),
        (Span("s", 0.0, DAY - 1), ALL_CALLS, 1),  # its end is not included
        (Span("s", DAY, DAY + 2), ALL_CALLS, 2),
        (Span("s", 5 * DAY, 6 * DAY), ALL_CALLS, 0),
    ],
)
def test_only_calls_that_fit_are_counted(
    span: Span, wanted: CallFilter, expected: int, path: str
) -> None:
    assert sum(number for _, number in counts(path, ["day"], span, wanted)) == expected


def test_a_ledger_that_is_not_there_or_empty_has_no_rows_and_none_is_made(tmp_path: Path) -> None:
    assert counts(str(tmp_path / "none.db"), ["day"]) == [] and not [*tmp_path.iterdir()]
    connect(str(tmp_path / "empty.db")).close()
    assert counts(str(tmp_path / "empty.db"), ["day"]) == []


def test_an_older_ledger_is_brought_up_to_date_before_it_is_read(tmp_path: Path) -> None:
    import sqlite3

    where = str(tmp_path / "old.db")
    with closing(sqlite3.connect(where)) as db:
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    assert counts(where, ["day"]) == []


@pytest.mark.parametrize("data", [b"no database at all" * 99, b"SQLite format 3\0" + b"\xff" * 999])
def test_a_damaged_file_is_named(data: bytes, tmp_path: Path) -> None:
    where = tmp_path / "bad.db"
    where.write_bytes(data)
    problem = read_report(str(where), ALL, ["day"]).failure()
    assert problem.kind == "input"
    assert problem.message.startswith(f"cannot read the ledger: {where} is damaged, or no ledger")
