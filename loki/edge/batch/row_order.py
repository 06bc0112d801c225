"""A file of rows -> the same file in the order of the input, all at once."""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Callable
from itertools import pairwise
from typing import IO

from loki.batch.output_format import Format


def put_in_order(path: str, form: Format) -> None:
    """Sort the rows of a file by their lines of the input; raises OSError, and changes nothing.

    Rows of one line stay as they are to each other. A million of them take some 60 MB.
    """
    lines, ends = read_lines(path, form)
    if all(one <= next for one, next in pairwise(lines)):
        return
    order = sorted(range(len(lines)), key=lines.__getitem__)

    def write(old: IO[bytes], new: IO[bytes]) -> None:
        new.write(old.read(ends[0]))
        for place in order:
            old.seek(ends[place])
            new.write(old.read(ends[place + 1] - ends[place]))

    rewrite_file(path, write)


def read_lines(path: str, form: Format) -> tuple[array[int], array[int]]:
    """Return the line of the input of each row, and where the head and each row end."""
    lines, ends, place = array("Q"), array("Q", [0]), 0
    with open(path, "rb") as file:
        for number, row in enumerate(form.split(file)):
            place += len(row)
            if number == 0 and row == form.head:
                ends[0] = place
            else:
                lines.append(form.line_of(row))
                ends.append(place)
    return lines, ends


def rewrite_file(path: str, write: Callable[[IO[bytes], IO[bytes]], None]) -> None:
    """Put another file in the place of one, written by ``write(old, new)``, all at once."""
    folder, name = os.path.split(os.path.abspath(path))
    handle, draft = tempfile.mkstemp(dir=folder, prefix=f".{name}-")
    try:
        with open(path, "rb") as old, open(handle, "wb") as new:
            write(old, new)
            os.fchmod(new.fileno(), os.stat(path).st_mode & 0o777)
            new.flush()
            os.fsync(new.fileno())
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
