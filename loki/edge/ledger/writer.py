"""IMPURE. Entries -> lines of the ledger, whatever happens; and what was spent, from its lines."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from itertools import chain
from operator import attrgetter
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from weakref import finalize

from returns.result import Result, Success

from loki.edge.auth.redaction import redact
from loki.edge.files import directory
from loki.edge.ledger.database import LeftAlone, connect, identity, is_damage, set_aside, tidy
from loki.problems import Problem, fail
from loki.stages.account import Entry

if TYPE_CHECKING:
    from sqlite3 import Connection

A = TypeVar("A")
Say = Callable[[str], None]
Identity = tuple[int, int]

#: The costs of the ledger are whole numbers of 1e-12 dollars.
PICO = 12
LARGEST = 2**63 - 1
MOST = 10**9  # US dollars; above it nothing is a price
LONGEST = 500  # characters of a name

#: The columns that hold fields of Usage; a new field takes a new step in ledger_file.STEPS.
USAGE = (
    *("input", "cache_read", "cache_write", "output", "reasoning", "billed_input"),
    *("billed_output", "cache_write_1h", "cache_write_12h", "audio_input", "audio_cache_read"),
    *("audio_output", "searches", "tier", "told_cost"),
)
CALL = ("time", "client", "model", "task", "tag")
OUTCOME = ("cost", "exact", "seconds", "attempts", "outcome", "request_id")
COLUMNS = (*CALL, *USAGE, *OUTCOME)
GROUP = 32  # lines written by one statement
CHECKED = "INSERT OR REPLACE INTO checked VALUES (1, ?)"
SPENT = "SELECT sum(cost), sum(unknown) FROM spent WHERE quarter >= ? AND quarter < ?"


class Sum(NamedTuple):
    """What was spent in some time, in US dollars, and how many calls may have cost more."""

    cost: Decimal
    unknown: int


def path_of(environ: Mapping[str, str]) -> str:
    """Where the ledger is; LOKI_LEDGER overrides."""
    said = environ.get("LOKI_LEDGER")
    return os.path.expanduser(said) if said else f"{directory('state', environ)}/ledger.db"


class Ledger:
    """A ledger on disk, opened when it is first needed, for any number of threads.

    It stays open: closing would wait for the disk, and SQLite loses nothing without it.
    """

    def __init__(self, path: str, say: Say = lambda words: None) -> None:
        self.path = path
        self.say = say
        self.lock = threading.RLock()
        self.db: Connection | None = None
        self.opened: tuple[int, Identity | None] | None = None  # by which process, which file
        self.leave: Callable[[], object] = lambda: None
        self.warned = False

    def record(self, entry: Entry) -> None:
        """Write a line; if that cannot be, say so once."""
        self.record_all([entry])

    def record_all(self, entries: Sequence[Entry]) -> None:
        """Write some lines at once."""

        def write(db: Connection) -> None:
            for start in range(0, len(entries), GROUP):
                group = entries[start : start + GROUP]
                db.execute(insert(len(group)), [*chain.from_iterable(map(row_of, group))])
            tidy(db, self.path)

        with undisturbed():
            told = self.use(write, anew=True)
            if not isinstance(told, Success) and not self.warned:
                self.warned = True
                self.say(f"this call is not in the ledger: {told.failure().message}")

    def spent(
        self, spans: Sequence[tuple[float, float]], now: float | None = None
    ) -> Result[tuple[Sum, ...], Problem]:
        """What was spent in some spans of time, whose ends are quarters of an hour.

        With ``now`` something is written on the way, to see that a call's line could be. A
        damaged ledger stays where it is: a new one would know of nothing spent.
        """

        def work(db: Connection) -> tuple[Sum, ...]:
            if now is not None:
                db.execute(CHECKED, (now,))
            return tuple(sum_of(db, start, end) for start, end in spans)

        return self.use(work)

    def use(self, work: Callable[[Connection], A], anew: bool = False) -> Result[A, Problem]:
        """Do something with the open ledger; with ``anew`` a new one replaces a damaged one."""
        import sqlite3

        with self.lock:
            try:
                return Success(work(self.connection()))
            except (sqlite3.Error, OSError, LeftAlone) as error:
                self.close()
                if not (anew and is_damage(error)):
                    return fail("input", reason(error, self.path))
                self.begin_anew(error)
                return self.use(work)

    def connection(self) -> Connection:
        """The open ledger; another one in a forked process, or if the file was replaced."""
        file = identity(self.path)
        if self.db is not None and self.opened != (os.getpid(), file):
            self.close()
        if self.db is None:
            self.opened = (os.getpid(), file)
            self.db = connect(self.path)
            self.opened = (os.getpid(), identity(self.path))
            self.leave = finalize(self, leave, self.db, os.getpid())
        return self.db

    def begin_anew(self, error: Exception) -> None:
        """Set a damaged file aside, and say so."""
        aside = set_aside(self.path, self.opened[1] if self.opened else None)
        if aside:
            self.say(f"the ledger was damaged ({error}): it is now {aside}, a new one begins")

    def close(self) -> None:
        """Leave the file."""
        if self.db is not None:
            self.db = None
            self.leave()


def leave(db: Connection, owner: int) -> None:
    """Close a connection; one from before a fork is the other process's to close."""
    import sqlite3

    if owner != os.getpid():
        FORKED.append(db)
        return
    with suppress(sqlite3.Error):  # what was written is written
        db.close()


