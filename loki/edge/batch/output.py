"""The output of a run -> what of it stands already; and rows, kept as they come."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal
from errno import EIO, ENOENT
from types import MappingProxyType
from typing import IO, NamedTuple

from returns.result import Failure, Result, Success

from loki.batch.done_rows import HashSet
from loki.batch.output_format import Format, JsonLines
from loki.edge.batch.row_order import put_in_order, replace_file
from loki.edge.files import describe_os_error
from loki.edge.rescue import make_rescue_file
from loki.edge.trust import open_private
from loki.problems import Problem, fail

NOT_A_FILE = "it is no regular file; leave -o out and redirect stdout"


#: Rows by which it is noticed that a run is started again with another command.
REMEMBERED = 1000


class EarlierRun(NamedTuple):
    """What stands in an output already."""

    done: HashSet  # the marks of the rows that were answered
    failed: int = 0
    cost: Decimal = Decimal(0)  # US dollars, for those that failed; the least
    size: int = 0  # bytes that are whole lines
    first: Mapping[int, str] = MappingProxyType({})  # of some rows, by their line of the input


class Output:
    """Where rows go, and which were answered before: ``done`` has the marks of those."""

    def __init__(
        self,
        file: IO[bytes],
        path: str,
        earlier: EarlierRun,
        rescue: str,
        form: Format | None = None,
    ) -> None:
        self.file, self.path, self.rescue = file, path, rescue
        self.form: Format = form or JsonLines()
        self.done, self.failed, self.paid, _, self.first = earlier
        self.full: OSError | None = None  # why nothing more goes into the file
        self.is_diverted = False  # rescue is a file by now, not a folder
        self.end = file.tell() if path else 0

    def write(self, line: bytes) -> None:
        """Keep one row; where the file takes no more, elsewhere: it has been paid for."""
        if self.full is None:
            try:
                self.check_intact()
                write_all(self.file, line)
            except BrokenPipeError:
                raise
            except OSError as error:
                self.switch_to_rescue_file(error)
            else:
                self.end += len(line)
                return
        write_all(self.file, line)

    def check_intact(self) -> None:
        """Raise OSError where the file has been removed, or cut short by somebody else."""
        if not self.path:
            return
        status = os.fstat(self.file.fileno())
        if status.st_nlink == 0:
            raise FileNotFoundError(ENOENT, "it was removed while the run wrote to it")
        if not self.is_in_place(status):
            raise FileNotFoundError(ENOENT, "it was moved away while the run wrote to it")
        if status.st_size < self.end:
            raise OSError(EIO, "another program cut it short while the run wrote to it")

    def is_in_place(self, status: os.stat_result) -> bool:
        """Return whether the path still leads to the file that is written to."""
        try:
            return os.path.samestat(status, os.stat(self.path))
        except FileNotFoundError:
            return False

    def finish(self) -> None:
        """See once more, after the last row, that the file still has all of them."""
        if self.full is not None:
            return
        try:
            self.check_intact()
        except FileNotFoundError as error:
            self.switch_to_rescue_file(error)
        except OSError as error:
            self.full = error

    def put_in_order(self) -> OSError | None:
        """Sort the file by the lines of the input; return why that failed, which loses nothing."""
        try:
            if self.path and self.full is None:
                put_in_order(self.path, self.form)
        except OSError as error:
            return error
        return None

    def switch_to_rescue_file(self, error: OSError) -> None:
        """Go on in another file; half a row is taken back from the first."""
        self.full = error
        before = self.file
        if self.path:
            with suppress(OSError):
                os.ftruncate(before.fileno(), min(self.end, os.fstat(before.fileno()).st_size))
        self.is_diverted = True
        handle, self.rescue = make_rescue_file(self.rescue, "loki-batch", self.form.suffix)
        self.file = open(handle, "ab", buffering=0)  # noqa: SIM115 - it stays open
        if self.path and isinstance(error, FileNotFoundError):  # all of it, also what was moved
            before.seek(0)
            shutil.copyfileobj(before, self.file)
        else:
            write_all(self.file, self.form.head)


def write_all(file: IO[bytes], line: bytes) -> None:
    """Write a line, all of it, and now."""
    written = file.write(line)
    if written < len(line):
        file.write(line[written:])  # which says why it did not fit
    file.flush()


def follow_link(path: str) -> str:
    """Return the path of the file that a link leads to; another path as it is.

    What stands beside an output (its lock, its journal) is then the same by both names.
    """
    return os.path.realpath(path) if os.path.islink(path) else path


@contextmanager
def open_output(
    path: str | None, rescue: str, form: Format | None = None, retry_failed: bool = True
) -> Iterator[Result[Output, Problem]]:
    """A file that this process alone writes to, or stdout; ``rescue`` is a folder for need.

    With ``retry_failed`` rows that failed are taken out, so that they are asked again.
    """
    if not path or path == "-":
        yield Success(Output(sys.stdout.buffer, "", EarlierRun(HashSet()), rescue))
        return
    from filelock import FileLock, Timeout

    try:
        if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
            yield fail("output", f"cannot write {path}: {NOT_A_FILE}")
            return
        path = follow_link(path)
        open(path, "ab", opener=open_private).close()  # says what is wrong; a lock would not
        lock = FileLock(f"{path}.lock", timeout=0, mode=0o600)
        lock.acquire()
    except Timeout:
        yield fail("busy", f"another run is writing {path}; wait for its end")
        return
    except OSError as error:
        yield fail("output", f"cannot write {path}: {describe_os_error(error)}")
        return
    try:
        yield open_file(path, rescue, form or JsonLines(), retry_failed)
    finally:
        with suppress(OSError):
            os.unlink(f"{path}.lock")
        lock.release()


def open_file(
    path: str, rescue: str, form: Format, retry_failed: bool = True
) -> Result[Output, Problem]:
    """The file, ready to go on: a torn last line and rows to be asked again are taken out of it."""
    try:
        with open(path, "ab+") as file:
            file.seek(0)
            form = form.with_header(file.readline())
            file.seek(0)
            scanned = scan(file, path, form, retry_failed)
        if not isinstance(scanned, Success):
            return Failure(scanned.failure())
        earlier = scanned.unwrap()
        if earlier.failed and retry_failed:
            rewrite(path, earlier.size, form)
        else:
            os.truncate(path, earlier.size)
        rows = open(path, "ab+", buffering=0)  # noqa: SIM115 - it stays open
        if not earlier.size:
            write_all(rows, form.head)
        return Success(Output(rows, path, earlier, rescue, form))
    except OSError as error:
        return fail("output", f"cannot write {path}: {describe_os_error(error)}")


def read_existing(
    path: str | None, form: Format | None = None, retry_failed: bool = True
) -> Result[Output, Problem]:
    """What stands in a file, which is left as it is."""
    nowhere = open(os.devnull, "ab", buffering=0)  # noqa: SIM115 - it stays open
    if not path or path == "-" or not os.path.exists(path):
        return Success(Output(nowhere, "", EarlierRun(HashSet()), ""))
    try:
        with open(path, "rb") as file:
            form = (form or JsonLines()).with_header(file.readline())
            file.seek(0)
            found = scan(file, path, form, retry_failed)
            return found.map(lambda earlier: Output(nowhere, "", earlier, ""))
    except OSError as error:
        return fail("input", f"cannot read {path}: {describe_os_error(error)}")


def scan(
    file: IO[bytes], path: str, form: Format, retry_failed: bool = True
) -> Result[EarlierRun, Problem]:
    """Read which rows are done, what failed, and how many bytes are whole lines.

    Rows that failed are done too, unless they are to be asked again.
    """
    done, failed, paid, whole = HashSet(), 0, Decimal(0), 0
    first: dict[int, str] = {}
    for number, line in enumerate(form.split(file), 1):
        if not line.endswith(b"\n"):
            break  # torn: the run before was cut off in it
        if number == 1 and line == form.head:
            whole = len(line)
            continue
        result = form.read(line)
        if result is None:
            how = "it is left as it is; name another file"
            return fail("input", f"{path}:{number}: not a row of loki-batch: {how}")
        whole += len(line)
        if result.is_good or not retry_failed:
            done.add(result.identity)
            if result.line and len(first) < REMEMBERED:
                first[result.line] = result.identity
        if not result.is_good:
            failed, paid = failed + 1, paid + result.cost
    return Success(EarlierRun(done, failed, paid, whole, first))


def rewrite(path: str, whole: int, form: Format) -> None:
    """The same file without the rows that failed, all at once."""

    def write(old: IO[bytes], new: IO[bytes]) -> None:
        left = whole
        for line in form.split(old):
            result = form.read(line)
            if line == form.head or (left > 0 and result and result.is_good):
                new.write(line)
            left -= len(line)

    replace_file(path, write)
