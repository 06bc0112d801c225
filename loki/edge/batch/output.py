"""The output of a run -> what of it stands already; and rows, kept as they come."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from errno import EIO, ENOENT
from typing import IO

from returns.result import Failure, Result, Success

from loki.batch.output_format import Format, JsonLines
from loki.edge.batch.earlier_run import EarlierRun, scan_file, take_out_failed
from loki.edge.batch.kept_rows import add_kept_rows, rescue_name, take_back
from loki.edge.batch.row_order import put_in_order
from loki.edge.files import describe_os_error
from loki.edge.rescue import make_rescue_file, try_lock
from loki.edge.trust import open_private
from loki.problems import Problem, count_that_are, fail

NOT_A_FILE = "it is no regular file; leave -o out and redirect stdout"


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
        self.earlier, self.done = earlier, earlier.done
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
        name = rescue_name(self.path)  # by which the next run finds it
        handle, self.rescue = make_rescue_file(self.rescue, name, self.form.suffix)
        try_lock(handle)
        self.file = open(handle, "ab", buffering=0)  # noqa: SIM115 - it stays open
        if self.path and isinstance(error, FileNotFoundError):  # all of it, also what was moved
            before.seek(0)
            shutil.copyfileobj(before, self.file)
        else:
            write_all(self.file, self.form.head)
        if self.path:  # stdout is not ours to close
            before.close()

    def close(self) -> None:
        """Close the file; stdout is not ours to close."""
        if self.path or self.is_diverted:
            self.file.close()


def write_error(out: Output) -> Problem:
    """The output takes no more; nothing that came is lost."""
    assert out.full is not None
    error, path = out.full, out.path or "stdout"
    if error.errno == EIO and out.path:
        again = "rows that are gone from it are asked again by the same command"
        more = f"; those that came after: {out.rescue}; {PUTS_BACK}" if out.is_diverted else ""
        return Problem("output", f"{path} has lost rows: {error.strerror}{more}; {again}")
    rest = "all of it" if error.errno == ENOENT else "the rest"
    then = f" ({PUTS_BACK})" if out.path else ""
    return Problem("output", f"cannot write {path}: {error.strerror}; {rest}: {out.rescue}{then}")


PUTS_BACK = "the same command puts them back"


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
    path: str | None,
    rescue: str,
    form: Format | None = None,
    retry_failed: bool = True,
    warn: Callable[[str], None] = lambda message: None,
) -> Iterator[Result[Output, Problem]]:
    """A file that this process alone writes to, or stdout; ``rescue`` is a folder for need.

    With ``retry_failed`` rows that failed are taken out, so that they are asked again. Rows that
    an earlier run kept in ``rescue`` are put back first.
    """
    if not path or path == "-":
        yield Success(Output(sys.stdout.buffer, "", EarlierRun(), rescue))
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
    opened: Result[Output, Problem] | None = None
    try:
        opened = restore_and_open(path, rescue, form or JsonLines(), retry_failed, warn)
        yield opened
    finally:
        if opened is not None:
            opened.map(Output.close)
        with suppress(OSError):
            os.unlink(f"{path}.lock")
        lock.release()


def restore_and_open(
    path: str, rescue: str, form: Format, retry_failed: bool, warn: Callable[[str], None]
) -> Result[Output, Problem]:
    """Put rows back that an earlier run could not write, and open the file."""

    def tell(restored: int) -> None:
        if restored:
            rows = f"{count_that_are(restored, 'row')} back in {path}"
            warn(f"{rows}, which an earlier run could not write there")

    restored = take_back(path, rescue, form).map(tell)
    return restored.bind(lambda _: open_file(path, rescue, form, retry_failed))


def open_file(
    path: str, rescue: str, form: Format, retry_failed: bool = True
) -> Result[Output, Problem]:
    """The file, ready to go on: a torn last line and rows to be asked again are taken out of it."""
    try:
        with open(path, "ab+") as file:
            scanned = scan_file(file, path, form, retry_failed)
        if not isinstance(scanned, Success):
            return Failure(scanned.failure())
        earlier, form = scanned.unwrap()
        if earlier.failed and retry_failed:
            take_out_failed(path, earlier.size, form)
        else:
            os.truncate(path, earlier.size)
        rows = open(path, "ab+", buffering=0)  # noqa: SIM115 - it stays open
        if not earlier.size:
            write_all(rows, form.head)
        return Success(Output(rows, path, earlier, rescue, form))
    except OSError as error:
        return fail("output", f"cannot write {path}: {describe_os_error(error)}")


def read_existing(
    path: str | None, rescue: str, form: Format | None = None, retry_failed: bool = True
) -> Result[Output, Problem]:
    """What stands in a file, which is left as it is, or was kept for it in ``rescue``."""
    nowhere = open(os.devnull, "ab", buffering=0)  # noqa: SIM115 - it stays open
    if not path or path == "-":
        return Success(Output(nowhere, "", EarlierRun(), ""))
    path, form = follow_link(path), form or JsonLines()
    if not os.path.exists(path):
        earlier = EarlierRun(retry_failed)
        add_kept_rows(earlier, path, rescue, form)
        return Success(Output(nowhere, "", earlier, ""))
    try:
        with open(path, "rb") as file:
            found = scan_file(file, path, form, retry_failed)
        if isinstance(found, Success):
            add_kept_rows(found.unwrap()[0], path, rescue, found.unwrap()[1])
        return found.map(lambda pair: Output(nowhere, "", pair[0], ""))
    except OSError as error:
        return fail("input", f"cannot read {path}: {describe_os_error(error)}")
