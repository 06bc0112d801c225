"""What an output says of earlier runs, and that no failure that was paid for is forgotten."""

from __future__ import annotations

import errno
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from loki.batch.output_format import CsvTable, Format, JsonLines
from loki.edge.batch.earlier_run import (
    EarlierRun,
    read_replaced,
    replaced_path,
    scan,
    take_out_failed,
)

GOOD: dict[str, Any] = {"id": "a", "line": 1, "key": "k", "text": "Hi", "cost": 0.5}
ERROR = {"kind": "input", "message": "No.", "status": None, "sent": True}
PAID = {"id": "b", "line": 2, "key": "k", "error": ERROR, "text": "two\nlines", "cost": 0.25}
UNKNOWN = {"id": "c", "line": 3, "key": "k", "error": ERROR}
FREE = {"id": "d", "line": 4, "key": "k", "error": {**ERROR, "sent": False}}
REFUSED = {"id": "e", "line": 5, "key": "k", "error": {**ERROR, "status": 400}}


def written(path: Path, form: Format, *rows: dict[str, Any]) -> None:
    """Write an output."""
    path.write_bytes(form.head + b"".join(map(form.encode, rows)))


def read(path: Path, form: Format) -> EarlierRun:
    """Return what an output says."""
    with path.open("rb") as file:
        return scan(file, str(path), form).unwrap()


@pytest.mark.parametrize("form", [JsonLines(), CsvTable(["lang"])], ids=["jsonl", "csv"])
def test_what_failures_cost_is_known_however_often_their_rows_are_asked(
    form: Format, tmp_path: Path
) -> None:
    path = tmp_path / "out"
    for times in (1, 2, 3):
        written(path, form, GOOD, PAID, UNKNOWN, FREE, REFUSED)
        before = read(path, form)
        assert (before.failed, before.replaced) == (4, 2 * (times - 1))
        assert (before.cost, before.unknown_costs) == (Decimal("0.25") * times, times)
        take_out_failed(str(path), before.size, form)
        after = read(path, form)
        assert (after.failed, after.replaced) == (0, 2 * times)
        assert (after.cost, after.unknown_costs) == (before.cost, before.unknown_costs)
        assert path.read_bytes() == form.head + form.encode(GOOD)
    kept = Path(replaced_path(str(path)))
    assert kept.stat().st_mode & 0o777 == 0o600 and kept.read_bytes().count(b"lines") == 3


def test_failures_that_cost_nothing_leave_nothing_beside_the_output(tmp_path: Path) -> None:
    path, form = tmp_path / "out", JsonLines()
    written(path, form, GOOD, FREE, REFUSED)
    take_out_failed(str(path), path.stat().st_size, form)
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_failures_of_a_table_whose_columns_had_another_order_are_read(tmp_path: Path) -> None:
    path, old = tmp_path / "out.csv", CsvTable(["id", "lang"])
    new = CsvTable(["lang"])
    assert old.head != new.head
    for form in (old, new, old):
        written(path, form, PAID)
        take_out_failed(str(path), path.stat().st_size, form)
    for form in (old, new):
        found = [*read_replaced(str(path), form)]
        assert [(each.identity, each.cost) for each in found] == [("b k", Decimal("0.25"))] * 3


def test_a_disk_that_takes_nothing_leaves_both_files_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, form = tmp_path / "out", JsonLines()
    written(path, form, GOOD, PAID)
    take_out_failed(str(path), path.stat().st_size, form)
    written(path, form, GOOD, PAID)
    beside = Path(replaced_path(str(path)))
    before = path.read_bytes(), beside.read_bytes()

    def sync_unless_full(handle: int) -> None:
        if os.path.samestat(os.fstat(handle), os.stat(beside)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", sync_unless_full)
    with pytest.raises(OSError, match="No space"):
        take_out_failed(str(path), path.stat().st_size, form)
    assert (path.read_bytes(), beside.read_bytes()) == before
    assert {each.name for each in tmp_path.iterdir()} == {"out", "out.failed"}
