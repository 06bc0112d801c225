"""Path -> the ledger's database: made, migrated, or set aside if damaged."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from loki.edge.trust import make_private_folder

if TYPE_CHECKING:
    from sqlite3 import Connection

LOCK_TIMEOUT = 5.0  # seconds for others to finish writing
LARGE = 2**20  # bytes of the write-ahead log
MANY_PAGES = 240  # in the write-ahead log: nearly as many bytes
APPLICATION_ID = 0x4C4F4B49  # PRAGMA application_id: a file by this mark is a ledger

#: The migrations from each version to the next; one that was released never changes.
#: Costs are whole numbers of 1e-12 US dollars: every price is, sums are exact and fast, and
#: 64 bits hold nine million dollars.
MIGRATIONS = (
    """
    CREATE TABLE calls (
        id INTEGER PRIMARY KEY,
        time REAL NOT NULL,  -- when it began, seconds since the epoch
        client TEXT, model TEXT, task TEXT, tag TEXT,
        input INTEGER, cache_read INTEGER, cache_write INTEGER, output INTEGER,
        reasoning INTEGER, billed_input INTEGER, billed_output INTEGER,
        cache_write_1h INTEGER, cache_write_12h INTEGER,
        audio_input INTEGER, audio_cache_read INTEGER, audio_output INTEGER,
        searches INTEGER, tier TEXT, told_cost INTEGER,
        cost INTEGER,  -- 1e-12 US dollars, NULL is unknown; told_cost likewise
        exact INTEGER NOT NULL,  -- 0: cost is the least it was, or unknown
        seconds REAL, attempts INTEGER, outcome TEXT, request_id TEXT
    );
    CREATE INDEX calls_time ON calls (time);

    -- Sums by quarter of an hour, at one of which the days of every time zone begin:
    -- what was spent in a month is known without reading its calls.
    CREATE TABLE spent (
        quarter INTEGER PRIMARY KEY, cost INTEGER NOT NULL, unknown INTEGER NOT NULL
    );
    CREATE TRIGGER spent_more AFTER INSERT ON calls BEGIN
        INSERT INTO spent VALUES (
            CAST(NEW.time / 900 AS INTEGER), coalesce(NEW.cost, 0), NOT NEW.exact
        ) ON CONFLICT (quarter) DO UPDATE SET
            cost = cost + excluded.cost, unknown = unknown + excluded.unknown;
    END;
    CREATE TRIGGER spent_less AFTER DELETE ON calls BEGIN
        UPDATE spent SET
            cost = cost - coalesce(OLD.cost, 0), unknown = unknown - NOT OLD.exact
        WHERE quarter = CAST(OLD.time / 900 AS INTEGER);
    END;

    -- Written before a call that a budget allows: where this fails, its cost would be lost.
    CREATE TABLE checked (one INTEGER PRIMARY KEY, time REAL);
    """,
    """
    ALTER TABLE calls ADD COLUMN batch TEXT;  -- of a row in a provider's batch job: its custom id
    ALTER TABLE calls ADD COLUMN usual_cost INTEGER;  -- what it would have cost outside the job
    CREATE UNIQUE INDEX calls_batch ON calls (batch) WHERE batch IS NOT NULL;

    -- What jobs that are out may cost: it counts as spent until their rows are here.
    CREATE TABLE reserved (job TEXT PRIMARY KEY, time REAL NOT NULL, cost INTEGER NOT NULL);
    CREATE TRIGGER reserved_more AFTER INSERT ON reserved BEGIN
        INSERT INTO spent VALUES (CAST(NEW.time / 900 AS INTEGER), NEW.cost, 0)
        ON CONFLICT (quarter) DO UPDATE SET cost = cost + excluded.cost;
    END;
    CREATE TRIGGER reserved_less AFTER DELETE ON reserved BEGIN
        UPDATE spent SET cost = cost - OLD.cost WHERE quarter = CAST(OLD.time / 900 AS INTEGER);
    END;
    """,
    """
    -- A call under way reserves what it may cost, until its row is here, its process (host:pid) is
    -- gone, or it expires (seconds since the epoch). Without that time a reservation stays: of a
    -- job that is out, or the rest of a call whose cost nobody knows.
    ALTER TABLE reserved ADD COLUMN expires REAL;
    ALTER TABLE reserved ADD COLUMN holder TEXT;
    CREATE INDEX reserved_calls ON reserved (holder) WHERE expires IS NOT NULL;
    DROP TABLE checked;  -- a reservation is written before a call, too
    """,
    """
    -- Whose call a reservation is: if nobody says how it ended, a row of it is written, as lost.
    -- What a batch job that is not out yet reserved has no model: then it was not sent.
    ALTER TABLE reserved ADD COLUMN client TEXT;
    ALTER TABLE reserved ADD COLUMN model TEXT;
    ALTER TABLE reserved ADD COLUMN task TEXT;
    ALTER TABLE reserved ADD COLUMN tag TEXT;
    UPDATE reserved SET client = '', model = 'unknown', task = 'chat', tag = ''
        WHERE expires IS NOT NULL AND job LIKE 'call:%';
    """,
)


class ForeignDatabaseError(Exception):
    """A file that is not ours to change; its text says why."""


def connect(path: str) -> Connection:
    """Open the ledger at a path, made if there is none.

    Raise OSError, sqlite3.Error or ForeignDatabaseError.
    """
    import sqlite3

    create_database(path)
    db = sqlite3.connect(path, timeout=LOCK_TIMEOUT, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA wal_autocheckpoint = 0")  # see ``tidy``
        if version_of(db, path) < len(MIGRATIONS):
            retry_while_locked(lambda: db.execute("PRAGMA journal_mode = WAL").fetchone())
            migrate(db, path)
    except BaseException:
        db.close()
        raise
    return db


def checkpoint_if_large(db: Connection, path: str) -> None:
    """Empty the write-ahead log if it is large; where others are writing, they will do so.

    Once for each connection. SQLite's own way, which it goes from here on, begins the log anew and
    so is cheaper, but never makes the file shorter: a process that writes one line would write
    the log back for every line from there on, 10 ms where it takes 1.
    """
    from sqlite3 import OperationalError

    if is_large(f"{path}-wal"):
        with suppress(OperationalError):  # what was written is written
            db.execute("PRAGMA busy_timeout = 0")  # it is no matter for which to wait
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            db.execute(f"PRAGMA busy_timeout = {LOCK_TIMEOUT * 1000:.0f}")
    db.execute(f"PRAGMA wal_autocheckpoint = {MANY_PAGES}")


def is_large(log: str) -> bool:
    """Return whether a write-ahead log is large; one that is not there yet is not."""
    try:
        return os.stat(log).st_size > LARGE
    except OSError:
        return False


def create_database(path: str) -> None:
    """Make an empty file that only its owner reads, in a folder alike, if there is none."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        pass
    except FileNotFoundError:
        make_private_folder(os.path.dirname(path))
        os.close(os.open(path, os.O_CREAT, 0o600))


