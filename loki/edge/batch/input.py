"""A file or stdin -> numbered lines, each as text or with what is wrong with it."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import IO, Any, NamedTuple

from returns.result import Result, Success

from loki.batch.rows import Line, RaggedLine
from loki.edge.files import describe_os_error
from loki.problems import Problem, fail


class Source(NamedTuple):
    """Where rows come from."""

    name: str
    lines: Iterator[Line]
    path: str = ""  # of a file; a pipe has none
    columns: tuple[str, ...] | None = None  # of a table

    def size(self) -> int | None:
        """How many lines there are, None where only reading would tell."""
        if not self.path:
            return None
        try:
            with open(self.path, "rb", buffering=0) as file:
                blocks = iter(lambda: file.read(2**20), b"")
                return sum(block.count(b"\n") for block in blocks)
        except OSError:
            return None


LARGEST_FIELD = 2**26  # characters in a cell: csv's own limit is too small for a document


def open_source(path: str, form: str) -> Result[Source, Problem]:
    """The lines of a file, ``-`` is stdin; ``form`` is json, lines or csv."""
    if path == "-":
        file: IO[bytes] = sys.stdin.buffer
    else:
        try:
            file = open(path, "rb")  # noqa: SIM115 - it is read until the end
            file.peek(1)  # a folder opens, and cannot be read
        except FileNotFoundError:
            return fail("missing", f"no file {path}")
        except OSError as error:
            return fail("input", f"cannot read {path}: {describe_os_error(error)}")
    name = "stdin" if path == "-" else path
    read = Source(name, close_after(file, read_plain_lines(file)), "" if path == "-" else path)
    if form != "csv":
        return Success(read)
    return read_header(file, name).map(
        lambda reader: read._replace(
            lines=close_after(file, read_table_rows(reader)), columns=tuple(reader.fieldnames or ())
        )
    )


def close_after(file: IO[bytes], lines: Iterator[Line]) -> Iterator[Line]:
    """The same lines; the file is closed at their end."""
    with file:
        yield from lines


def read_plain_lines(file: Iterable[bytes]) -> Iterator[Line]:
    """Lines of text; empty ones are left out.

    >>> [(number, line.unwrap()) for number, line in read_plain_lines([b"a\\r\\n", b"\\n", b"b"])]
    [(1, 'a'), (3, 'b')]
    >>> next(read_plain_lines([b"\\xff"]))[1].failure().message
    'line 1 is not UTF-8: byte 0 is 0xff'
    """
    for number, raw in enumerate(file, 1):
        line = raw.rstrip(b"\r\n")
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            continue
        try:
            yield number, Success(line.decode())
        except UnicodeDecodeError as error:
            byte = f"byte {error.start} is 0x{line[error.start]:02x}"
            yield number, fail("input", f"line {number} is not UTF-8: {byte}")


def read_header(file: Iterable[bytes], name: str = "stdin") -> Result[Any, Problem]:
    """Read the first line of a table (RFC 4180); return a reader of its rows.

    Fails with kind input where a column stands twice. The delimiter is a comma, a semicolon, a tab
    or a bar, whichever the first line has.

    >>> read_header([b"id;text\\n", b"1;a,b\\n"]).unwrap().fieldnames
    ['id', 'text']
    >>> read_header([b"id,text,id\\n"], "in.csv").failure().message
    "in.csv: column 'id' stands twice in the first line"
    """
    texts = marked(line.decode("utf-8", "surrogateescape") for line in file)
    first = next(texts, "")
    lines = chain((first,) if first else (), texts)
    csv.field_size_limit(LARGEST_FIELD)
    reader: Any = csv.DictReader(lines, restkey="", strict=True, delimiter=delimiter_of(first))
    try:
        columns = [*(reader.fieldnames or ())]
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


def read_table_rows(reader: Any) -> Iterator[Line]:
    """Yield the rows of a table; one that does not fit the first line says so."""
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            number = reader.line_num + 1  # it names the last line that was one
            yield number, fail("input", f"line {number}: not CSV: {error}")
            continue
        yield reader.line_num, Success(check_cell_count(fields))


def marked(texts: Iterator[str]) -> Iterator[str]:
    """Texts without the mark that some programs put before the first."""
    for i, text in enumerate(texts):
        yield text if i else text.removeprefix("\ufeff")


def check_cell_count(fields: dict[Any, Any]) -> Mapping[str, str] | RaggedLine:
    """Return a row of a table; a ragged one if it has not as many fields as the head."""
    cells = {name: text for name, text in fields.items() if name and text is not None}
    if "" in fields and isinstance(fields[""], list):
        return RaggedLine(cells, Problem("input", "more fields than the head has"))
    if None in fields.values():
        return RaggedLine(cells, Problem("input", "fewer fields than the head has"))
    return fields
