"""Rows of batch jobs -> the ledger, each once; and what jobs that are out may cost."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from loki.edge.ledger.database import tidy
from loki.edge.ledger.writer import COLUMNS, Ledger, signals_deferred, storable
from loki.stages.account import Entry

if TYPE_CHECKING:
    from sqlite3 import Connection

ALL = (*COLUMNS, "batch", "usual_cost")
#: Not INSERT OR IGNORE, which would change how the triggers write their sums.
INSERT = (
    f"INSERT INTO calls ({', '.join(ALL)}) SELECT {', '.join('?' * len(ALL))}"
    " WHERE NOT EXISTS (SELECT 1 FROM calls WHERE batch = ?)"
)
RESERVE = (
    "INSERT INTO reserved SELECT ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM reserved WHERE job = ?)"
)
RELEASE = "DELETE FROM reserved WHERE job = ?"


def record_batch(ledger: Ledger, entries: Sequence[Entry]) -> None:
    """Write the rows of a job; those that are there already stay as they are."""
    rows: list[list[Any]] = [
        [*ledger.row_of(each), each.batch, storable(each.usual_cost), each.batch]
        for each in entries
    ]

    def write(db: Connection) -> None:
        db.execute("BEGIN IMMEDIATE")
        try:
            db.executemany(INSERT, rows)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        tidy(db, ledger.path)

    run_with_warning(ledger, write)


def reserve(ledger: Ledger, job: str, cost: Decimal, time: float) -> None:
    """Count what a job may cost as spent, from a time in seconds since the epoch."""
    run_with_warning(ledger, lambda db: db.execute(RESERVE, (job, time, storable(cost), job)))


def release(ledger: Ledger, *jobs: str) -> None:
    """Count what some jobs may cost no longer."""
    run_with_warning(ledger, lambda db: db.executemany(RELEASE, [(job,) for job in jobs]))


def run_with_warning(ledger: Ledger, work: Any) -> None:
    """Do some work on a ledger; if that fails, warn once."""
    with signals_deferred():
        result = ledger.with_connection(work, recreate=True)
        if result.value_or(ledger) is ledger and not ledger.warned:
            ledger.warned = True
            ledger.say(f"the rows of a job are not in the ledger: {result.failure().message}")
