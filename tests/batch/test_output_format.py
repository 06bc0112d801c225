"""How the rows of an output are written, and what a later run reads of them."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import pytest

from loki.batch.done_rows import EarlierRow, row_identity
from loki.batch.output_format import (
    COLUMNS,
    CsvTable,
    JsonLines,
    choose_format,
    encode_cells,
)

GOOD = {"id": "a", "line": 2, "key": "k", "text": 'Oui,\n"oui"', "cost": 0.5}
FAILED = {"id": "a", "line": 2, "key": "k", "error": {"kind": "busy", "message": "No."}}


@pytest.mark.parametrize(
    ("path", "kind"),
    [("a.csv", CsvTable), ("A.CSV", CsvTable), ("a.csv.jsonl", JsonLines), (None, JsonLines)],
)
def test_the_name_of_an_output_chooses_its_format(path: str | None, kind: type) -> None:
    assert type(choose_format(path)) is kind


@pytest.mark.parametrize("format", [JsonLines(), CsvTable(["lang"])], ids=["jsonl", "csv"])
@pytest.mark.parametrize(
    ("line", "earlier"),
    [
        (GOOD, EarlierRow("a k", True, Decimal(0), 2)),
        (FAILED, EarlierRow("a k", False, Decimal(0), 2)),
        ({**FAILED, "cost": 0.25}, EarlierRow("a k", False, Decimal("0.25"), 2)),
    ],
)
def test_what_was_written_is_read_again(format: Any, line: Any, earlier: EarlierRow) -> None:
    rows = format.encode(line) + format.encode(line)
    found = list(format.split(rows.splitlines(keepends=True)))
    assert [format.read(each) for each in found] == [earlier, earlier]


@pytest.mark.parametrize("format", [JsonLines(), CsvTable()], ids=["jsonl", "csv"])
@pytest.mark.parametrize("id", ["a", "true", "é,\n", "", 7, -1, 10**20, True, False])
def test_a_row_is_known_again_whatever_its_id_is(format: Any, id: str | int) -> None:
    earlier = format.read(format.encode({**GOOD, "id": id}))
    assert earlier is not None and earlier.identity == row_identity(id, "k")


@pytest.mark.parametrize(
    "row",
    [b"", b"a,2,k\n", b'"a\n', CsvTable().head, b"\xff,\n"],
)
def test_a_row_of_another_table_is_none_of_ours(row: bytes) -> None:
    assert CsvTable().read(row) is None


def test_a_row_torn_within_a_quoted_field_has_no_end_of_line() -> None:
    torn = [b"a,b\n", b'1,"x\n', b"y\n"]
    assert list(CsvTable().split(torn)) == [b"a,b\n", b'1,"x\ny']


def test_rows_are_appended_in_the_order_of_the_files_own_columns() -> None:
    table = CsvTable(["lang"]).with_header(encode_cells([*COLUMNS, "lang"]))
    row = table.encode({**FAILED, "lang": "fr"})
    assert (row[:6], row[-4:]) == (b"a,2,k,", b",fr\n")
    assert table.read(row) == EarlierRow("a k", False, Decimal(0), 2)


def test_a_header_with_other_columns_changes_nothing() -> None:
    table = CsvTable(["lang"])
    assert table.with_header(b"id,text\n") is table


@pytest.mark.parametrize(
    ("line", "column", "cell"),
    [
        ({"usage": {"cache_read": 7}}, "usage_cache_read", "7"),
        ({"error": {"kind": "busy", "sent": True}}, "error_sent", "true"),
        ({"error": {"kind": "busy", "status": 503}}, "error_status", "503"),
        ({"text": "né"}, "text", "né"),
        ({"text": "Hi"}, "error_kind", ""),
        ({"embedding": [0.5, 1]}, "embedding", "[0.5, 1]"),
        ({"tool_calls": []}, "tool_calls", ""),
        ({"data": {"a": ["é"]}}, "data", '{"a": ["é"]}'),
        ({"data": False}, "data", "false"),
        ({"data": None}, "data", ""),
    ],
)
def test_a_column_has_its_part_of_the_line(line: Any, column: str, cell: str) -> None:
    table = CsvTable()
    [row] = csv.DictReader((table.head + table.encode(line)).decode().splitlines())
    assert row[column] == cell


def test_a_cell_with_a_carriage_return_is_read_as_it_was_by_us_and_by_others() -> None:
    table = CsvTable(["note"])
    for text in ("a\rb", "\r", "a\r\nb", "\n\r"):
        row = table.encode({"id": "1", "line": 2, "key": "k", "note": text, "text": text})
        earlier = table.read(row)
        assert earlier is not None and earlier.identity == "1 k"
        (cells,) = csv.reader(io.StringIO(row.decode(), newline=""), strict=True)
        assert cells.count(text) == 2
        assert [*table.split([*io.BytesIO(table.head + row)])] == [table.head, row]


def test_a_row_of_an_earlier_version_whose_carriage_return_is_bare_is_read() -> None:
    table = CsvTable(["note"])
    row = table.encode({"id": "1", "line": 2, "key": "k", "text": "MARK"}).replace(b"MARK", b"a\rb")
    earlier = table.read(row)
    assert earlier is not None and (earlier.identity, earlier.is_good) == ("1 k", True)
    assert table.with_header(table.head.replace(b"\n", b"\r\n")).places == table.places


def test_a_cell_beyond_the_limit_of_csv_itself_is_read_whatever_the_input_is() -> None:
    limit = csv.field_size_limit(131_072)  # as where no table has been read
    try:
        earlier = CsvTable().read(CsvTable().encode({**GOOD, "text": "x" * 200_000}))
    finally:
        csv.field_size_limit(limit)
    assert earlier == EarlierRow("a k", True, Decimal(0), 2)
