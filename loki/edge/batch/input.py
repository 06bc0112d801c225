"""A file or stdin -> numbered lines, each as text or with what is wrong with it."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import IO, Any, NamedTuple

from returns.result import Result, Success

from loki.batch.kept_fields import first_fields
from loki.batch.output_format import allow_large_cells
from loki.batch.rows import Line, RaggedLine
from loki.edge.decode import recode
from loki.edge.files import describe_os_error
from loki.problems import Problem, fail

Warn = Callable[[str], None]


class Source(NamedTuple):
    """Where rows come from."""

    name: str
    lines: Iterator[Line]
    path: str = ""  # of a file; a pipe has none
    columns: tuple[str, ...] | None = None  # of a table
    first_fields: tuple[str, ...] = ()  # of the rows that were read ahead, where that was done

    def size(self) -> int | None:
        """Return the number of rows, or of lines; None where only reading would tell."""
        if not self.path:
            return None
        try:
            if self.columns is None or os.path.getsize(self.path) > LARGE:
                return count_lines(self.path)
            return max(0, count_rows(self.path) - 1)
        except OSError:
            return None


def count_lines(path: str) -> int:
    """Return the number of lines of a file."""
    with open(path, "rb", buffering=0) as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(2**20), b""))


def count_rows(path: str) -> int:
    """Return the number of rows of a table, its head too; those that are not CSV by their lines.

    Characters make no difference to that, and so they are not decoded.
    """
    with open(path, encoding="latin-1", newline="") as file:
        delimiter = delimiter_of(file.readline())
        file.seek(0)
        try:
            return sum(map(bool, csv.reader(file, delimiter=delimiter)))
        except csv.Error:
            return count_lines(path)


LARGE = 2**27  # bytes of a table whose rows are not counted, which would take seconds


def open_source(
    path: str, form: str, encoding: str | None = None, warn: Warn = lambda message: None
) -> Result[Source, Problem]:
    """The lines of a file, ``-`` is stdin; ``form`` is json, lines or csv."""
    if path == "-":
        file: Any = sys.stdin.buffer
    else:
        try:
            file = open(path, "rb")  # noqa: SIM115 - it is read until the end
            file.peek(1)  # a folder opens, and cannot be read
        except FileNotFoundError:
            return fail("missing", f"no file {path}")
        except OSError as error:
            return fail("input", f"cannot read {path}: {describe_os_error(error)}")
    name = "stdin" if path == "-" else path
    pieces = iter(lambda: file.read1(PIECE), b"")
    texts = (line.decode() for line in split_lines(recode(pieces, name, encoding, warn)))
    where = "" if path == "-" else path

    def as_source(lines: Iterator[Line], columns: tuple[str, ...] | None = None) -> Source:
        told = warn_where_empty(lines, lambda: warn(f"{name} has no rows"))
        return Source(name, close_after(file, told), where, columns)

    if form != "csv":
        return Success(as_source(read_plain_lines(texts)))
    return read_header(texts, name).map(
        lambda reader: as_source(read_table_rows(reader), tuple(reader.fieldnames))
    )


def with_first_fields(source: Source, form: str) -> Source:
    """Return the source with the fields of its first rows: of a single one, if it may be slow."""
    ahead = [*islice(source.lines, READ_AHEAD if source.path else 1)]
    fields = first_fields(form, (line for _, line in ahead))
    return source._replace(lines=chain(ahead, source.lines), first_fields=fields)


READ_AHEAD = 100  # rows of a file that say which fields there are
PIECE = 1 << 16  # bytes read at once


def split_lines(pieces: Iterable[bytes | None]) -> Iterator[bytes]:
    r"""Yield the lines of an input that is read in pieces, each with its end.

    >>> [*split_lines([b"a\nb", b"c\n", b"d"])]
    [b'a\n', b'bc\n', b'd']
    """
    unfinished: list[bytes] = []
    for piece in filter(None, pieces):
        first, *more = piece.split(b"\n")
        unfinished.append(first)
        if more:
            yield b"".join(unfinished) + b"\n"
            yield from (line + b"\n" for line in more[:-1])
            unfinished = [more[-1]]
    if any(unfinished):
        yield b"".join(unfinished)


def warn_where_empty(lines: Iterator[Line], warn: Callable[[], None]) -> Iterator[Line]:
    """The same lines; an input without any draws a warning, for it is rarely meant."""
    first = next(lines, None)
    if first is None:
        warn()
        return
    yield first
    yield from lines


def close_after(file: IO[bytes], lines: Iterator[Line]) -> Iterator[Line]:
    """The same lines; the file is closed at their end."""
    with file:
        yield from lines


def read_plain_lines(texts: Iterable[str]) -> Iterator[Line]:
    r"""Lines of text; empty ones are left out.

    >>> [(number, line.unwrap()) for number, line in read_plain_lines(["a\r\n", "\n", "b"])]
    [(1, 'a'), (3, 'b')]
    """
    for number, text in enumerate(texts, 1):
        line = text.rstrip("\r\n")
        if line.strip():
            yield number, Success(line)


def read_header(texts: Iterable[str], name: str = "stdin") -> Result[TableReader, Problem]:
    r"""Read the first line of a table (RFC 4180); return a reader of its rows.

    Fails with kind input where a column stands twice. The delimiter is a comma, a semicolon, a tab
    or a bar, whichever the first line has.

    >>> read_header(["id;text\n", "1;a,b\n"]).unwrap().fieldnames
    ['id', 'text']
    >>> read_header(["id,text,id\n"], "in.csv").failure().message
    "in.csv: column 'id' stands twice in the first line"
    """
    lines = iter(texts)
    first = next(lines, "")
    lines = chain((first,) if first else (), lines)
    allow_large_cells()
    reader = TableReader(lines, delimiter_of(first))
    try:
        columns = reader.fieldnames
    except csv.Error as error:
        return fail("input", f"{name}: the first line is not CSV: {error}")
    twice = next((column for column in columns if columns.count(column) > 1), None)
    if twice is not None:
        return fail("input", f"{name}: column {twice!r} stands twice in the first line")
    return Success(reader)


def delimiter_of(line: str) -> str:
    """Return what separates the columns of a first line; a comma where there is only one.

    >>> delimiter_of("id\\ttext"), delimiter_of("text")
    ('\\t', ',')
    """
    try:
        return csv.Sniffer().sniff(line, DELIMITERS).delimiter
    except csv.Error:
        return ","


DELIMITERS = ",;\t|"


class NumberedLines:
    """Lines, and at which of them the row began that is being read."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines, self.number, self.first = lines, 0, 0

    def __iter__(self) -> NumberedLines:
        """Return this iterator."""
        return self

    def __next__(self) -> str:
        """Return the next line; blank lines before a row are none of it."""
        line = next(self.lines)
        self.number += 1
        if not self.first and line.rstrip("\r\n"):
            self.first = self.number
        return line

    def take_first(self) -> int:
        """Return the first line of the row that was read, and begin another row."""
        first, self.first = self.first, 0
        return first


