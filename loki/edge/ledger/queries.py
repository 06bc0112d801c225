"""Ledger and span of time -> the sums of its calls, by day, model, client or tag."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import quote

from returns.result import Failure, Result, Success

from loki.edge.ledger.database import (
    LOCK_TIMEOUT,
    MIGRATIONS,
    ForeignDatabaseError,
    connect,
    error_code,
    is_damage,
    version_of,
)
from loki.edge.ledger.values import from_pico
from loki.edge.ledger.writer import reason
from loki.money.periods import Span, iterate_days
from loki.money.report import ReportRow, Tally
from loki.problems import Problem, fail

if TYPE_CHECKING:
    from sqlite3 import Connection

A = TypeVar("A")

#: Columns of a report as expressions of the ledger; days and months come from the spans.
KEYS = {"model": "client || ':' || model", "client": "client", "tag": "tag"}
GROUP_BY = {"model": "client, model", "client": "client", "tag": "tag"}
SUMS = (
    "count(*), total(outcome NOT IN ('ok', 'cached')), total(input), total(cache_read),"
    " total(output), sum(cost), total(exact = 0), sum(usual_cost - cost)"
)


class CallFilter(NamedTuple):
    """A filter of calls; None matches all."""

    client: str | None = None
    model: str | None = None
    tag: str | None = None


ALL_CALLS = CallFilter()


def read_report(
    path: str,
    span: Span,
    by: Sequence[str],
    wanted: CallFilter = ALL_CALLS,
    zone: tzinfo | None = None,
) -> Result[list[ReportRow], Problem]:
    """Return a row for each day and key that has calls; none without a ledger.

    Day by day, SQLite has less to sort at once, which takes half the time.
    """

    def work(db: Connection) -> list[ReportRow]:
        first, last = db.execute("SELECT min(time), max(time) FROM calls").fetchone()
        if first is None:
            return []
        parts = iterate_days(max(span.start, first), min(span.end, last + 1), zone)
        return [row for part in parts for row in query_span(db, part, by, wanted)]

    return read_only(path, work).lash(lambda problem: no_rows_if_absent(problem, path))


def no_rows_if_absent(problem: Problem, path: str) -> Result[list[ReportRow], Problem]:
    """Return no rows if there is no ledger; else fail with the problem of reading it."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return Success([])
    except OSError as error:
        return fail("input", f"cannot read the ledger: {reason(error, path)}")
    return Failure(problem)


def query_span(
    db: Connection, span: Span, by: Sequence[str], wanted: CallFilter
) -> Iterator[ReportRow]:
    """Yield the rows of one span of time."""
    kinds = [kind for kind in by if kind in KEYS]
    columns = "".join(f"{KEYS[kind]}, " for kind in kinds)
    filters = {name: value for name, value in wanted._asdict().items() if value is not None}
    where = "".join(f" AND {name} = ?" for name in filters)
    group = f" GROUP BY {', '.join(GROUP_BY[kind] for kind in kinds)}" if kinds else ""
    query = f"SELECT {columns}{SUMS} FROM calls WHERE time >= ? AND time < ?{where}{group}"
    for line in db.execute(query, (span.start, span.end, *filters.values())):
        calls, bad, read, cached, written, cost, unknown, saved = line[len(kinds) :]
        keys = {**dict(zip(kinds, line, strict=False)), "day": span.name, "month": span.name[:7]}
        counts = int(calls), int(bad), int(read), int(cached), int(written)
        if calls:
            tally = Tally(*counts, from_pico(cost), int(unknown), from_pico(saved) or Decimal(0))
            yield ReportRow(tuple(map(keys.__getitem__, by)), tally)


def read_only(path: str, work: Callable[[Connection], A]) -> Result[A, Problem]:
    """Run a query on a ledger, which is not changed; its folder may be read-only."""
    import sqlite3

    try:
        with closing(open_at_current_version(path)) as db:
            return Success(work(db))
    except (sqlite3.Error, OSError, ForeignDatabaseError) as error:
        damage = f"{path} is damaged, or no ledger: {error}"
        why = damage if is_damage(error) else reason(error, path)
        return fail("input", f"cannot read the ledger: {why}")


def open_at_current_version(path: str) -> Connection:
    """Open the ledger at a path; one of an older version, or just made, is migrated."""
    db = open_existing(path)
    try:
        if version_of(db, path) == len(MIGRATIONS):
            return db
    except BaseException:
        db.close()
        raise
    db.close()
    return connect(path)


def open_existing(path: str) -> Connection:
    """Open a ledger without making a file; where nobody can write, without locking it either."""
    import sqlite3

    address = f"file:{quote(os.path.abspath(path))}?mode=rw"
    db = sqlite3.connect(address, timeout=LOCK_TIMEOUT, uri=True)
    try:
        db.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError as error:
        db.close()
        if error_code(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        if os.path.exists(f"{path}-wal"):  # lines in there would be missed
            raise
        return sqlite3.connect(f"{address}&immutable=1", uri=True)
    return db
