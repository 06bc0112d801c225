"""The file of a conversation: locked, read, appended to; what is not whole is kept aside.

The lock lies in the state folder, one for each file, so that nothing is left beside the file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from math import inf
from typing import TYPE_CHECKING

from returns.result import Failure, Result, Success

from loki.edge import files
from loki.edge.trust import make_private_folder, open_user_file
from loki.formats.conversation import read_conversation
from loki.messages import Message
from loki.problems import Problem, fail

if TYPE_CHECKING:
    from filelock import FileLock

LOCK_TIMEOUT = 2.0  # seconds of waiting in silence
FLAG = "--conversation"


@contextmanager
def lock_turns(
    path: str, deadline: float, on_wait: Callable[[], None]
) -> Iterator[Result[tuple[Message, ...], Problem]]:
    """Yield the turns of a file that nobody else goes on with meanwhile; wait for others.

    ``deadline`` is on the monotonic clock; ``on_wait`` is called once it takes a while.
    """
    from filelock import FileLock, Timeout

    try:
        lock = FileLock(lock_file(path), mode=0o600)
        acquire(lock, deadline, on_wait)
    except FileNotFoundError:  # of getcwd
        yield fail("missing", f"{FLAG}: no file {path}: the folder one is in was removed")
        return
    except Timeout:
        yield fail("busy", f"{path}: another command goes on with it, and did not end in time")
        return
    except OSError as error:
        yield fail("output", f"cannot lock {path}: {files.describe_os_error(error)}")
        return
    try:
        yield read_turns(path)
    finally:
        lock.release()


def acquire(lock: FileLock, deadline: float, on_wait: Callable[[], None]) -> None:
    """Wait for a lock until ``deadline``; raise Timeout or OSError."""
    from filelock import Timeout

    left = max(0.0, deadline - time.monotonic())
    try:
        lock.acquire(timeout=min(LOCK_TIMEOUT, left))
    except Timeout:
        if left <= LOCK_TIMEOUT:
            raise
        on_wait()
        lock.acquire(timeout=-1 if deadline == inf else max(0.0, deadline - time.monotonic()))


def lock_file(path: str) -> str:
    """Return the path of a conversation's lock, the same however the file is named.

    It lies beside the file only where the state folder takes none.
    """
    real = os.path.realpath(path)
    folder = os.path.join(files.directory("state", os.environ), "locks")
    with suppress(OSError):
        make_private_folder(folder)
    if not os.access(folder, os.W_OK):
        return f"{real}.lock"
    return os.path.join(folder, sha256(os.fsencode(real)).hexdigest()[:32])


def read_turns(path: str) -> Result[tuple[Message, ...], Problem]:
    """Return the turns in a file, none where it is missing; fail if it could not be written.

    What another user put there would be sent as ours, and he would read what is added.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        return fail("usage", f"{FLAG}: {path} is not a file that can be read and added to")
    return can_append(path).bind(lambda is_there: parse_turns(path) if is_there else Success(()))


def can_append(path: str) -> Result[bool, Problem]:
    """Return whether a file is there; fail where it could not be added to, before any is paid.

    It is opened as it will be later: a loop of links, a name that is too long and a disk that is
    read-only show themselves then. One that is not there yet is not made: its folder is looked at,
    which for a link is that of the file to which it leads.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_APPEND | getattr(os, "O_NONBLOCK", 0)))
        return Success(True)
    except (FileNotFoundError, NotADirectoryError):
        folder = os.path.dirname(os.path.realpath(path) if os.path.islink(path) else path) or "."
    except (OSError, ValueError) as error:
        why = files.describe_os_error(error) if isinstance(error, OSError) else str(error)
        return fail("output", f"{FLAG}: cannot write {path}: {why}")
    if not os.path.isdir(folder):
        return fail("missing", f"{FLAG}: no folder {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        return fail("output", f"{FLAG}: cannot write {path}: permission denied")
    return Success(False)


def parse_turns(path: str) -> Result[tuple[Message, ...], Problem]:
    """Return the turns in a file that is there."""
    return (
        files.read_bytes(path, FLAG, open_user_file)
        .bind(lambda data: files.decode(data, path).alt(strip_hint))
        .bind(lambda text: refuse_array(text, path))
        .bind(lambda text: read_conversation(text, path))
    )


def refuse_array(text: str, path: str) -> Result[str, Problem]:
    """Return the text of a file, or the Problem that no line can be added to it."""
    if not text.lstrip().startswith("["):
        return Success(text)
    cure = "make it JSON lines, as jq -c '.[]' does, or use --messages"
    return fail("input", f"{path} is a JSON array, to which {FLAG} cannot add: {cure}")


def strip_hint(problem: Problem) -> Problem:
    """Return the problem of a file that is no text, without the hint to attach it."""
    return Problem("input", files.as_config_problem(problem).message)


def append(path: str, text: str) -> Result[None, Problem]:
    """Add lines to a file, all of them or none; it is made with mode 0600 where it is missing."""
    try:
        append_lines(path, text.encode("utf-8", "replace"))
    except OSError as error:
        return fail("output", f"cannot write {path}: {files.describe_os_error(error)}", sent=True)
    return Success(None)


def append_lines(path: str, lines: bytes, flags: int = 0) -> None:
    """Add lines to a file, after an end for its last one; raise OSError with none of them there."""
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | flags, 0o600)
    with open(handle, "ab", buffering=0) as file:
        size = os.fstat(handle).st_size
        is_open = size and os.pread(handle, 1, size - 1) != b"\n"
        rest = memoryview(b"\n" * is_open + lines)
        try:
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(handle)
        except BaseException:
            with suppress(OSError):
                os.ftruncate(handle, size)
            raise


def save_aside(path: str, text: str) -> Result[str, Problem]:
    """Write what does not belong into a conversation elsewhere; return where."""
    folder = os.path.join(files.directory("state", os.environ), "conversations")
    beside, apart = f"{path}.aside", os.path.join(folder, f"{os.getpid()}.aside")
    problem = Problem("output", f"cannot write {beside}")
    for place in (beside, apart):
        try:
            make_private_folder(os.path.dirname(place))
            append_lines(place, text.encode("utf-8", "replace"), getattr(os, "O_NOFOLLOW", 0))
            return Success(place)
        except OSError as error:
            problem = Problem("output", f"cannot write {place}: {files.describe_os_error(error)}")
    return Failure(problem)
