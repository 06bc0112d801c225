"""A row of an output -> its bytes, and back: JSON lines, or a table in CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Protocol

from toolz import get_in

from loki.batch.done_rows import EarlierRow, line_of_row, read_earlier_row, row_identity
from loki.json_text import Json, JsonObject, compact
from loki.usage import COUNTS


class Format(Protocol):
    """How an output is written and read."""

    suffix: str
    head: bytes  # of a file that is new
    columns: frozenset[str] | None  # what a row may hold; None is anything

    def with_header(self, head: bytes) -> Format:
        """Return the format of a file that begins so, which another version may have written."""

    def encode(self, line: JsonObject) -> bytes:
        """Return the bytes of a row, with the end of its line."""

    def split(self, file: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the rows of a file, its head too; one without an end of line is torn."""

    def read(self, row: bytes) -> EarlierRow | None:
        """Return what a row of an earlier run says, None if it is none of ours."""

    def line_of(self, row: bytes) -> int:
        """Return the line of the input that a row came from; 0 where that is not known."""


class JsonLines:
    """A JSON object a line."""

    suffix = ".jsonl"
    head = b""
    columns: frozenset[str] | None = None

    def with_header(self, head: bytes) -> JsonLines:
        """Return this format: its lines name what they hold."""
        return self

    def encode(self, line: JsonObject) -> bytes:
        """Return a line."""
        return compact(line).encode("utf-8", "replace") + b"\n"

    def split(self, file: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the lines."""
        return iter(file)

    def read(self, row: bytes) -> EarlierRow | None:
        """Read a line."""
        return read_earlier_row(row)

    def line_of(self, row: bytes) -> int:
        """Return the line of the input."""
        return line_of_row(row)


#: The columns of an output in CSV after the input's, and where a line has each.
COLUMNS: dict[str, list[str]] = {
    **{name: [name] for name in ("id", "line", "key", "model", "text", "reasoning", "finish")},
    **{name: [name] for name in ("data", "tool_calls", "embedding", "cost", "seconds")},
    **{name: [name] for name in ("attempts", "request_id")},
    **{f"usage_{name}": ["usage", name] for name in COUNTS},
    **{f"error_{name}": ["error", name] for name in ("kind", "message", "status", "sent")},
}


class CsvTable:
    """A table in CSV (RFC 4180): the input's columns first, then ours.

    >>> table = CsvTable(["lang"])
    >>> row = table.encode({"id": "a", "line": 2, "key": "k", "lang": "fr", "text": "Oui, oui"})
    >>> row[:26]
    b'fr,a,2,k,,"Oui, oui",,,,,,'
    >>> table.read(row)
    EarlierRow(identity='a k', is_good=True, cost=Decimal('0'), line=2, is_cost_unknown=False)
    """

    suffix = ".csv"

    def __init__(self, columns: Sequence[str] = ()) -> None:
        self.places = {name: [name] for name in columns} | COLUMNS
        self.head = encode_cells(self.places)
        self.columns: frozenset[str] | None = frozenset(self.places)

    def with_header(self, head: bytes) -> CsvTable:
        """Return the format with the columns of a file's first line, which are fixed by it.

        >>> table = CsvTable(["lang"]).with_header(encode_cells([*COLUMNS, "lang"]))
        >>> [*table.places][0], [*table.places][-1]
        ('id', 'lang')
        """
        names = decode_cells(head) or []
        return CsvTable(names) if {*COLUMNS} <= {*names} else self

    def encode(self, line: JsonObject) -> bytes:
        """Return a row."""
        return encode_cells(to_cell(get_in(path, line, None)) for path in self.places.values())

    def split(self, file: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the rows; a quoted field may go over several lines."""
        row = b""
        for line in file:
            row += line
            if row.count(b'"') % 2 == 0:
                yield row
                row = b""
        if row:
            yield row.removesuffix(b"\n")  # torn within a quoted field

    def read(self, row: bytes) -> EarlierRow | None:
        """Read a row."""
        fields = decode_cells(row)
        if fields is None or len(fields) != len(self.places):
            return None
        named = dict(zip(self.places, fields, strict=True))
        try:
            cost = Decimal(named["cost"] or 0)
        except ArithmeticError:
            return None
        is_good = not named["error_kind"]
        paid = Decimal(0) if is_good else cost
        place = int(named["line"]) if named["line"].isdecimal() else 0
        is_unknown = named["error_sent"] == "true" and not named["error_status"]
        is_unknown &= not named["cost"]
        return EarlierRow(row_identity(named["id"], named["key"]), is_good, paid, place, is_unknown)

    def line_of(self, row: bytes) -> int:
        """Return the line of the input."""
        earlier = self.read(row)
        return earlier.line if earlier else 0


def encode_cells(cells: Iterable[Any]) -> bytes:
    r"""Return a row of CSV, which ends with a newline.

    >>> encode_cells(["a", "b\rc", None])
    b'a,"b\rc",\n'
    """
    text: Any = csv.writer(EchoWriter(), lineterminator="\r\n").writerow(cells)  # so \r is quoted
    return str(text).removesuffix("\r\n").encode("utf-8", "replace") + b"\n"


def decode_cells(row: bytes) -> list[str] | None:
    r"""Return the cells of a row of CSV, None if it is none; earlier versions quoted no ``\r``.

    >>> decode_cells(b'a,"b\rc"\n'), decode_cells(b'a,b\rc\n'), decode_cells(b'"a\n')
    (['a', 'b\rc'], ['a', 'b\rc'], None)
    """
    allow_large_cells()
    text = row.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
    mark = next((mark for mark in MARKS if mark not in text), "\r")
    try:
        cells = next(csv.reader([text.replace("\r", mark)], strict=True))
    except (csv.Error, StopIteration):
        return None
    return [cell.replace(mark, "\r") for cell in cells]


def allow_large_cells() -> None:
    """Let csv read cells as large as documents: its own limit is 131,072 characters."""
    csv.field_size_limit(LARGEST_CELL)


LARGEST_CELL = 2**26  # characters
#: Characters that stand for another where a text has not got them; one is always free.
MARKS = tuple(map(chr, range(0xE000, 0xF8FF)))


class EchoWriter:
    """A file that returns what is written: ``writerow`` hands that on."""

    def write(self, text: str) -> str:
        """Return the text."""
        return text


def to_cell(value: Json) -> Json:
    """Return what stands in a field: nothing for null, JSON for what is no text or number."""
    if isinstance(value, dict | list | bool):
        return json.dumps(value, ensure_ascii=False) if value != [] else ""
    return value


def choose_format(path: str | None, columns: Sequence[str] = ()) -> Format:
    """Return how the output at a path is written: as CSV where it is named so."""
    return CsvTable(columns) if is_csv_path(path) else JsonLines()


def is_csv_path(path: str | None) -> bool:
    """Return whether an output is named as one in CSV."""
    return path is not None and path.lower().endswith(".csv")
