"""The calls of a run -> the ledger: together where that is cheaper, and before their rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from threading import Lock

from returns.result import Result

from loki.batch.rows import ReadyRow
from loki.cli.batch.context import BatchContext
from loki.edge.auth.credentials import mask_draft
from loki.edge.batch.calls_under_way import CallsUnderWay
from loki.edge.ledger.reservations import keep_reserved
from loki.edge.ledger.writer import Ledger, ledger_path
from loki.pipeline import Env, prepare
from loki.problems import Problem
from loki.record import replace
from loki.records import Task
from loki.stages.account import Entry, build_entry
from loki.usage import Usage


class Books:
    """What writes the entries of a run's calls; ``env`` is the pipeline that it belongs to."""

    def __init__(
        self,
        env: Env,
        calls: CallsUnderWay,
        record: Callable[[Entry], None],
        ledger: Ledger | None = None,
        keep_reserved: Callable[[], None] = lambda: None,
    ) -> None:
        self.calls, self.ledger, self.lock = calls, ledger, Lock()
        self.keep_reserved = keep_reserved  # what calls may cost that are left, in a budget
        self.entries: SimpleQueue[Entry] = SimpleQueue()
        self.record = record if ledger is None else self.entries.put
        self.env = replace(env, record=calls.recording(self.record))

    def write(self) -> None:
        """Write the entries of all that is done: together they take less than one by one."""
        with self.lock:
            entries = [self.entries.get() for _ in range(self.entries.qsize())]
        if entries and self.ledger is not None:
            self.ledger.record_all(entries)

    def leave(self, others: Iterable[Entry] = ()) -> int:
        """Write entries for the calls under way, which nobody waits for; return their number."""
        entries = [*self.calls.leave(), *others]
        for entry in entries:
            self.record(entry)
        self.write()
        self.keep_reserved()
        return len(entries)


@contextmanager
def open_books(context: BatchContext, writes_at_once: bool) -> Iterator[Books]:
    """Yield what writes the entries of a run, and write the rest of them at its end.

    A budget needs each at once, and so does a run whose rows may be lost with it.
    """
    env, calls = context.env, context.calls
    if context.flags.no_ledger:
        yield Books(env, calls, env.record)
        return
    ledger = Ledger(ledger_path(os.environ), context.console.warn, env.redactor)
    if env.config.budget and context.cluster is None:
        yield Books(env, calls, env.record, keep_reserved=partial(keep_reserved, ledger))
        return
    books = Books(env, calls, ledger.record, None if writes_at_once else ledger)
    try:
        yield books
    finally:
        books.write()


def interrupted_entry(env: Env, task: Task, row: ReadyRow) -> Result[Entry, Problem]:
    """Return the entry of a row that a worker may be asking, and nobody waits for."""
    masked = replace(env, authorize=mask_draft, patches=row.patches(env.patches))
    return prepare(masked, row.ask, task).map(
        lambda request: build_entry(request, None, Usage(), env.now(), 0.0)
    )
