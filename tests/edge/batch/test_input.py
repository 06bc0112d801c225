"""Lines of files and pipes, whatever is in them: each with its number, or why it is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from returns.result import Success

from loki.edge.batch.input import open_source, read_header, read_plain_lines, read_table_rows

TABLES: dict[str, tuple[bytes, list[tuple[int, object]]]] = {
    "plain": (b"a,b\n1,2\n", [(2, {"a": "1", "b": "2"})]),
    "mark": (b"\xef\xbb\xbfa\n1\n", [(2, {"a": "1"})]),
    "quoted": (b'a,b\n"x\ny",2\n3,4\n', [(3, {"a": "x\ny", "b": "2"}), (4, {"a": "3", "b": "4"})]),
    "more": (b"a\n1,2\n3\n", [(2, "line 2: more fields than the head has"), (3, {"a": "3"})]),
    "fewer": (b"a,b\n1\n", [(2, "line 2: fewer fields than the head has")]),
    "not-utf-8": (b"a\n\xff\nx\n", [(2, "line 2 is not UTF-8"), (3, {"a": "x"})]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read_row_by_row(name: str) -> None:
    data, told = TABLES[name]
    rows = [
        (number, row.unwrap() if isinstance(row, Success) else row.failure().message)
        for number, row in read_table_rows(read_header(data.splitlines(keepends=True)).unwrap())
    ]
    assert rows == told


def test_a_table_that_breaks_the_rules_says_where() -> None:
    (line,) = read_table_rows(read_header([b"a,b\n", b'"x"y,2\n']).unwrap())
    assert "line 2: not CSV" in line[1].failure().message


def test_lines_keep_their_numbers_over_empty_ones() -> None:
    told = list(read_plain_lines([b"\xef\xbb\xbf\n", b"a\n", b"   \n", b"b"]))
    assert [(number, line.unwrap()) for number, line in told] == [(2, "a"), (4, "b")]


def test_a_file_says_how_many_lines_it_has(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(b"a\nb\nc\n")
    found = open_source(str(path), "lines").unwrap()
    assert found.size() == 3 and len(list(found.lines)) == 3
    table = open_source(str(path), "csv").unwrap()
    assert table.size() == 2 and len(list(table.lines)) == 2
