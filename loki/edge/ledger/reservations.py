"""What calls and batch jobs under way may cost: reserved in the ledger until they are settled."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from loki.edge.ledger.database import transaction
from loki.edge.ledger.values import from_pico, storable
from loki.edge.ledger.writer import Ledger, run_with_warning

if TYPE_CHECKING:
    from sqlite3 import Connection

RESERVE = (
    "INSERT INTO reserved (job, time, cost, expires, holder, client, model, task, tag)"
    " SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM reserved WHERE job = ?)"
)
RELEASE = "DELETE FROM reserved WHERE job = ?"
UNDER_WAY = (
    "SELECT sum(cost) FROM reserved WHERE expires IS NOT NULL"
    " AND CAST(time / 900 AS INTEGER) >= ? AND CAST(time / 900 AS INTEGER) < ?"
)
HOLDERS = "SELECT DISTINCT holder FROM reserved WHERE expires IS NOT NULL"
#: What nobody will settle any more, as the rest of a statement about ``reserved``.
STALE = "WHERE expires IS NOT NULL AND (expires <= :now OR holder = :gone)"
#: Whether such a call was billed nobody knows: a row says so, and its worst case goes on counting.
#: What has no model was not sent.
END_STALE = (
    "INSERT INTO calls (time, client, model, task, tag, exact, outcome, batch)"
    f" SELECT time, client, model, task, tag, 0, 'lost', job FROM reserved {STALE}"
    " AND model IS NOT NULL",
    f"UPDATE reserved SET expires = NULL, holder = NULL {STALE} AND model IS NOT NULL",
    f"DELETE FROM reserved {STALE}",
)
#: What calls of a process reserved that nobody waits for: their rows are written.
KEEP_RESERVED = (
    "UPDATE reserved SET expires = NULL, holder = NULL"
    " WHERE expires IS NOT NULL AND holder = ? AND model IS NOT NULL"
)
#: A call that was taken for lost, and ended after all: in a machine that was asleep, for example.
FOUND = "DELETE FROM calls WHERE batch = ? AND outcome = 'lost'"


class Caller(NamedTuple):
    """Whose call a reservation is, in the ledger's words."""

    client: str | None = None
    model: str | None = None
    task: str | None = None
    tag: str | None = None


#: What reserves for a job that is not out yet, or for a call that is never to be in the ledger.
NOBODY = Caller()


def reserve(ledger: Ledger, job: str, cost: Decimal, time: float) -> None:
    """Count what a job may cost as spent, from a time in seconds since the epoch."""

    def work(db: Connection) -> None:
        with transaction(db):
            delete_reservations(db, [job])  # which may have an end
            insert_reservation(db, job, cost, time)

    run_with_warning(ledger, work, NOT_RESERVED)


def release(ledger: Ledger, *jobs: str) -> None:
    """Count what some jobs may cost no longer."""
    run_with_warning(ledger, lambda db: delete_reservations(db, jobs), NOT_RESERVED)


def keep_reserved(ledger: Ledger) -> None:
    """Count for good what the calls of this process may cost: they are left, not lost."""

    def work(db: Connection) -> None:
        with transaction(db):
            db.execute(KEEP_RESERVED, (holder_name(),))

    run_with_warning(ledger, work, NOT_RESERVED)


NOT_RESERVED = "what a job may cost is not in the ledger"


# ---- within a transaction ------------------------------------------------------------------------


def insert_reservation(
    db: Connection,
    name: str,
    cost: Decimal,
    time: float,
    expires: float | None = None,
    caller: Caller = NOBODY,
) -> None:
    """Reserve what something may cost, in US dollars; ``expires`` is of a call of this process."""
    holder = None if expires is None else holder_name()
    whose = map(storable, caller)
    db.execute(RESERVE, (name, time, storable(cost), expires, holder, *whose, name))


def delete_reservations(db: Connection, names: Iterable[str]) -> None:
    """Free what was reserved by some names; a call among them is not lost."""
    for name in names:
        db.execute(RELEASE, (name,))
        db.execute(FOUND, (name,))


def end_stale(db: Connection, now: float) -> None:
    """End the calls that nobody will settle: their process was killed, or their time is up.

    Each is a row of unknown cost, and what it reserved stays spent. What was not sent is freed.
    """
    holders = [holder for (holder,) in db.execute(HOLDERS) if is_gone(holder)]
    for gone in ("", *holders):
        for statement in END_STALE:
            db.execute(statement, {"now": now, "gone": gone})


def sum_under_way(db: Connection, start: float, end: float) -> Decimal:
    """Return what calls reserved that began within a span of whole quarters of an hour."""
    (cost,) = db.execute(UNDER_WAY, (start // 900, end // 900)).fetchone()
    return from_pico(cost or 0) or Decimal(0)


# ---- who holds it --------------------------------------------------------------------------------


def holder_name() -> str:
    """Return the name of this process among all that write to the ledger."""
    return f"{host_name()}:{os.getpid()}"


@cache
def host_name() -> str:
    """Return the name of this machine: only its own processes can be looked up."""
    return platform.node()


def is_gone(holder: str) -> bool:
    """Return whether a process of this machine has ended; of others nobody knows.

    >>> is_gone(holder_name()), is_gone("another machine:1")
    (False, False)
    """
    host, _, number = holder.rpartition(":")
    if host != host_name() or int(number) == os.getpid() or os.name != "posix":
        return False
    with suppress(PermissionError):  # it is another user's
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            return True
    return False
