"""What is reserved counts until it is released; of calls also until their process is gone."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from loki.edge.ledger.reservations import (
    delete_stale,
    holder_name,
    host_name,
    insert_reservation,
    is_gone,
    release,
    reserve,
    sum_under_way,
)
from loki.edge.ledger.writer import Ledger

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


@pytest.mark.parametrize(
    ("expires", "holder", "stays"),
    [
        (NOW + 1, None, True),
        (NOW - 1, None, False),
        (NOW + 1, "ended", False),
        (None, None, True),  # a job that is out
    ],
)
def test_what_is_over_is_freed(
    ledger: Ledger, expires: float | None, holder: str | None, stays: bool
) -> None:
    db = ledger.connection()
    insert_reservation(db, "call", Decimal(3), NOW, expires)
    if holder:
        db.execute("UPDATE reserved SET holder = ?", (f"{host_name()}:{gone_pid()}",))
    assert sum_under_way(db, 0.0, 9000.0) == (0 if expires is None else 3)
    delete_stale(db, NOW)
    assert spent(ledger) == (3 if stays else 0)


def test_what_began_outside_a_span_is_not_under_way_in_it(ledger: Ledger) -> None:
    db = ledger.connection()
    insert_reservation(db, "call", Decimal(3), NOW, NOW + 1)
    assert sum_under_way(db, 1800.0, 9000.0) == 0
