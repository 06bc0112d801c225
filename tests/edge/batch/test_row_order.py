"""Rows in the order of the input: each as it was, all at once or not at all."""

from __future__ import annotations

import json
import random
from errno import ENOSPC
from pathlib import Path
from typing import IO

import pytest

from loki.batch.output_format import CsvTable, Format, JsonLines
from loki.edge.batch.row_order import put_in_order, rewrite_file

FORMS: list[Format] = [JsonLines(), CsvTable(["note"])]


def rows_of(form: Format, numbers: list[int]) -> list[bytes]:
    """Return rows of some lines, whose cells have lines too."""
    facts = ({"id": f"a{n}", "line": n, "key": "k", "note": "x\ny", "text": "T"} for n in numbers)
    return [form.encode(dict(each)) for each in facts]


@pytest.mark.parametrize("form", FORMS, ids=["json", "csv"])
def test_rows_are_sorted_by_their_lines(tmp_path: Path, form: Format) -> None:
    rows, path = rows_of(form, [*range(1, 200)]), tmp_path / "out"
    mixed = random.Random(1).sample(rows, len(rows))
    path.write_bytes(form.head + b"".join(mixed))
    path.chmod(0o640)
    put_in_order(str(path), form)
    assert path.read_bytes() == form.head + b"".join(rows)
    assert path.stat().st_mode & 0o777 == 0o640 and [*tmp_path.iterdir()] == [path]


def test_rows_of_one_line_and_of_none_keep_their_order(tmp_path: Path) -> None:
    lines = [{"id": 9, "line": 2, "key": "b"}, {"id": "x", "key": "old"}]
    lines += [{"id": 'é"\\', "line": 1, "key": "c"}, {"id": 9, "line": 2, "key": "a"}]
    path = tmp_path / "out"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    put_in_order(str(path), JsonLines())
    keys = [json.loads(line)["key"] for line in path.read_text().splitlines()]
    assert keys == ["old", "c", "b", "a"]


def test_a_file_in_order_is_not_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"".join(rows_of(JsonLines(), [1, 2, 2, 3])))
    before = path.stat().st_ino
    put_in_order(str(path), JsonLines())
    assert path.stat().st_ino == before


def test_where_it_cannot_be_written_it_stays_as_it_is(tmp_path: Path) -> None:
    def write(old: IO[bytes], new: IO[bytes]) -> None:
        new.write(old.read(3))
        raise OSError(ENOSPC, "No space left on device")

    path = tmp_path / "out"
    path.write_bytes(before := b"".join(rows_of(JsonLines(), [2, 1])))
    with pytest.raises(OSError, match="No space"):
        rewrite_file(str(path), write)
    assert path.read_bytes() == before and [*tmp_path.iterdir()] == [path]