#: Kept from being closed by the garbage collector.
FORKED: list[Any] = []


def reason(error: Exception, path: str) -> str:
    """Why a ledger cannot be used, with its path."""
    if isinstance(error, LeftAlone):
        return str(error)
    words = str(getattr(error, "strerror", None) or error)
    return f"{path}: {words[:1].lower()}{words[1:]}"


# ---- a line ------------------------------------------------------------------------------------


BEFORE, COUNTED, AFTER = attrgetter(*CALL), attrgetter(*USAGE), attrgetter(*OUTCOME)


@cache
def insert(lines: int) -> str:
    """The statement that writes so many lines at once."""
    line = f"({', '.join('?' * len(COLUMNS))})"
    return f"INSERT INTO calls ({', '.join(COLUMNS)}) VALUES {', '.join([line] * lines)}"


def row_of(entry: Entry) -> list[Any]:
    """The values of a line, in the order of COLUMNS."""
    return [*map(storable, (*BEFORE(entry), *COUNTED(entry.usage), *AFTER(entry)))]


def storable(value: Any) -> Any:
    """A value that SQLite takes.

    >>> storable(10**30), storable("\\udcff"), storable(Decimal("0.00234"))
    (None, '?', 2340000000)
    """
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, Decimal):
        value = pico(value) if value.is_finite() and abs(value) < MOST else None
    if isinstance(value, str):
        return redact(value).encode("utf-8", "replace").decode()[:LONGEST]
    if isinstance(value, int) and not -LARGEST <= value <= LARGEST:
        return None
    return value


def pico(cost: Decimal) -> int:
    """A cost in 1e-12 US dollars.

    >>> pico(Decimal("0.00234"))
    2340000000
    """
    return int(cost.scaleb(PICO).to_integral_value(ROUND_HALF_UP))


def dollars(cost: int | None) -> Decimal | None:
    """A cost of the ledger in US dollars.

    >>> dollars(2340000000)
    Decimal('0.002340000000')
    """
    return None if cost is None else Decimal(cost).scaleb(-PICO)


def sum_of(db: Connection, start: float, end: float) -> Sum:
    """What was spent from one quarter of an hour to another."""
    cost, unknown = db.execute(SPENT, (start // 900, end // 900)).fetchone()
    return Sum(dollars(cost or 0) or Decimal(0), unknown or 0)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold back what would end this process until the block is done; threads are never told."""
    came: list[int] = []

    def later(number: int, frame: FrameType | None) -> None:
        came.append(number)

    before: dict[signal.Signals, Any] = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is not None:  # else C has set it, and must keep it
                    before[number] = signal.signal(number, later)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for missed in came:
            signal.raise_signal(missed)
