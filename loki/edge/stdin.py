"""Read stdin and the user's files: within the total time limit, and no more than fits."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from math import inf
from stat import S_ISDIR, S_ISREG

PIECE = 65536  # bytes
LONGEST = 1e6  # seconds that poll can wait
MAX_INPUT = 512 << 20  # bytes of stdin, and of a file that is attached
MAX_TEXT = 64 << 20  # bytes of a file with settings, JSON or a prompt
MAX_TEMPLATE = 16 << 20  # bytes of a prompt file
PATIENCE = 60.0  # seconds for a pipe with settings or a secret, where no limit is known
NOT_IN_TIME = "did not end within the time for everything (total timeout); nothing was sent"
TOOK_TOO_LONG = f"is a pipe that did not end within {PATIENCE:g} s; nothing was sent"
LATE = f"stdin {NOT_IN_TIME}"

#: As ``open`` takes it: a path, flags -> a handle.
Opener = Callable[[str, int], int]


class TooLargeError(OSError):
    """There is more to read than we take; its text goes on after a name."""


def read_stdin(deadline: float = inf, limit: int = MAX_INPUT) -> bytes:
    """Return all of stdin, empty if it is closed; raise TimeoutError at ``deadline``, or OSError.

    ``deadline`` is on the monotonic clock; more than ``limit`` bytes raise TooLargeError.
    """
    if sys.stdin is None:
        return b""
    if deadline == inf:
        return read_all(partial(sys.stdin.buffer.read, PIECE), limit)
    return read_all(partial(read_piece, sys.stdin.fileno(), deadline), limit)


def read_file(
    path: str, opener: Opener | None = None, deadline: float = inf, limit: int = MAX_TEXT
) -> bytes:
    """Return all of a file likewise; one that is a pipe is waited for until ``deadline``."""
    handle = (opener or os.open)(path, FLAGS)
    try:
        if S_ISREG(os.fstat(handle).st_mode):
            return read_all(partial(os.read, handle, PIECE), limit)
        if NONBLOCK:
            os.set_blocking(handle, True)  # only opening a pipe must not wait for its writer
        return read_all(partial(read_piece, handle, deadline), limit)
    finally:
        os.close(handle)


def is_pipe(path: str) -> bool:
    """Return whether a path leads to a pipe or a device, which may be read once and waited for."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not (S_ISREG(mode) or S_ISDIR(mode))


def within_patience(deadline: float | None) -> float:
    """Return a deadline, or an earlier one where it is far off, on the monotonic clock."""
    until = time.monotonic() + PATIENCE
    return until if deadline is None else min(deadline, until)


def late_file(path: str, deadline: float | None) -> str:
    """Return that a pipe was not closed in time: by the deadline, or within our patience."""
    is_over = deadline is not None and time.monotonic() >= deadline
    return f"{path} {NOT_IN_TIME if is_over else TOOK_TOO_LONG}"


NONBLOCK = getattr(os, "O_NONBLOCK", 0)
FLAGS = os.O_RDONLY | NONBLOCK | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def read_all(read: Callable[[], bytes], limit: int) -> bytes:
    """Return all pieces that a function reads, up to an empty one; raise TooLargeError."""
    pieces, size = [], 0
    while piece := read():
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise TooLargeError(f"is larger than {limit >> 20} MiB, the most that is read of it")
    return b"".join(pieces)


def read_piece(file: int, deadline: float) -> bytes:
    """Return the next bytes of a pipe, empty at the end; raise TimeoutError.

    ``deadline`` is on the monotonic clock.
    """
    import select

    seconds = None if deadline == inf else max(0.0, deadline - time.monotonic())
    if hasattr(select, "poll"):  # which takes a file of any number
        poll = select.poll()
        poll.register(file, select.POLLIN)
        wait = None if seconds is None else math.ceil(min(seconds, LONGEST) * 1000)
        readable = bool(poll.poll(wait))
    else:
        readable = seconds is None or bool(select.select([file], [], [], seconds)[0])
    if not readable:
        raise TimeoutError
    return os.read(file, PIECE)
