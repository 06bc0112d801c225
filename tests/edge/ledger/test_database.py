"""The ledger's file: who may read it, what is done all or not at all, which one is set aside."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from loki.edge.ledger.database import (
    MIGRATIONS,
    ForeignDatabaseError,
    checkpoint_if_large,
    connect,
    file_identity,
    is_damage,
    is_large,
    move_damaged_file,
    retry_while_locked,
    split_statements,
    transaction,
)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where a ledger will be, in a folder that is not there yet."""
    return str(tmp_path / "state" / "ledger.sqlite")


def test_a_transaction_does_all_or_nothing(path: str) -> None:
    with closing(connect(path)) as db:
        with pytest.raises(ZeroDivisionError), transaction(db):
            db.execute("INSERT INTO reserved (job, time, cost) VALUES ('a', 0, 5)")
            raise ZeroDivisionError
        assert not db.in_transaction
        with transaction(db):
            db.execute("INSERT INTO reserved (job, time, cost) VALUES ('b', 0, 7)")
        assert db.execute("SELECT cost FROM spent").fetchall() == [(7,)]


@pytest.mark.parametrize("step", MIGRATIONS, ids=["calls", "batches", "reservations", "lost"])
def test_a_migration_is_cut_into_its_statements_and_no_trigger_is_torn(step: str) -> None:
    pieces = split_statements(step)
    assert "".join(pieces).split() == step.split()
    assert all(map(sqlite3.complete_statement, pieces))
    assert sum("CREATE TRIGGER" in piece for piece in pieces) == step.count("CREATE TRIGGER")


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        ("CREATE TABLE notes (a)", "is another program's database"),
        ("PRAGMA user_version = 99", "is of a newer loki: version 99, known is "),
    ],
)
def test_a_file_that_is_not_ours_is_refused_and_unchanged(
    statements: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(file)) as db:
        db.execute(statements)
    before = file.read_bytes()
    with pytest.raises(ForeignDatabaseError) as caught:
        connect(str(file))
    assert str(caught.value).startswith(f"{file} {message}") and file.read_bytes() == before


def test_a_large_log_is_emptied_and_a_small_one_is_left(path: str) -> None:
    with closing(connect(path)) as db:
        checkpoint_if_large(db, path)
        small = os.stat(f"{path}-wal").st_size
        assert small and not is_large(f"{path}-wal") and not is_large(f"{path}-none")
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("INSERT INTO reserved (job, time, cost) VALUES (?, 0, 0)", ("x" * 2**21,))
        assert is_large(f"{path}-wal")
        checkpoint_if_large(db, path)
        assert os.stat(f"{path}-wal").st_size == 0


def test_only_a_lock_is_tried_again(path: str) -> None:
    tries: list[int] = []
    with closing(connect(path)) as db, closing(sqlite3.connect(path, timeout=0)) as other:
        db.execute("BEGIN IMMEDIATE")

        def step() -> None:
            tries.append(1)
            if len(tries) == 3:
                db.execute("COMMIT")
            other.execute("BEGIN IMMEDIATE")

        retry_while_locked(step)
        assert len(tries) == 3 and other.in_transaction

        def wrong() -> None:
            tries.append(1)
            other.execute("SELECT * FROM nowhere")

        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            retry_while_locked(wrong)
        assert len(tries) == 4


def test_a_damaged_file_is_moved_with_its_log_by_who_comes_first(path: str) -> None:
    os.mkdir(os.path.dirname(path))
    for tail in ("", "-wal"):
        Path(path + tail).write_text(f"no database{tail}")
    with pytest.raises(sqlite3.DatabaseError) as caught:
        connect(path)
    damaged = file_identity(path)
    assert is_damage(caught.value) and not is_damage(sqlite3.OperationalError("disk full"))
    Path(path + "-wal").write_text("log")
    aside = move_damaged_file(path, damaged)
    assert Path(aside).read_text() == "no database" and Path(f"{aside}-wal").read_text() == "log"
    assert aside.startswith(f"{path}.damaged-") and file_identity(path) is None
    Path(f"{aside}-2").write_text("new")
    os.replace(f"{aside}-2", path)
    assert move_damaged_file(path, damaged) == "" and Path(path).read_text() == "new"


def test_calls_under_way_in_a_ledger_of_the_version_before_are_known_by_no_name(path: str) -> None:
    with closing(connect(path)) as db:
        for name in ("client", "model", "task", "tag"):
            db.execute(f"ALTER TABLE reserved DROP COLUMN {name}")
        insert = "INSERT INTO reserved (job, time, cost, expires) VALUES (?, 0, 7, ?)"
        db.executemany(insert, [("call:here:1:0:0.0", 5.0), ("job", 5.0), ("call:rest", None)])
        db.execute("PRAGMA user_version = 3")
    with closing(connect(path)) as db:
        models = dict(db.execute("SELECT job, model FROM reserved").fetchall())
        assert models == {"call:here:1:0:0.0": "unknown", "job": None, "call:rest": None}
        assert db.execute("SELECT cost FROM spent").fetchall() == [(21,)]
