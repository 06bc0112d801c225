"""IMPURE. The output of a run -> what of it stands already; and rows, kept as they come."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from returns.result import Failure, Result, Success

from loki.batch.hash_set import Seen, read_done
from loki.edge.files import reason
from loki.problems import Problem, fail


class Output:
    """Where rows go, and which were answered before: ``done`` has the marks of those."""

    def __init__(self, file: IO[bytes], path: str, done: Seen, rescue: str) -> None:
        self.file, self.path, self.done, self.rescue = file, path, done, rescue
        self.full: OSError | None = None  # why nothing more goes into the file
        self.end = file.tell() if path else 0

    def write(self, line: bytes) -> None:
        """Keep one row; where the file takes no more, elsewhere: it has been paid for."""
        if self.full is None:
            try:
                put(self.file, line)
            except BrokenPipeError:
                raise
            except OSError as error:
                self.turn_to_rescue(error)
            else:
                self.end += len(line)
                return
        put(self.file, line)

    def turn_to_rescue(self, error: OSError) -> None:
        """Go on in another file; half a row is taken back from the first."""
        self.full = error
        if self.path:
            with suppress(OSError):
                os.truncate(self.path, self.end)
        handle, self.rescue = tempfile.mkstemp(".jsonl", "loki-batch-", self.rescue or None)
        self.file = open(handle, "ab", buffering=0)  # noqa: SIM115 - it stays open


def put(file: IO[bytes], line: bytes) -> None:
    """Write a line, all of it, and now."""
    written = file.write(line)
    if written < len(line):
        file.write(line[written:])  # which says why it did not fit
    file.flush()


@contextmanager
def output(path: str | None, rescue: str) -> Iterator[Result[Output, Problem]]:
    """A file that this process alone writes to, or stdout; ``rescue`` is a folder for need."""
    if not path or path == "-":
        yield Success(Output(sys.stdout.buffer, "", Seen(), rescue))
        return
    from filelock import FileLock, Timeout

    try:
        os.stat(os.path.dirname(path) or ".")  # else the lock would make it
        lock = FileLock(f"{path}.lock", timeout=0, mode=0o600)
        lock.acquire()
    except Timeout:
        yield fail("busy", f"another run is writing {path}; wait for its end")
        return
    except OSError as error:
        yield fail("input", f"cannot write {path}: {reason(error)}")
        return
    try:
        yield opened(path, rescue)
    finally:
        with suppress(OSError):
            os.unlink(f"{path}.lock")
        lock.release()


def opened(path: str, rescue: str) -> Result[Output, Problem]:
    """The file, ready to go on: a torn last line and rows that failed are taken out of it."""
    try:
        with open(path, "ab+") as file:
            file.seek(0)
            scanned = scan(file, path)
        if not isinstance(scanned, Success):
            return Failure(scanned.failure())
        done, failed, whole = scanned.unwrap()
        if failed:
            rewrite(path, whole)
        else:
            os.truncate(path, whole)
        rows = open(path, "ab", buffering=0)  # noqa: SIM115 - it stays open
        return Success(Output(rows, path, done, rescue))
    except OSError as error:
        return fail("input", f"cannot write {path}: {reason(error)}")


def standing(path: str | None) -> Result[Output, Problem]:
    """What stands in a file, which is left as it is."""
    nowhere = open(os.devnull, "ab", buffering=0)  # noqa: SIM115 - it stays open
    if not path or path == "-" or not os.path.exists(path):
        return Success(Output(nowhere, "", Seen(), ""))
    try:
        with open(path, "rb") as file:
            return scan(file, path).map(lambda found: Output(nowhere, "", found[0], ""))
    except OSError as error:
        return fail("input", f"cannot read {path}: {reason(error)}")


def scan(file: IO[bytes], path: str) -> Result[tuple[Seen, int, int], Problem]:
    """Which rows were answered, how many failed, and how many bytes are whole lines."""
    done, failed, whole = Seen(), 0, 0
    for number, line in enumerate(file, 1):
        if not line.endswith(b"\n"):
            break  # torn: the run before was cut off in it
        told = read_done(line)
        if told is None:
            how = "it is left as it is; name another file"
            return fail("input", f"{path}:{number}: not a row of loki-batch: {how}")
        whole += len(line)
        if told[1]:
            done.add(told[0])
        else:
            failed += 1
    return Success((done, failed, whole))


def rewrite(path: str, whole: int) -> None:
    """The same file without the rows that failed, all at once."""
    folder, name = os.path.split(os.path.abspath(path))
    handle, draft = tempfile.mkstemp(dir=folder, prefix=f".{name}-")
    try:
        with open(path, "rb") as old, open(handle, "wb") as new:
            for line in old:
                if whole > 0 and (told := read_done(line)) and told[1]:
                    new.write(line)
                whole -= len(line)
            os.fchmod(new.fileno(), os.stat(path).st_mode & 0o777)
            new.flush()
            os.fsync(new.fileno())
        os.replace(draft, path)
    except OSError:
        os.unlink(draft)
        raise