class TableReader:
    """Reads a table, whose rows may have several lines."""

    def __init__(self, lines: Iterator[str], delimiter: str) -> None:
        self.lines = NumberedLines(lines)
        self.rows = csv.DictReader(self.lines, restkey="", strict=True, delimiter=delimiter)

    @property
    def fieldnames(self) -> list[str]:
        """Return the columns; raises csv.Error where the first line is none."""
        return [*(self.rows.fieldnames or ())]


def read_table_rows(reader: TableReader) -> Iterator[Line]:
    """Yield the rows of a table by their first lines; one that does not fit the head says so."""
    reader.lines.take_first()
    while True:
        try:
            fields: dict[Any, Any] = next(reader.rows)
        except StopIteration:
            return
        except csv.Error as error:
            number = reader.lines.take_first()
            yield number, fail("input", f"line {number}: not CSV: {error}")
            continue
        yield reader.lines.take_first(), Success(check_cell_count(fields))


def check_cell_count(fields: dict[Any, Any]) -> Mapping[str, str] | RaggedLine:
    """Return a row of a table; a ragged one if it has not as many fields as the head."""
    cells = {name: text for name, text in fields.items() if name and text is not None}
    if "" in fields and isinstance(fields[""], list):
        return RaggedLine(cells, Problem("input", "more fields than the head has"))
    if None in fields.values():
        return RaggedLine(cells, Problem("input", "fewer fields than the head has"))
    return fields
