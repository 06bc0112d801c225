"""Files -> records: their lines, their NUL-separated texts, or each as one, with its place."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from returns.result import Result

from loki.cli.embed.pieces import PIECE, Record, join, split, with_lines
from loki.edge.decode import recode
from loki.edge.files import describe_os_error
from loki.problems import Kind, Problem, fail
from loki.railway import gather


def records_in_files(
    paths: Sequence[str], end: bytes | None, encoding: str | None, warn: Callable[[str], None]
) -> Result[Iterator[Record | None], Problem]:
    """Return the texts in files; ``end`` is what ends each, None where a file is one text.

    Fails, before any is read, if one of them cannot be.
    """
    return gather(map(check_file, paths)).map(
        lambda _: numbered_records(paths, end, encoding, warn)
    )


def check_file(path: str) -> Result[str, Problem]:
    """Return the path of a file that can be read.

    >>> check_file("/nowhere/notes.txt").failure().message
    '-f: no file /nowhere/notes.txt'
    """
    try:
        with open(path, "rb") as file:
            file.peek(1)
    except FileNotFoundError:
        return fail("missing", f"-f: no file {path}")
    except ValueError:  # a NUL in the name
        return fail("input", f"-f: no file can be named {path!r}")
    except OSError as error:
        kind: Kind = "missing" if isinstance(error, NotADirectoryError) else "input"
        return fail(kind, f"-f: cannot read {path}: {describe_os_error(error)}")
    return Result.from_value(path)


def numbered_records(
    paths: Sequence[str], end: bytes | None, encoding: str | None, warn: Callable[[str], None]
) -> Iterator[Record | None]:
    """Yield the records of all files, numbered through."""
    number = 0
    for path in paths:
        for line, data in texts_in(path, end, encoding, warn):
            yield Record(number, f"{path}:{line}", data, path, line)
            number += 1


def texts_in(
    path: str, end: bytes | None, encoding: str | None, warn: Callable[[str], None]
) -> Iterator[tuple[int, bytes]]:
    """Yield the texts in a file, each with the line that it begins in."""
    with open(path, "rb") as file:
        read = iter(lambda: os.read(file.fileno(), PIECE), b"")
        pieces = recode(read, path, encoding, warn)
        if end is None:
            yield 1, join(pieces)
            return
        for line, data in with_lines(split(pieces, end), end):
            yield line, data or b""
