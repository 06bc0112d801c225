"""Rows that an output did not take are put back into it, once, by the next run."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from loki.batch.output_format import CsvTable, Format, JsonLines
from loki.edge.batch.kept_rows import find_kept_files, rescue_name, take_back
from loki.edge.batch.output import open_output, read_existing
from loki.edge.rescue import make_rescue_file, try_lock

FORMS: list[Format] = [JsonLines(), CsvTable(["lang"])]
ERROR = {"kind": "input", "message": "No.", "status": None, "sent": True}


def row(id: str, **more: Any) -> dict[str, Any]:
    """Return a row that was answered."""
    return {"id": id, "line": 1, "key": "k", "text": f"two\nlines of {id}", **more}


FAILED: dict[str, Any] = row("f", error=ERROR, cost=0.25)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder for rescued rows; temporary files are apart from those of others."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / "state"


def keep(path: Path, folder: Path, form: Format, *rows: dict[str, Any], end: bytes = b"") -> Path:
    """Write a file as a run leaves it whose output took no more."""
    handle, name = make_rescue_file(str(folder), rescue_name(str(path)), form.suffix)
    with open(handle, "wb") as file:
        file.write(form.head + b"".join(map(form.encode, rows)) + end)
    return Path(name)


@pytest.mark.parametrize("form", FORMS, ids=["jsonl", "csv"])
@pytest.mark.parametrize("is_torn", [False, True])
@pytest.mark.parametrize("has_output", [False, True])
def test_rows_come_back_once_whatever_the_output_has(
    form: Format, is_torn: bool, has_output: bool, tmp_path: Path, folder: Path
) -> None:
    path, torn = tmp_path / f"out{form.suffix}", form.encode(row("z"))[:9] * is_torn
    before = form.head + form.encode(row("a")) if has_output else b""
    if has_output:
        path.write_bytes(before + torn)
    kept = keep(path, folder, form, *map(row, "ab"), end=torn), keep(path, folder, form, FAILED)
    counted = read_existing(str(path), str(folder), form).unwrap()
    assert "a k" in counted.done and "b k" in counted.done and counted.earlier.failed == 1
    counted.file.close()
    warned: list[str] = []
    for _ in range(2):
        with open_output(str(path), str(folder), form, warn=warned.append) as opened:
            out = opened.unwrap()
            assert ("a k" in out.done, "b k" in out.done, "f k" in out.done) == (True, True, False)
            assert str(out.earlier.cost) == "0.25"
    assert path.read_bytes() == form.head + form.encode(row("a")) + form.encode(row("b"))
    assert warned == [f"3 rows are back in {path}, which an earlier run could not write there"]
    assert not any(each.exists() for each in kept)


def test_rows_of_another_output_or_with_other_columns_stay_where_they_are(
    tmp_path: Path, folder: Path
) -> None:
    path, form = tmp_path / "out.csv", CsvTable(["lang"])
    path.write_bytes(form.head + form.encode(row("a")))
    before = path.read_bytes()
    others = [
        keep(tmp_path / "other.csv", folder, form, row("b")),
        keep(path, folder, CsvTable(["text"]), row("b")),
    ]
    assert take_back(str(path), str(folder), form).unwrap() == 0
    assert path.read_bytes() == before and all(each.exists() for each in others)


def test_an_output_that_is_still_full_keeps_its_rows_elsewhere(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, form = tmp_path / "out.jsonl", JsonLines()
    path.write_bytes(form.encode(row("a")))
    kept = keep(path, folder, form, row("b"))

    def sync(handle: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", sync)
    with open_output(str(path), str(folder), form) as opened:
        problem = opened.failure()
    expected = f"cannot write {path}: no space left on device; "
    assert problem.message == f"{expected}rows that an earlier run could not write: {kept}"
    assert problem.kind == "output" and kept.exists()
    assert path.read_bytes() == form.encode(row("a"))


def test_rows_that_a_run_is_still_writing_are_waited_for(tmp_path: Path, folder: Path) -> None:
    path, form = tmp_path / "out.jsonl", JsonLines()
    path.touch()
    kept = keep(path, folder, form, row("b"))
    with kept.open("ab") as file:
        assert try_lock(file.fileno())
        assert take_back(str(path), str(folder), form).failure().kind == "busy"
    assert take_back(str(path), str(folder), form).unwrap() == 1
    assert json.loads(path.read_bytes())["id"] == "b"


def test_a_file_that_others_can_write_is_not_read(tmp_path: Path, folder: Path) -> None:
    path, form = tmp_path / "out.jsonl", JsonLines()
    path.touch()
    keep(path, folder, form, row("b")).chmod(0o666)
    link = Path(f"{folder}/{rescue_name(str(path))}-x.jsonl")
    link.symlink_to(tmp_path / "elsewhere.jsonl")
    (tmp_path / "elsewhere.jsonl").write_bytes(form.encode(row("c")))
    assert take_back(str(path), str(folder), form).unwrap() == 0 and not path.read_bytes()


def test_rows_are_looked_for_where_they_may_have_been_kept(tmp_path: Path, folder: Path) -> None:
    path, form = tmp_path / "out.jsonl", JsonLines()
    kept = [keep(path, each, form, row("b")) for each in (folder, tmp_path)]
    assert {*map(Path, find_kept_files(str(path), str(folder), form))} == {*kept}
    assert find_kept_files(str(path), "", form) == []