def version_of(db: Connection, path: str) -> int:
    """Return how many migrations a ledger has had; raise ForeignDatabaseError if it is not ours."""
    (mark,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if mark != APPLICATION_ID and db.execute("SELECT count(*) FROM sqlite_master").fetchone() != (
        0,
    ):
        raise ForeignDatabaseError(f"{path} is another program's database")
    if version > len(MIGRATIONS):
        raise ForeignDatabaseError(
            f"{path} is of a newer loki: version {version}, known is {len(MIGRATIONS)}"
        )
    return int(version)


def migrate(db: Connection, path: str) -> None:
    """Run the migrations that are left, all or none; other processes may do so too."""
    with transaction(db):
        for number in range(version_of(db, path), len(MIGRATIONS)):
            for statement in split_statements(MIGRATIONS[number]):
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


@contextmanager
def transaction(db: Connection) -> Iterator[None]:
    """Do all of a block or nothing of it; nobody else writes meanwhile."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def split_statements(step: str) -> list[str]:
    """Return the statements of a migration; executescript would commit before the first."""
    from sqlite3 import complete_statement

    pieces = [""]
    for line in step.splitlines(keepends=True):
        pieces[-1] += line
        if complete_statement(pieces[-1]):
            pieces.append("")
    return [piece for piece in pieces if piece.strip()]


def retry_while_locked(step: Callable[[], object]) -> None:
    """Run a step again while others lock the file: one for which SQLite itself does not wait."""
    import sqlite3

    end = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            step()
            return
        except sqlite3.OperationalError as error:
            if error_code(error) not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            if time.monotonic() > end:
                raise
        time.sleep(0.02)


def error_code(error: Exception) -> int:
    """Return SQLite's primary result code of an exception, 0 if it has none."""
    return int(getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def is_damage(error: Exception) -> bool:
    """Return whether the file itself is damaged, or no database."""
    import sqlite3

    return error_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def file_identity(path: str) -> tuple[int, int] | None:
    """Return device and inode of the file that is at a path now, None if there is none."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def move_damaged_file(path: str, damaged: tuple[int, int] | None) -> str:
    """Rename the damaged file and return its new name; empty if another process has done so."""
    from filelock import FileLock

    aside = f"{path}.damaged-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
    try:
        with FileLock(f"{path}.lock", timeout=LOCK_TIMEOUT, mode=0o600):
            if damaged is None or file_identity(path) != damaged:
                return ""
            for tail in ("-shm", "-wal", ""):
                if os.path.exists(path + tail):
                    os.replace(path + tail, aside + tail)
    except OSError:
        return ""
    return aside
