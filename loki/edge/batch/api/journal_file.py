"""The journal of an output: read once, then only added to, each line safe on the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from returns.result import Result, Success

from loki.batch.api.journal import Journal, encode_line, needed_lines, read_lines
from loki.batch.done_rows import HashSet
from loki.edge.batch.output import follow_link
from loki.edge.files import describe_os_error, write_private
from loki.edge.trust import UntrustedFileError, open_checked, open_user_file, require_safe_owner
from loki.json_text import JsonObject
from loki.problems import Problem, fail


def journal_path(output: str) -> str:
    """Return where the journal of an output is."""
    return f"{follow_link(output)}.jobs"


class JournalFile:
    """A journal on disk; ``write`` raises OSError where a line is not safe there."""

    def __init__(self, path: str, handle: int, journal: Journal) -> None:
        self.path, self.handle, self.journal = path, handle, journal

    def write(self, *lines: JsonObject) -> None:
        """Add lines, all of them on the disk when this returns; then know what they say."""
        data = memoryview(b"".join(map(encode_line, lines)))
        while data:
            data = data[os.write(self.handle, data) :]
        os.fsync(self.handle)
        for line in lines:
            self.journal.add(line)


@contextmanager
def open_journal(output: str, make: bool = True) -> Iterator[Result[JournalFile, Problem]]:
    """Open the journal of an output that is locked already; with ``make`` a new one if need be."""
    path = journal_path(output)
    flags = os.O_RDWR | os.O_APPEND | (os.O_CREAT if make else 0)
    try:
        shorten(path)
        handle = open_journal_file(path, flags)
    except FileNotFoundError as error:
        lack = fail("output", f"cannot write {path}: {describe_os_error(error)}")
        yield lack if make else explain_missing_journal(output, path)
        return
    except UntrustedFileError as error:
        yield fail("config", str(error))
        return
    except OSError as error:
        yield fail("output", f"cannot write {path}: {describe_os_error(error)}")
        return
    try:
        yield read_handle(path, handle)
    finally:
        os.close(handle)


def explain_missing_journal(output: str, path: str) -> Result[Any, Problem]:
    """Return that there is no journal."""
    return fail("missing", f"no jobs of {output}: there is no {path}")


def shorten(path: str) -> None:
    """Take the rows of jobs that are over out of a journal, once they are most of a large one.

    Raise OSError. A cron job whose jobs are refused would else write them again and again.
    """
    if not os.path.exists(path) or os.path.getsize(path) < LARGE:
        return
    with open(path, "rb", opener=open_user_file) as file:
        lines, whole, bad = read_lines(file)
    data = b"".join(map(encode_line, needed_lines(lines)))
    if not bad and len(data) < whole / 2:
        write_private(os.path.abspath(path), data.decode())


LARGE = 2**22  # bytes


def open_journal_file(path: str, flags: int) -> int:
    """Open a file that only its owner reads and that nobody else wrote; raise OSError."""
    is_new = not os.path.exists(path)
    handle = (
        open_checked(path, flags, require_safe_owner) if not is_new else os.open(path, flags, 0o600)
    )
    if is_new:
        folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
        try:
            os.fsync(folder)  # the name of the file is to last, too
        finally:
            os.close(folder)
    return handle


def read_handle(path: str, handle: int) -> Result[JournalFile, Problem]:
    """Read a journal; a torn last line is cut off."""
    with open(os.dup(handle), "rb") as file:
        file.seek(0)
        lines, whole, bad = read_lines(file)
    if bad:
        return fail("input", explain_damage(path, bad))
    os.ftruncate(handle, whole)
    return Success(JournalFile(path, handle, Journal(lines)))


def explain_damage(path: str, number: int) -> str:
    """Return what to say of a line that is none."""
    how = "it is left as it is, for only it knows which rows are out with a provider"
    return f"{path}:{number}: not a line of loki-batch --batch-api: {how}"


def rows_in_open_jobs(output: str | None) -> Result[HashSet, Problem]:
    """Return the marks of the rows of an output that are out with a provider; none by default."""
    return read_journal(output).map(Journal.uncollected_rows) if output else Success(HashSet())


def read_journal(output: str, must_exist: bool = False) -> Result[Journal, Problem]:
    """Return the journal of an output, which is left as it is; an empty one where there is none.

    With ``must_exist``, fails with kind missing instead.
    """
    path = journal_path(output)
    if not os.path.exists(path):
        return explain_missing_journal(output, path) if must_exist else Success(Journal())
    try:
        with open(path, "rb", opener=open_user_file) as file:
            lines, _, bad = read_lines(file)
    except UntrustedFileError as error:
        return fail("config", str(error))
    except OSError as error:
        return fail("input", f"cannot read {path}: {describe_os_error(error)}")
    return fail("input", explain_damage(path, bad)) if bad else Success(Journal(lines))
