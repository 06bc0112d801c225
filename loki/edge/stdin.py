"""Read stdin within the total time limit."""

from __future__ import annotations

import math
import os
import sys
import time
from math import inf

PIECE = 65536  # bytes
LONGEST = 1e6  # seconds that poll can wait
LATE = "stdin did not end within the time for everything (total timeout); nothing was sent"


def read_stdin(end: float = inf) -> bytes:
    """Return all of stdin, empty if it is closed; raise TimeoutError at ``end``, or OSError.

    ``end`` is on the monotonic clock.
    """
    if sys.stdin is None:
        return b""
    if end == inf:
        return sys.stdin.buffer.read()
    pieces = []
    while piece := read_piece(sys.stdin.fileno(), end):
        pieces.append(piece)
    return b"".join(pieces)


def read_piece(file: int, end: float) -> bytes:
    """Return the next bytes of a pipe, empty at the end; raise TimeoutError.

    ``end`` is on the monotonic clock, and not infinite.
    """
    import select

    seconds = max(0.0, end - time.monotonic())
    if hasattr(select, "poll"):  # which takes a file of any number
        poll = select.poll()
        poll.register(file, select.POLLIN)
        readable = bool(poll.poll(math.ceil(min(seconds, LONGEST) * 1000)))
    else:
        readable = bool(select.select([file], [], [], seconds)[0])
    if not readable:
        raise TimeoutError
    return os.read(file, PIECE)
