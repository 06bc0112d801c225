"""Passages and vectors -> a store, some thousand at a time; a text that is there is known.

Several processes may write at once: each adds rows under a lock, after it has read what others
added; those that would send texts take turns. Rows that are not yet written are few, and a table
changes in one step, so that a process that is killed leaves it whole.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

from returns.result import Failure, Result, Success

from loki.edge.files import describe_os_error
from loki.edge.retrieval import table
from loki.edge.retrieval.rescue import Rescue
from loki.edge.retrieval.rows import Row, Rows, fits_float32, join_tables, rows_of
from loki.edge.retrieval.table import Store, explain_large_number, explain_wrong_length
from loki.edge.retrieval.turn import Turn
from loki.edge.trust import make_private_folder
from loki.problems import Problem, fail
from loki.replies import Vector
from loki.retrieval.header import Header, describe_difference, make_key_function
from loki.retrieval.passages import Passage

#: Rows that are written at once, however little time has passed.
MANY_ROWS = 16_384
#: Seconds between two writes: a share of the time so far, so that a long run makes few files.
SHARE, SHORTEST, LONGEST = 0.05, 1.0, 30.0
#: Seconds to wait for another process that writes.
PATIENCE = 120


class WrittenKeys:
    """The keys of a store, and those that are about to come: 8 bytes for each that is there."""

    def __init__(self, written: Any) -> None:
        self.begun: set[int] = set()
        self.written = written
        self.replace(written)

    def replace(self, written: Any) -> None:
        """Take the keys that a store has now, as an array of numpy."""
        import numpy

        self.written = numpy.sort(written)

    def is_written(self, key: int) -> bool:
        """Return whether the store has a key."""
        place = int(self.written.searchsorted(key))
        return place < len(self.written) and int(self.written[place]) == key

    def add(self, key: int) -> bool:
        """Take a key; return whether it is new."""
        if key in self.begun or self.is_written(key):
            return False
        self.begun.add(key)
        return True


class Writer:
    """A store that is being added to: which texts are new, and rows on their way into it."""

    def __init__(
        self,
        path: str,
        header: Header,
        store: Store | None,
        keys: Any,
        now: Callable[[], float],
        clock: Callable[[], float],
        rescue: Rescue,
        turn: Turn,
    ) -> None:
        self.path, self.header, self.store = path, header, store
        self.now, self.clock, self.rescue, self.turn = now, clock, rescue, turn
        self.keys, self.key = WrittenKeys(keys), make_key_function(header.settings)
        self.rescued, self.pending = rescue.take_rows(), list[Row]()
        for rows in self.rescued:
            self.keys.begun.update(rows["key"].to_pylist())
        self.writing = threading.RLock()  # who reads texts writes too, where no more come
        self.added = self.present = 0
        self.other_ids = 0  # texts that came before in this run under another id
        self.start = self.last = clock()

    def is_new(self, passage: Passage) -> bool:
        """Return whether a text has still to be sent; count it otherwise.

        One that is new has to arrive by ``turn`` for others to have theirs before the end.
        """
        self.begin()
        key = self.key(passage.text)
        self.other_ids += passage.id is not None and key in self.keys.begun
        if self.keys.add(key):
            return True
        self.present += 1
        self.turn.arrive(1)
        return False

    def begin(self) -> None:
        """Wait for the turn of this process to send a text, which has then to arrive."""
        if self.turn.take():
            with self.writing:
                self.reload()  # what is wrong with the store, writing will say

    def rest(self) -> Result[None, Problem]:
        """Write what waits, and let others add, if no text is out."""
        if self.turn.out > 0:
            return Success(None)
        flushed = self.flush()
        self.turn.give_back()
        return flushed

    def add(self, rows: Sequence[tuple[Passage, Vector]]) -> Result[None, Problem]:
        """Take passages with their vectors; write them, if it is time to."""
        for passage, vector in rows:
            if not fits_float32(vector):
                return Failure(explain_large_number(self.header))
            if (own := self.length(vector)) != len(vector):
                return Failure(explain_wrong_length(self.path, self.header, own, len(vector)))
            with self.writing:
                self.pending.append(Row(self.key(passage.text), passage, vector))
        return self.flush() if self.should_flush() else Success(None)

    def length(self, vector: Vector) -> int:
        """Return how many numbers a vector must have: as many as the first."""
        if self.store:
            return self.store.dimensions
        return len(self.pending[0].vector if self.pending else vector)

    def should_flush(self) -> bool:
        """Return whether rows have waited long enough, or are many."""
        now = self.clock()
        pause = min(max(SHORTEST, SHARE * (now - self.start)), LONGEST)
        return now - self.last >= pause or len(self.pending) >= MANY_ROWS

    # ---- writing ---------------------------------------------------------------------------------

    def flush(self) -> Result[None, Problem]:
        """Write the rows that wait; where that cannot be, keep them elsewhere."""
        with self.writing:
            return self.flush_rows()

    def flush_rows(self) -> Result[None, Problem]:
        """Do so while no other thread does."""
        tables = [*self.rescued]
        if self.pending:
            tables.append(rows_of(self.pending, self.header, self.now()))
        self.rescued, self.pending, self.last = [], [], self.clock()
        waiting = join_tables(tables)
        if waiting is None:
            return Success(None)
        try:
            written = self.run_locked(lambda: self.write(waiting))
        except BaseException:  # a signal: close() tries again
            self.rescued = [waiting]
            raise
        return written.lash(lambda problem: Failure(self.rescue.save(waiting, problem)))

    def run_locked(self, action: Callable[[], Result[None, Problem]]) -> Result[None, Problem]:
        """Do something while no other process writes."""
        from filelock import FileLock, Timeout

        lock = FileLock(os.path.join(self.path, table.LOCK), timeout=PATIENCE, mode=0o600)
        try:
            make_private_folder(self.path)
            with lock:
                return action()
        except Timeout:
            return fail("busy", f"another process has been writing {self.path} for {PATIENCE} s")
        except OSError as error:
            return fail("output", f"cannot write {self.path}: {describe_os_error(error)}")

    def write(self, rows: Rows) -> Result[None, Problem]:
        """Add those rows that no other process has added meanwhile."""
        return self.reload().bind(lambda _: self.append(self.without_written(rows)))

    def reload(self) -> Result[None, Problem]:
        """Read what other processes have done to the store since."""
        if self.store and table.is_latest(self.store):
            return Success(None)
        return table.find_store(self.path).bind(self.reopen)

    def reopen(self, store: Store | None) -> Result[None, Problem]:
        """Take a store as it is now; fail if it has other vectors than ours."""
        self.store = store
        if store is None:
            return Success(None)
        if other := describe_difference(store.header.settings, self.header.settings):
            return Failure(explain_other_model(store, other))
        return table.read_keys(store).map(self.keys.replace)

    def without_written(self, rows: Rows) -> Rows:
        """Return the rows whose texts the store does not have."""
        import pyarrow

        keys = rows["key"].to_pylist()
        return rows.filter(pyarrow.array([not self.keys.is_written(key) for key in keys]))

    def append(self, rows: Rows) -> Result[None, Problem]:
        """Write rows, and go on with the store as it is then."""
        if not len(rows):
            return Success(None)
        store = self.store
        written = table.append_rows(store, rows) if store else table.make_table(self.path, rows)

        def go_on(dataset: Any) -> None:
            self.store = Store(self.path, self.header, dataset)
            self.added += len(rows)
            self.rescue.delete_files()

        return written.map(go_on)

    def close(self) -> Result[None, Problem]:
        """Write the rows that wait, and put a table of many files together."""
        try:
            flushed = self.flush()
        finally:
            self.turn.give_back(at_once=True)
        store = self.store
        if store and table.is_scattered(store.dataset):
            self.run_locked(lambda: table.compact_files(store.dataset))  # may fail: it is as good
        return flushed


def explain_other_model(store: Store, other: str) -> Problem:
    """Return the Problem that a store has vectors of another model, or of other options."""
    from loki.retrieval.header import describe

    has = describe(store.header, store.dimensions)
    return Problem(
        "usage", f"{store.path} has vectors of {has}; this is {other}: name another store"
    )
