"""Attachments that may be slow: which they are, and how a run that ends waits for none of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

from loki.batch.row_files import as_invalid, has_unread_files
from loki.batch.rows import ReadyRow, Row
from loki.edge.batch.rate_limiter import STOPPED
from loki.edge.stdin import is_pipe

#: Reads what a row attaches, and is not read yet.
ReadFiles = Callable[[ReadyRow], Row]

POLL_INTERVAL = 0.1  # seconds between two looks whether the run ends


def is_slow(path: str) -> bool:
    """Return whether an attachment may be slow: an address, a pipe or a device.

    >>> is_slow("https://a.example/b.pdf"), is_slow("/nowhere"), is_slow("/")
    (True, False, False)
    """
    return path.startswith(("http://", "https://")) or is_pipe(path)


def until_stopped(read_files: ReadFiles, stop: threading.Event) -> ReadFiles:
    """Return the same step, which leaves what it reads when the run ends: nothing was sent yet."""

    def read(row: ReadyRow) -> Row:
        if not has_unread_files(row.ask):
            return row
        done: SimpleQueue[Row] = SimpleQueue()
        threading.Thread(target=lambda: done.put(read_files(row)), daemon=True).start()
        while True:
            try:
                return done.get(timeout=POLL_INTERVAL)
            except Empty:
                if stop.is_set():
                    return as_invalid(row, STOPPED)

    return read
