"""Rows that an output could not take -> files elsewhere, and from there back into their output."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from glob import escape, glob
from hashlib import blake2b
from typing import IO

from returns.result import Failure, Result, Success

from loki.batch.output_format import Format
from loki.edge.batch.earlier_run import EarlierRun, scan_file
from loki.edge.files import describe_os_error
from loki.edge.rescue import open_rescue_file, rescue_folders, try_lock
from loki.problems import Problem, fail


def rescue_name(path: str) -> str:
    """Return how the names of files begin that keep rows of an output; of stdout, all alike."""
    if not path:
        return "loki-batch"
    place = os.path.realpath(path).encode("utf-8", "replace")
    return f"loki-batch-{blake2b(place, digest_size=8).hexdigest()}"


def find_kept_files(path: str, folder: str, form: Format) -> list[str]:
    """Return the paths of files that may keep rows of an output; ``folder`` is looked in first."""
    if not folder:
        return []
    folders = dict.fromkeys(map(os.path.realpath, rescue_folders(folder)))
    starts = (escape(os.path.join(each, rescue_name(path))) for each in folders)
    return sorted(found for start in starts for found in glob(f"{start}-*{form.suffix}"))


def read_kept(file: IO[bytes], form: Format) -> Iterator[bytes]:
    """Yield the rows of a file that keeps some, of an output of this format; a torn one is none."""
    file.seek(0)
    for number, line in enumerate(form.split(file)):
        if not line.endswith(b"\n") or (number == 0 and form.head and line != form.head):
            return  # what follows is no row, or of a table with other columns
        if line != form.head and form.read(line) is not None:
            yield line


def add_kept_rows(earlier: EarlierRun, path: str, folder: str, form: Format) -> None:
    """Count the rows that are kept elsewhere as if they stood in their output."""
    for each in find_kept_files(path, folder, form):
        with suppress(OSError), open_rescue_file(each) as file:
            for line in read_kept(file, form):
                if row := form.read(line):
                    earlier.add(row)


def take_back(path: str, folder: str, form: Format) -> Result[int, Problem]:
    """Put rows that earlier runs kept elsewhere into their output; return how many.

    A file that kept rows is removed once its output has them, safe on the disk.
    """
    count = 0
    for each in find_kept_files(path, folder, form):
        try:
            file = open_rescue_file(each)
        except OSError:  # of another user
            continue
        with file:
            if not try_lock(file.fileno()):
                return fail("busy", f"another run is still writing rows of {path} to {each}")
            found = append_kept(path, file, form)
            if not isinstance(found, Success):
                return found
            if found.unwrap():
                os.unlink(each)
            count += found.unwrap()
    return Success(count)


def append_kept(path: str, kept: IO[bytes], form: Format) -> Result[int, Problem]:
    """Append the rows of a file to an output that has not got them: all of them, or none.

    Return how many rows the file has.
    """
    size = os.path.getsize(path)
    try:
        with open(path, "ab+") as out:
            scanned = scan_file(out, path, form, retry_failed=False)
            if not isinstance(scanned, Success):
                return Failure(scanned.failure())
            earlier, form = scanned.unwrap()
            size = earlier.size
            os.truncate(path, size)  # without a torn line
            if not size:
                form = form.with_header(kept.readline())
                out.write(form.head)
            count = copy_missing(kept, out, earlier, form)
            out.flush()
            os.fsync(out.fileno())
            return Success(count)
    except OSError as error:
        os.truncate(path, size)
        why = f"cannot write {path}: {describe_os_error(error)}"
        return fail("output", f"{why}; rows that an earlier run could not write: {kept.name}")


def copy_missing(kept: IO[bytes], out: IO[bytes], earlier: EarlierRun, form: Format) -> int:
    """Copy the rows of a file that an output has not got; return how many rows the file has."""
    count = 0
    for line in read_kept(kept, form):
        count, row = count + 1, form.read(line)
        if row and earlier.done.add(row.identity):
            out.write(line)
    return count
