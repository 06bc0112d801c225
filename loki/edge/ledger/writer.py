"""Entries -> rows of the ledger, whatever happens; spans of time -> what was spent in them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from functools import cache
from itertools import chain
from operator import attrgetter
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import finalize

from returns.result import Result, Success

from loki.edge.files import directory
from loki.edge.ledger.database import (
    ForeignDatabaseError,
    checkpoint_if_large,
    connect,
    file_identity,
    is_damage,
    move_damaged_file,
)
from loki.edge.ledger.values import from_pico, storable
from loki.problems import Problem, fail
from loki.record import record
from loki.redaction.redactor import Redactor
from loki.stages.account import Entry

if TYPE_CHECKING:
    from sqlite3 import Connection

A = TypeVar("A")
Warn = Callable[[str], None]
Identity = tuple[int, int]


#: The columns that hold fields of Usage; a new field takes a new step in database.STEPS.
USAGE = (
    *("input", "cache_read", "cache_write", "output", "reasoning", "billed_input"),
    *("billed_output", "cache_write_1h", "cache_write_12h", "audio_input", "audio_cache_read"),
    *("audio_output", "searches", "tier", "told_cost"),
)
CALL = ("time", "client", "model", "task", "tag")
OUTCOME = ("cost", "exact", "seconds", "attempts", "outcome", "request_id")
COLUMNS = (*CALL, *USAGE, *OUTCOME)
GROUP = 32  # lines written by one statement
SPENT = "SELECT sum(cost), sum(unknown) FROM spent WHERE quarter >= ? AND quarter < ?"


@record
class Spent:
    """A sum of US dollars, and the number of calls in it that may have cost more."""

    cost: Decimal
    unknown_calls: int


def ledger_path(environ: Mapping[str, str]) -> str:
    """Return the path of the ledger; LOKI_LEDGER overrides."""
    path = environ.get("LOKI_LEDGER")
    return os.path.expanduser(path) if path else f"{directory('state', environ)}/ledger.db"


class Ledger:
    """A ledger on disk, opened when it is first needed, for any number of threads.

    It stays open: closing would wait for the disk, and SQLite loses nothing without it.
    """

    def __init__(
        self, path: str, say: Warn = lambda message: None, redactor: Redactor | None = None
    ) -> None:
        self.path = path
        self.redactor = redactor or Redactor()  # knows what no row may show
        self.say = say
        self.lock = threading.RLock()
        self.db: Connection | None = None
        self.opened: tuple[int, Identity | None] | None = None  # the process and the file
        self.finalizer: finalize[Any, Ledger] | None = None  # closes the connection
        self.warned = False
        self.is_tidy = False  # the log was looked at since the file was opened

    def record(self, entry: Entry) -> None:
        """Write a row; if that fails, warn once. What a signal raises waits until it is there.

        To defer signals takes half as long as the row: so it is done after one has come.
        """
        before: dict[Connection, int] = {}  # how many changes there were before the row

        def write(db: Connection) -> None:
            if db.total_changes == before.setdefault(db, db.total_changes):
                self.insert(db, [entry])
            self.tidy_once(db)

        with self.lock:  # others would change the file in between
            try:
                work_with_warning(self, write, UNRECORDED)
            except BaseException:
                run_with_warning(self, write, UNRECORDED)
                raise

    def record_all(self, entries: Sequence[Entry]) -> None:
        """Write some rows at once; if that fails, warn once."""

        def write(db: Connection) -> None:
            self.insert(db, entries)
            self.tidy_once(db)

        run_with_warning(self, write, UNRECORDED)

    def tidy_once(self, db: Connection) -> None:
        """Look at the log of an open ledger once: SQLite itself keeps it short from then on."""
        if not self.is_tidy:
            self.is_tidy = True
            checkpoint_if_large(db, self.path)

    def insert(self, db: Connection, entries: Sequence[Entry]) -> None:
        """Insert the rows of some entries."""
        for start in range(0, len(entries), GROUP):
            group = entries[start : start + GROUP]
            db.execute(insert_sql(len(group)), [*chain.from_iterable(map(self.row_of, group))])

    def row_of(self, entry: Entry) -> list[Any]:
        """Return the values of an entry, in the order of COLUMNS, without any secret."""
        values = (*BEFORE(entry), *COUNTED(entry.usage), *AFTER(entry))
        redact = self.redactor.redact
        return [storable(redact(each) if isinstance(each, str) else each) for each in values]

    def spent(self, spans: Sequence[tuple[float, float]]) -> Result[tuple[Spent, ...], Problem]:
        """Return what was spent in some spans of time, whose ends are quarters of an hour.

        A damaged ledger stays where it is: a new one would know of nothing spent.
        """
        return self.with_connection(
            lambda db: tuple(sum_span(db, start, end) for start, end in spans)
        )

    def with_connection(
        self, work: Callable[[Connection], A], recreate: bool = False
    ) -> Result[A, Problem]:
        """Run some work on the open ledger; with ``recreate`` a new one replaces a damaged one."""
        import sqlite3

        with self.lock:
            try:
                return Success(work(self.connection()))
            except (sqlite3.Error, OSError, ForeignDatabaseError) as error:
                self.close()
                if not (recreate and is_damage(error)):
                    return fail("input", reason(error, self.path))
                self.replace_damaged(error)
                return self.with_connection(work)

    def connection(self) -> Connection:
        """Return the open ledger.

        It is opened anew in a forked process, if the file was replaced, and for a thread that still
        writes when the interpreter has closed it on its way out.
        """
        file = file_identity(self.path)
        if self.finalizer is not None and not self.finalizer.alive:
            self.close()
        if self.db is not None and self.opened != (os.getpid(), file):
            self.close()
        if self.db is None:
            self.opened = (os.getpid(), file)
            self.db, self.is_tidy = connect(self.path), False
            self.opened = (os.getpid(), file_identity(self.path))
            self.finalizer = finalize(self, close, self.db, os.getpid(), self.lock)
        return self.db

    def replace_damaged(self, error: Exception) -> None:
        """Set a damaged file aside, and warn of it."""
        aside = move_damaged_file(self.path, self.opened[1] if self.opened else None)
        if aside:
            self.say(f"the ledger was damaged ({error}): it is now {aside}, a new one begins")

    def close(self) -> None:
        """Close the connection, if there is one."""
        self.db, finalizer, self.finalizer = None, self.finalizer, None
        if finalizer is not None:
            finalizer()


#: What is lacking where a row could not be written.
UNRECORDED = "this call is not in the ledger"


def run_with_warning(ledger: Ledger, work: Callable[[Connection], object], lack: str) -> None:
    """Do some work on a ledger, signals deferred; if that fails, warn once with what is lacking."""
    with signals_deferred():
        work_with_warning(ledger, work, lack)


def work_with_warning(ledger: Ledger, work: Callable[[Connection], object], lack: str) -> None:
    """Do some work on a ledger; if that fails, warn once, with what is lacking now."""
    result = ledger.with_connection(work, recreate=True)
    if not isinstance(result, Success) and not ledger.warned:
        ledger.warned = True
        ledger.say(f"{lack}: {result.failure().message}")


def close(db: Connection, owner: int, lock: threading.RLock) -> None:
    """Close a connection of this process; one from before a fork is its parent's to close.

    Under its lock: SQLite does not survive to be closed while another thread writes.
    """
    import sqlite3

    if owner != os.getpid():
        FORKED.append(db)
    elif lock.acquire(timeout=PATIENCE):
        with suppress(sqlite3.Error):  # what was written is written
            db.close()
        lock.release()


PATIENCE = 5.0  # seconds for another thread to end its writing


#: Connections from before a fork, which the garbage collector must not close.
FORKED: list[Any] = []


def reason(error: Exception, path: str) -> str:
    """Return why a ledger cannot be used, with its path."""
    if isinstance(error, ForeignDatabaseError):
        return str(error)
    text = str(getattr(error, "strerror", None) or error)
    return f"{path}: {text[:1].lower()}{text[1:]}"


# ---- a row -------------------------------------------------------------------------------------


BEFORE, COUNTED, AFTER = attrgetter(*CALL), attrgetter(*USAGE), attrgetter(*OUTCOME)


@cache
def insert_sql(lines: int) -> str:
    """Return the statement that inserts so many rows at once."""
    line = f"({', '.join('?' * len(COLUMNS))})"
    return f"INSERT INTO calls ({', '.join(COLUMNS)}) VALUES {', '.join([line] * lines)}"


def sum_span(db: Connection, start: float, end: float) -> Spent:
    """Return what was spent between two times in seconds since the epoch, quarters of an hour."""
    cost, unknown = db.execute(SPENT, (start // 900, end // 900)).fetchone()
    return Spent(from_pico(cost or 0) or Decimal(0), unknown or 0)


@contextmanager
def signals_deferred() -> Iterator[None]:
    """Defer SIGINT and SIGTERM until the block is done; only the main thread gets any."""
    deferred: list[int] = []

    def defer(number: int, frame: FrameType | None) -> None:
        deferred.append(number)

    previous: dict[signal.Signals, Any] = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is not None:  # else C has set it, and must keep it
                    previous[number] = signal.signal(number, defer)
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        for missed in deferred:
            signal.raise_signal(missed)
