"""Read stdin within the total time limit."""

from __future__ import annotations

import os
import sys
import time
from math import inf

PIECE = 65536  # bytes
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
    """Return the next bytes, empty at the end; raise TimeoutError."""
    from select import select

    readable, _, _ = select([file], [], [], max(0.0, end - time.monotonic()))
    if not readable:
        raise TimeoutError
    return os.read(file, PIECE)
