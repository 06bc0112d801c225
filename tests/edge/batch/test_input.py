"""Lines of files and pipes, whatever is in them: each with its number, or why it is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from returns.result import Result

from loki.batch.rows import Content, RaggedLine
from loki.edge.batch.input import open_source, read_header, read_plain_lines, read_table_rows
from loki.problems import Problem

TABLES: dict[str, tuple[bytes, list[tuple[int, object]]]] = {
    "plain": (b"a,b\n1,2\n", [(2, {"a": "1", "b": "2"})]),
    "mark": (b"\xef\xbb\xbfa\n1\n", [(2, {"a": "1"})]),
    "utf-16": ("a\né\n".encode("utf-16"), [(2, {"a": "é"})]),
    "quoted": (b'a,b\n"x\ny",2\n3,4\n', [(2, {"a": "x\ny", "b": "2"}), (4, {"a": "3", "b": "4"})]),
    "blank": (b'a\n\n"x\n\ny"\n\r\n3\n', [(3, {"a": "x\n\ny"}), (7, {"a": "3"})]),
    "more": (b"a\n1,2\n3\n", [(2, ({"a": "1"}, "more fields than the head has")), (3, {"a": "3"})]),
    "fewer": (b"a,b\n1\n", [(2, ({"a": "1"}, "fewer fields than the head has"))]),
    "not-utf-8": (b"a\n\xff\nx\n", [(2, {"a": "�"}), (3, {"a": "x"})]),
    "nul": (b"a\nx\0y\n", [(2, {"a": "x\0y"})]),  # whose prompt is refused
    "nothing": (b"", []),
}


def told(row: Result[Content, Problem]) -> object:
    """Return what a row holds, and what is wrong with it."""
    content = row.unwrap()
    if isinstance(content, RaggedLine):
        return content.fields, content.problem.message
    return content


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read_row_by_row(tmp_path: Path, name: str) -> None:
    data, expected = TABLES[name]
    (tmp_path / "in").write_bytes(data)
    found = open_source(str(tmp_path / "in"), "csv").unwrap()
    assert [(number, told(row)) for number, row in found.lines] == expected


@pytest.mark.parametrize("form", ["lines", "json"])
@pytest.mark.parametrize(
    ("data", "encoding", "lines", "notes"),
    [
        ("é\n\n☃".encode("utf-16"), None, [(1, "é"), (3, "☃")], 0),
        ("é\n☃".encode("utf-16-be"), "utf-16-be", [(1, "é"), (2, "☃")], 0),
        (b"caf\xe9\nx\n", "latin-1", [(1, "café"), (2, "x")], 0),
        (b"caf\xe9\nx\xff\n", None, [(1, "caf�"), (2, "x�")], 1),
    ],
)
def test_lines_are_decoded_as_their_mark_or_the_flag_says(
    tmp_path: Path,
    form: str,
    data: bytes,
    encoding: str | None,
    lines: list[tuple[int, str]],
    notes: int,
) -> None:
    path, warned = tmp_path / "in", list[str]()
    path.write_bytes(data)
    found = open_source(str(path), form, encoding, warned.append).unwrap()
    assert [(number, line.unwrap()) for number, line in found.lines] == lines
    assert len(warned) == notes
    assert not notes or warned[0].startswith(f"{path} is not UTF-8 text: byte 3 is 0xe9; replaced")


@pytest.mark.parametrize(
    ("form", "data", "is_empty"),
    [
        *(("json", b"", True), ("lines", b"\n \n", True), ("csv", b"", True)),
        *(("csv", b"id,text\n", True), ("csv", b"id\n1\n", False), ("lines", b"x", False)),
    ],
)
def test_an_input_without_rows_draws_a_warning(
    tmp_path: Path, form: str, data: bytes, is_empty: bool
) -> None:
    path, warned = tmp_path / "in", list[str]()
    path.write_bytes(data)
    lines = [*open_source(str(path), form, warn=warned.append).unwrap().lines]
    assert warned == [f"{path} has no rows"] * is_empty and bool(lines) is not is_empty


def test_a_table_that_breaks_the_rules_says_where() -> None:
    (line,) = read_table_rows(read_header(["a,b\n", '"x"y,2\n']).unwrap())
    assert "line 2: not CSV" in line[1].failure().message


def test_lines_keep_their_numbers_over_empty_ones() -> None:
    found = list(read_plain_lines(["\n", "a\n", "   \n", "b"]))
    assert [(number, line.unwrap()) for number, line in found] == [(2, "a"), (4, "b")]


def test_a_file_says_how_many_lines_it_has(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(b"a\nb\nc\n")
    found = open_source(str(path), "lines").unwrap()
    assert found.size() == 3 and len(list(found.lines)) == 3
    table = open_source(str(path), "csv").unwrap()
    assert table.size() == 2 and len(list(table.lines)) == 2
    path.write_bytes(b'a;b\n"x\n""y""\n";5" wide\n\n"1\n2";"\n"\n')
    table = open_source(str(path), "csv").unwrap()
    assert table.size() == 2 and [number for number, _ in table.lines] == [2, 6]
