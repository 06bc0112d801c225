"""What is reserved counts until it is released; a call that nobody settles is lost, and counts."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from loki.edge.ledger.reservations import (
    NOBODY,
    Caller,
    delete_reservations,
    end_stale,
    holder_name,
    host_name,
    insert_reservation,
    is_gone,
    keep_reserved,
    release,
    reserve,
    sum_under_way,
)
from loki.edge.ledger.writer import Ledger, Spent

NOW = 1000.0


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(str(tmp_path / "ledger.db"))


def spent(ledger: Ledger) -> Decimal:
    """Return what budgets count."""
    return ledger.spent([(0.0, 9000.0)]).unwrap()[0].cost


def gone_pid() -> int:
    """Return the number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        return process.pid


def test_a_job_counts_until_it_is_released(ledger: Ledger) -> None:
    for _ in range(2):
        reserve(ledger, "job", Decimal(3), NOW)
    assert spent(ledger) == 3
    for _ in range(2):
        release(ledger, "job")
    assert spent(ledger) == 0


def test_a_process_of_this_machine_that_has_ended_is_gone() -> None:
    pid = gone_pid()
    assert is_gone(f"{host_name()}:{pid}") and not is_gone(f"another:{pid}")
    assert not is_gone(holder_name()) and not is_gone(f"{host_name()}:1")


CALLER = Caller("claude", "opus", "chat", "cron")
LOST = ("claude", "opus", "chat", "cron", None, 0, "lost")
ROWS = "SELECT client, model, task, tag, cost, exact, outcome FROM calls"


@pytest.mark.parametrize(
    ("expires", "is_killed", "is_over"),
    [
        (NOW + 1, False, False),
        (NOW - 1, False, True),
        (NOW + 1, True, True),
        (None, False, False),  # a job that is out
    ],
)
@pytest.mark.parametrize("caller", [CALLER, NOBODY])
def test_a_call_that_nobody_settles_is_lost_and_what_was_not_sent_is_freed(
    ledger: Ledger, expires: float | None, is_killed: bool, is_over: bool, caller: Caller
) -> None:
    db = ledger.connection()
    insert_reservation(db, "call", Decimal(3), NOW, expires, caller)
    if is_killed:
        db.execute("UPDATE reserved SET holder = ?", (f"{host_name()}:{gone_pid()}",))
    assert sum_under_way(db, 0.0, 9000.0) == (0 if expires is None else 3)
    for _ in range(2):
        end_stale(db, NOW)
    is_freed = is_over and caller is NOBODY
    assert spent(ledger) == (0 if is_freed else 3)
    assert sum_under_way(db, 0.0, 9000.0) == (0 if is_over or expires is None else 3)
    assert db.execute(ROWS).fetchall() == ([LOST] if is_over and not is_freed else [])


def test_calls_that_their_process_left_count_for_good_and_are_not_lost(ledger: Ledger) -> None:
    db = ledger.connection()
    insert_reservation(db, "left", Decimal(3), NOW, NOW - 1, CALLER)
    insert_reservation(db, "not sent", Decimal(5), NOW, NOW - 1)
    insert_reservation(db, "another's", Decimal(7), NOW, NOW + 1, CALLER)
    db.execute("UPDATE reserved SET holder = 'another:1' WHERE cost = 7000000000000")
    keep_reserved(ledger)
    assert sum_under_way(db, 0.0, 9000.0) == 12
    end_stale(db, NOW)
    assert spent(ledger) == 10 and sum_under_way(db, 0.0, 9000.0) == 7
    assert db.execute(ROWS).fetchall() == []


def test_a_lost_call_that_ends_after_all_is_not_lost(ledger: Ledger) -> None:
    """A machine that was asleep wakes up, and its call goes on."""
    db = ledger.connection()
    insert_reservation(db, "call", Decimal(3), NOW, NOW - 1, CALLER)
    end_stale(db, NOW)
    assert ledger.spent([(0.0, 9000.0)]).unwrap()[0].unknown_calls == 1
    delete_reservations(db, ["call"])
    assert ledger.spent([(0.0, 9000.0)]).unwrap() == (Spent(Decimal(0), 0),)


def test_what_began_outside_a_span_is_not_under_way_in_it(ledger: Ledger) -> None:
    db = ledger.connection()
    insert_reservation(db, "call", Decimal(3), NOW, NOW + 1)
    assert sum_under_way(db, 1800.0, 9000.0) == 0
