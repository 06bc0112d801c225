"""The rows of a run, in the order in which they are to be sent: read ahead, beside all else."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from itertools import count
from math import inf
from typing import Any

from loki.batch.row_files import has_unread_files
from loki.batch.rows import ReadyRow, Row
from loki.edge.batch.read_slow import ReadFiles

END: Any = object()  # there are no more rows
READ_AHEAD = 2_000  # rows that are read, and not sent yet
READ_PAUSE = 0.01  # seconds to wait where so many are read; a bounded queue costs more a row


class RowQueue:
    """Rows by their numbers, with what they attach; a slow attachment holds up no other row.

    Its users take one after the other, and put back what is to be sent again.
    """

    def __init__(self, rows: Iterable[Row], read_files: ReadFiles, at_once: int) -> None:
        self.rows, self.read_files = rows, read_files
        self.queue: deque[tuple[int, Row]] = deque()
        self.returned: deque[tuple[int, Row]] = deque()  # to be sent before those
        self.slots = threading.Semaphore(at_once)  # for rows whose attachments are read
        self.unfinished = threading.Lock()  # guards what follows
        self.reading = 0  # rows whose attachments are read
        self.is_read = False  # there are no more rows to read
        self.over = False  # nothing more is taken
        self.error: BaseException | None = None

    def read(self) -> None:
        """Read rows ahead, in a thread of its own: whoever writes them may be slow."""
        try:
            numbers = count()
            for row in self.rows:
                self.put(next(numbers), row)
                while len(self.queue) + len(self.returned) >= READ_AHEAD and not self.over:
                    time.sleep(READ_PAUSE)
                if self.over:
                    return
        except BaseException as error:
            self.error = error
        self.is_read = True

    def put(self, number: int, row: Row) -> None:
        """Put a row in its place, or read first what it attaches, beside the others."""
        if not isinstance(row, ReadyRow) or not has_unread_files(row.ask):
            self.queue.append((number, row))
            return
        while not self.slots.acquire(timeout=0.1):
            if self.over:
                return
        with self.unfinished:
            self.reading += 1
        threading.Thread(target=self.read_attachments, args=(number, row), daemon=True).start()

    def read_attachments(self, number: int, row: ReadyRow) -> None:
        """Read what a row attaches; it is the next to be sent then."""
        try:
            self.returned.append((number, self.read_files(row)))
        except BaseException as error:
            self.error = error
        with self.unfinished:
            self.reading -= 1
        self.slots.release()

    def take(self, before: float = inf) -> tuple[int, Any]:
        """Return the next row and its number; END where there is none now, or none before one."""
        if self.returned:
            return self.returned.popleft()
        if not self.queue or self.queue[0][0] >= before:
            return 0, END
        return self.queue.popleft()

    def is_empty(self) -> bool:
        """Return whether there are no more rows, and will be none."""
        with self.unfinished:
            return self.is_read and not (self.reading or self.queue or self.returned)
