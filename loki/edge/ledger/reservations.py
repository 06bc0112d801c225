"""What calls and batch jobs under way may cost: reserved in the ledger, freed at their end."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from loki.edge.ledger.database import transaction
from loki.edge.ledger.values import from_pico, storable
from loki.edge.ledger.writer import Ledger, run_with_warning

if TYPE_CHECKING:
    from sqlite3 import Connection

RESERVE = (
    "INSERT INTO reserved (job, time, cost, expires, holder) SELECT ?, ?, ?, ?, ?"
    " WHERE NOT EXISTS (SELECT 1 FROM reserved WHERE job = ?)"
)
RELEASE = "DELETE FROM reserved WHERE job = ?"
UNDER_WAY = (
    "SELECT sum(cost) FROM reserved WHERE expires IS NOT NULL"
    " AND CAST(time / 900 AS INTEGER) >= ? AND CAST(time / 900 AS INTEGER) < ?"
)
HOLDERS = "SELECT DISTINCT holder FROM reserved WHERE expires IS NOT NULL"
FREE_EXPIRED = "DELETE FROM reserved WHERE expires <= ?"
FREE_HOLDER = "DELETE FROM reserved WHERE expires IS NOT NULL AND holder = ?"


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


NOT_RESERVED = "what a job may cost is not in the ledger"


# ---- within a transaction ------------------------------------------------------------------------


def insert_reservation(
    db: Connection, name: str, cost: Decimal, time: float, expires: float | None = None
) -> None:
    """Reserve what something may cost, in US dollars; ``expires`` is of a call of this process."""
    holder = None if expires is None else holder_name()
    db.execute(RESERVE, (name, time, storable(cost), expires, holder, name))


def delete_reservations(db: Connection, names: Iterable[str]) -> None:
    """Free what was reserved by some names."""
    db.executemany(RELEASE, [(name,) for name in names])


def delete_stale(db: Connection, now: float) -> None:
    """Free what calls reserved that are over: their process was killed, or their time is up."""
    db.execute(FREE_EXPIRED, (now,))
    for (holder,) in db.execute(HOLDERS).fetchall():
        if is_gone(holder):
            db.execute(FREE_HOLDER, (holder,))


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
