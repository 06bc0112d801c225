"""Rows of batch jobs in the ledger: each once, whatever is said twice; and what is reserved."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from loki.edge.ledger.batches import record_batch
from loki.edge.ledger.database import MIGRATIONS
from loki.edge.ledger.reservations import release, reserve
from loki.edge.ledger.writer import Ledger
from loki.record import replace
from loki.stages.account import Entry
from loki.usage import Usage


def entry(name: str, cost: str = "0.5") -> Entry:
    """Return the entry of a row."""
    made = Entry(
        *(1000.0, "openai", "m", "chat", "", Usage(input=1, output=1), Decimal(cost), True),
        *(0.0, 1, "ok", None),
    )
    return replace(made, batch=name, usual_cost=Decimal(1))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(str(tmp_path / "ledger.db"))


def spent(ledger: Ledger) -> Decimal:
    """Return what budgets count."""
    return ledger.spent([(0.0, 9000.0)]).unwrap()[0].cost


def test_a_row_is_there_once_however_often_it_is_told(ledger: Ledger) -> None:
    record_batch(ledger, [entry("a"), entry("b")])
    record_batch(ledger, [entry("b", "9"), entry("c")])
    assert spent(ledger) == Decimal("1.5")
    with sqlite3.connect(ledger.path) as db:
        rows = db.execute("SELECT batch, cost, usual_cost FROM calls ORDER BY batch").fetchall()
    half = 5 * 10**11
    assert rows == [("a", half, 2 * half), ("b", half, 2 * half), ("c", half, 2 * half)]


def test_a_reservation_counts_as_spent_until_it_is_released(ledger: Ledger) -> None:
    for _ in range(2):
        reserve(ledger, "job", Decimal(3), 1000.0)
    assert spent(ledger) == 3
    record_batch(ledger, [entry("a")])
    for _ in range(2):
        release(ledger, "job")
    assert spent(ledger) == Decimal("0.5")


def test_a_ledger_that_cannot_be_written_warns_once(tmp_path: Path) -> None:
    messages: list[str] = []
    book = Ledger(str(tmp_path), messages.append)
    record_batch(book, [entry("a")])
    reserve(book, "job", Decimal(3), 1000.0)
    assert len(messages) == 1 and "not in the ledger" in messages[0]


def test_a_ledger_of_an_earlier_version_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "ledger.db")
    with monkeypatch.context() as old:
        old.setattr("loki.edge.ledger.database.MIGRATIONS", MIGRATIONS[:1])
        book = Ledger(path)
        book.record(replace(entry("a"), batch=None))
        book.close()
    book = Ledger(path)
    record_batch(book, [entry("a")])
    reserve(book, "job", Decimal(3), 1000.0)
    assert spent(book) == 4
