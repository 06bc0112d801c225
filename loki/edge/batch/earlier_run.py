"""An output and what stands beside it -> which rows it has already, and what failures cost."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from decimal import Decimal
from itertools import chain
from typing import IO

from returns.result import Failure, Result, Success

from loki.batch.done_rows import EarlierRow, HashSet
from loki.batch.output_format import Format
from loki.edge.batch.row_order import rewrite_file
from loki.edge.trust import open_private
from loki.problems import Problem, fail

#: Rows by which it is noticed that a run is started again with another command.
REMEMBERED = 1000


class EarlierRun:
    """What stands in an output already, and what failures of earlier runs cost."""

    def __init__(self, retry_failed: bool = True) -> None:
        self.retry_failed = retry_failed  # so that rows that failed are not done
        self.done = HashSet()  # the marks of the rows that need not be asked
        self.failed = 0  # rows that stand there as failed
        self.replaced = 0  # failures that cost something, of rows that were asked again since
        self.cost, self.unknown_costs = Decimal(0), 0  # of all these failures; US dollars
        self.size = 0  # bytes that are whole lines
        self.first: dict[int, str] = {}  # of some rows, by their line of the input

    def add(self, row: EarlierRow) -> None:
        """Count a row that stands in the output."""
        if row.is_good or not self.retry_failed:
            self.done.add(row.identity)
            if row.line and len(self.first) < REMEMBERED:
                self.first[row.line] = row.identity
        if not row.is_good:
            self.failed += 1
            self.add_cost(row)

    def add_replaced(self, row: EarlierRow) -> None:
        """Count a failure whose row was asked again."""
        self.replaced += 1
        self.add_cost(row)

    def add_cost(self, row: EarlierRow) -> None:
        """Add what a failure cost."""
        self.cost += row.cost
        self.unknown_costs += row.is_cost_unknown


def scan(
    file: Iterable[bytes], path: str, form: Format, retry_failed: bool = True
) -> Result[EarlierRun, Problem]:
    """Read which rows are done, what failed, and how many bytes are whole lines.

    Rows that failed are done too, unless they are to be asked again.
    """
    run = EarlierRun(retry_failed)
    for number, line in enumerate(form.split(file), 1):
        if not line.endswith(b"\n"):
            break  # torn: the run before was cut off in it
        if number == 1 and line == form.head:
            run.size = len(line)
            continue
        row = form.read(line)
        if row is None:
            how = "it is left as it is; name another file"
            return fail("input", f"{path}:{number}: not a row of loki-batch: {how}")
        run.size += len(line)
        run.add(row)
    for row in read_replaced(path, form):
        run.add_replaced(row)
    return Success(run)


def scan_file(
    file: IO[bytes], path: str, form: Format, retry_failed: bool = True
) -> Result[tuple[EarlierRun, Format], Problem]:
    """Scan an open file from its begin; return its format too: the columns have its own order."""
    file.seek(0)
    form = form.with_header(file.readline())
    file.seek(0)
    result = scan(file, path, form, retry_failed)
    if not isinstance(result, Success):
        return Failure(result.failure())
    return Success((result.unwrap(), form))


# ---- rows that failed, and are asked again -----------------------------------------------------


def replaced_path(path: str) -> str:
    """Return where failures of an output stand that cost something, once they are asked again."""
    return f"{path}.failed"


def read_replaced(path: str, form: Format) -> Iterator[EarlierRow]:
    """Yield the failures that were taken out of an output; lines that are none are passed over."""
    with suppress(FileNotFoundError), open(replaced_path(path), "rb") as file:
        for line in form.split(file):
            row = form.read(line)
            if row is not None:
                yield row
            else:
                form = form.with_header(line)  # of a table whose columns had another order


def take_out_failed(path: str, size: int, form: Format) -> None:
    """Take the rows that failed out of a file, all at once; what they cost stays beside it.

    The two files change one after the other: a kill in between counts failures twice, never not.
    """

    def write(old: IO[bytes], new: IO[bytes]) -> None:
        new.writelines(good_lines(old, size, form))
        new.flush()
        os.fsync(new.fileno())  # else a full disk counts failures twice
        old.seek(0)
        append_replaced(path, paid_failures(old, size, form), form)

    rewrite_file(path, write)


def good_lines(file: Iterable[bytes], size: int, form: Format) -> Iterator[bytes]:
    """Yield the head of a file, and its rows that were answered."""
    for line in form.split(file):
        row = form.read(line)
        if line == form.head or (size > 0 and row and row.is_good):
            yield line
        size -= len(line)


def paid_failures(file: Iterable[bytes], size: int, form: Format) -> Iterator[bytes]:
    """Yield the rows of a file that failed, and were or may have been paid for."""
    for line in form.split(file):
        row = form.read(line)
        if size > 0 and row and not row.is_good and (row.cost or row.is_cost_unknown):
            yield line
        size -= len(line)


def append_replaced(path: str, rows: Iterator[bytes], form: Format) -> None:
    """Add failures to those that were taken out before: all of them, or none; raise OSError."""
    first = next(rows, None)
    if first is None:
        return
    name = replaced_path(path)
    before = os.path.getsize(name) if os.path.exists(name) else 0
    try:
        with open(name, "ab", opener=open_private) as file:
            file.writelines(chain((form.head, first), rows))
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        os.truncate(name, before)
        raise
