"""Rows of batch jobs -> the ledger, each once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from loki.edge.ledger.database import checkpoint_if_large, transaction
from loki.edge.ledger.values import storable
from loki.edge.ledger.writer import COLUMNS, Ledger, run_with_warning
from loki.stages.account import Entry

if TYPE_CHECKING:
    from sqlite3 import Connection

ALL = (*COLUMNS, "batch", "usual_cost")
#: Not INSERT OR IGNORE, which would change how the triggers write their sums.
INSERT = (
    f"INSERT INTO calls ({', '.join(ALL)}) SELECT {', '.join('?' * len(ALL))}"
    " WHERE NOT EXISTS (SELECT 1 FROM calls WHERE batch = ?)"
)


def record_batch(ledger: Ledger, entries: Sequence[Entry]) -> None:
    """Write the rows of a job; those that are there already stay as they are."""
    rows: list[list[Any]] = [
        [*ledger.row_of(each), each.batch, storable(each.usual_cost), each.batch]
        for each in entries
    ]

    def write(db: Connection) -> None:
        with transaction(db):
            db.executemany(INSERT, rows)
        checkpoint_if_large(db, ledger.path)

    run_with_warning(ledger, write, "the rows of a job are not in the ledger")
