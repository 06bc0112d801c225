"""The ledger: every finished call is there once, whatever happens to processes, disk and file."""

from __future__ import annotations

import gc
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from returns.result import Success

from loki.edge.ledger import database, writer
from loki.edge.ledger.batches import ALL
from loki.edge.ledger.database import APPLICATION_ID, MIGRATIONS
from loki.edge.ledger.writer import USAGE, Ledger, Spent
from loki.record import field_names, replace
from loki.redaction.redactor import Redactor
from loki.stages.account import Entry
from loki.usage import Usage

NOW = 1_795_368_600.0  # a quarter of an hour begins
ENTRY = Entry(
    NOW, "c", "m", "chat", "t", Usage(10, 2, None, 5), Decimal("0.00234"), True, 1.5, 1, "ok", "r"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.db"


def rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a ledger."""
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute("SELECT * FROM calls ORDER BY id")]


def check(path: Path) -> str:
    """Return the result of SQLite's integrity check."""
    with closing(sqlite3.connect(path)) as db:
        return str(db.execute("PRAGMA integrity_check").fetchone()[0])


def quiet(path: Path) -> tuple[Ledger, list[str]]:
    """Return a ledger, and the list of its warnings."""
    messages: list[str] = []
    return Ledger(str(path), messages.append), messages


# ---- a line ------------------------------------------------------------------------------------


def test_a_line_has_everything_that_an_entry_has(path: Path) -> None:
    book, message = quiet(path)
    book.record(ENTRY)
    (row,) = rows(path)
    known = {name: value for name, value in row.items() if value is not None}
    names = "id time client model task tag input cache_read output cost exact seconds attempts"
    values = (1, NOW, "c", "m", "chat", "t", 10, 2, 5, 2_340_000_000, 1, 1.5, 1)
    assert known == {
        **dict(zip(names.split(), values, strict=True)),
        "outcome": "ok",
        "request_id": "r",
    }
    assert message == []


def test_every_field_has_a_column(path: Path) -> None:
    book, _ = quiet(path)
    book.record(ENTRY)
    assert {field.name for field in fields(Usage)} == {*USAGE}, "a new field takes a new step"
    assert {*field_names(Entry)} - {"usage"} == {*ALL} - {*USAGE}
    assert {*rows(path)[0]} == {"id", *ALL}


@pytest.mark.parametrize(
    ("entry", "column", "stored"),
    [
        (replace(ENTRY, cost=None, exact=False), "cost", None),
        (replace(ENTRY, cost=Decimal("0.000000000001")), "cost", 1),
        (replace(ENTRY, cost=Decimal("9000000.5")), "cost", 9_000_000_500_000_000_000),
        (replace(ENTRY, cost=Decimal("1e30")), "cost", None),
        (replace(ENTRY, cost=Decimal("1e999999")), "cost", None),
        (replace(ENTRY, cost=Decimal("NaN")), "cost", None),
        (replace(ENTRY, usage=Usage(input=10**30)), "input", None),
        (replace(ENTRY, usage=Usage(told_cost=Decimal("0.5"))), "told_cost", 500_000_000_000),
        (replace(ENTRY, usage=Usage(tier="flex")), "tier", "flex"),
        (replace(ENTRY, tag="\udcff☀\0'"), "tag", "?☀\0'"),
        (replace(ENTRY, request_id="x" * 9999), "request_id", "x" * 500),
        (replace(ENTRY, seconds=float("nan")), "seconds", None),
    ],
)
def test_nothing_in_an_entry_keeps_its_line_from_being_written(
    path: Path, entry: Entry, column: str, stored: Any
) -> None:
    book, message = quiet(path)
    book.record(entry)
    assert rows(path)[0][column] == stored
    assert message == []


def test_no_secret_is_written(path: Path) -> None:
    book = Ledger(str(path), redactor=Redactor("sk-very-secret"))
    book.record(replace(ENTRY, tag="sk-very-secret", request_id="req sk-very-secret"))
    assert (rows(path)[0]["tag"], rows(path)[0]["request_id"]) == ("***", "req ***")
    book.close()
    assert b"very-secret" not in path.read_bytes()


@pytest.mark.parametrize(("folder", "mode"), [("", 0o755), ("state", 0o700)])
def test_only_the_owner_reads_it(tmp_path: Path, folder: str, mode: int) -> None:
    """A folder that is there already stays as it is."""
    tmp_path.chmod(0o755)
    path = tmp_path / folder / "ledger.db"
    book, _ = quiet(path)
    book.record(ENTRY)
    for name in ("", "-wal", "-shm"):
        assert stat.S_IMODE(os.stat(f"{path}{name}").st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == mode


def test_it_is_in_wal_mode_and_marked_as_ours(path: Path) -> None:
    book, _ = quiet(path)
    book.record(ENTRY)
    with closing(sqlite3.connect(path)) as db:
        result = [
            db.execute(f"PRAGMA {n}").fetchone()[0] for n in ("journal_mode", "application_id")
        ]
        version = db.execute("PRAGMA user_version").fetchone()[0]
    assert (result, version) == (["wal", APPLICATION_ID], len(MIGRATIONS))


def test_an_older_ledger_takes_the_steps_it_lacks(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, _ = quiet(path)
    book.record(ENTRY)
    book.close()
    monkeypatch.setattr(
        database, "MIGRATIONS", (*MIGRATIONS, "ALTER TABLE calls ADD COLUMN x TEXT;")
    )
    book.record(ENTRY)
    assert [row["x"] for row in rows(path)] == [None, None]


# ---- what was spent ----------------------------------------------------------------------------


def test_sums_are_those_of_the_lines(path: Path) -> None:
    """Sums are kept by quarters of an hour; they must be what adding up would give."""
    book, _ = quiet(path)
    chance = random.Random(3)
    for _ in range(200):
        cost = chance.choice([None, Decimal(chance.randrange(10**9)).scaleb(-12)])
        exact = cost is not None and chance.random() < 0.9
        book.record(replace(ENTRY, time=NOW + chance.uniform(0, 9000), cost=cost, exact=exact))
    with closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM calls WHERE id % 7 = 0")
        db.commit()
    for start, end in [(NOW, NOW + 900), (NOW + 1800, NOW + 9900), (NOW + 90000, NOW + 99000)]:
        inside = [row for row in rows(path) if start <= row["time"] < end]
        cost = Decimal(sum(row["cost"] or 0 for row in inside)).scaleb(-12)
        unknown = sum(not row["exact"] for row in inside)
        assert book.spent([(start, end)]).unwrap() == (Spent(cost, unknown),)


# ---- many at once ------------------------------------------------------------------------------

WRITER = """
import sys
sys.path[:0] = {path!r}
from decimal import Decimal
from loki.edge.ledger.writer import Ledger
from loki.usage import Usage
from loki.stages.account import Entry
book = Ledger(sys.argv[1], lambda words: sys.stderr.write(words + chr(10)) and None)
for number in range({rows}):
    name = sys.argv[2] + "/" + str(number)
    entry = Entry(1795368600.0 + number, "c", "m", "chat", name, Usage(), Decimal(1), True, 1, 1,
                  "ok", None)
    book.record(entry)
    sys.stdout.write(name + "\\n")
    sys.stdout.flush()
"""


def start_writer(path: Path, name: str, rows: int) -> subprocess.Popen[str]:
    """Start a process that writes rows and prints the tag of each after writing it."""
    code = WRITER.format(path=sys.path, rows=rows)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path), name],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def recorded_tags(process: subprocess.Popen[str], kill_at: int) -> list[str]:
    """Return the tags that a process printed; it is killed after some number of them."""
    lines = []
    with process:
        assert process.stdout and process.stderr
        for line in process.stdout:
            lines.append(line)
            if len(lines) == kill_at:
                process.kill()
        assert process.stderr.read() == ""
    return [line.strip() for line in lines if line.endswith("\n")]


def test_sixteen_processes_write_and_some_are_killed_and_no_line_is_lost(path: Path) -> None:
    processes = [start_writer(path, str(i), 500) for i in range(16)]
    kills = [100 if i % 3 == 0 else 0 for i in range(16)]
    with ThreadPoolExecutor(16) as pool:
        finished = [tag for tags in pool.map(recorded_tags, processes, kills) for tag in tags]
    assert [process.returncode for process in processes] == [-9 if kill else 0 for kill in kills]
    assert check(path) == "ok"
    written = [row["tag"] for row in rows(path)]
    assert len(written) == len({*written}), "a line is there twice"
    assert {*finished} <= {*written}, "a finished call has no line"
    assert len(written) - len(finished) <= 6, "more than was killed between writing and telling"
    assert {f"{i}/{n}" for i in range(16) if not kills[i] for n in range(500)} <= {*written}
    assert Ledger(str(path)).spent([(NOW, NOW + 900)]).unwrap()[0].cost == len(written)


def test_threads_share_a_ledger(path: Path) -> None:
    book, message = quiet(path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(book.record, [ENTRY] * 400))
    assert (len(rows(path)), message) == (400, [])


def test_a_forked_process_opens_its_own(path: Path) -> None:
    book, message = quiet(path)
    book.record(ENTRY)
    child = os.fork()
    if not child:  # pragma: no cover - in the child
        book.record(replace(ENTRY, tag="child"))
        os._exit(0)
    os.waitpid(child, 0)
    book.record(replace(ENTRY, tag="parent"))
    assert [row["tag"] for row in rows(path)] == ["t", "child", "parent"]
    assert (check(path), message) == ("ok", [])


def test_a_ledger_that_nobody_has_any_more_is_closed(path: Path) -> None:
    """As many as there are calls of open_env in a long-lived program."""
    Ledger(str(path)).record(ENTRY)
    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    for _ in range(5):
        Ledger(str(path)).record(ENTRY)
    gc.collect()
    if before:
        assert len(os.listdir("/proc/self/fd")) <= before
    assert len(rows(path)) == 6


# ---- trouble -----------------------------------------------------------------------------------


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lock the ledger against other writers for the block."""
    with closing(sqlite3.connect(path, check_same_thread=False, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("COMMIT")


def test_a_locked_ledger_is_waited_for(path: Path) -> None:
    book, message = quiet(path)
    book.record(ENTRY)
    with locked(path):
        thread = threading.Thread(target=book.record, args=(ENTRY,))
        thread.start()
        time.sleep(0.3)
        assert len(rows(path)) == 1
    thread.join()
    assert (len(rows(path)), message) == (2, [])


def test_a_ledger_that_stays_locked_is_a_warning_said_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_TIMEOUT", 0.1)
    book, message = quiet(path)
    book.record(ENTRY)
    book.close()
    with locked(path):
        book.record(ENTRY)
        book.record(ENTRY)
    assert message == [f"this call is not in the ledger: {path}: database is locked"]
    book.record(ENTRY)
    assert len(rows(path)) == 2


def test_a_ledger_in_an_impossible_place_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place, words in [
        (tmp_path / "file" / "ledger.db", "not a directory"),
        (tmp_path, "unable to open database file"),
        (Path("/proc/nowhere/ledger.db"), "no such file or directory"),
    ]:
        book, message = quiet(place)
        book.record(ENTRY)
        assert message == [f"this call is not in the ledger: {place}: {words}"]


def test_a_full_disk_is_a_warning_and_leaves_a_sound_ledger(path: Path) -> None:
    """A limit on the size of files fails writes as a full disk does."""
    book, _ = quiet(path)
    book.record(ENTRY)
    book.close()
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))\n"
    code = limit + WRITER.format(path=sys.path, rows=200)
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), "x"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0
    (warning,) = done.stderr.splitlines()
    assert warning.startswith(f"this call is not in the ledger: {path}: d")
    assert check(path) == "ok"
    count = len(rows(path))
    assert 1 < count < 200
    Ledger(str(path)).record(ENTRY)
    assert len(rows(path)) == count + 1


TAILS = ("-wal", "-shm")


def damage_head(path: Path) -> None:
    path.write_bytes(b"something else entirely\n" * 1000)


def damage_pages(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))


@pytest.mark.parametrize("damage", [damage_head, damage_pages])
def test_a_damaged_ledger_is_set_aside_and_a_new_one_begins(path: Path, damage: Any) -> None:
    Ledger(str(path)).record(ENTRY)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for tail in TAILS:
        Path(f"{path}{tail}").unlink(missing_ok=True)
    damage(path)
    before = path.read_bytes()
    book, message = quiet(path)
    book.record(replace(ENTRY, tag="new"))
    book.record(replace(ENTRY, tag="newer"))
    (aside,) = (each for each in path.parent.glob("*.damaged-*") if each.name[-4:] not in TAILS)
    assert aside.read_bytes() == before
    assert [row["tag"] for row in rows(path)] == ["new", "newer"]
    assert len(message) == 1 and str(aside) in message[0]


def test_another_programs_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")
    before = path.read_bytes()
    book, message = quiet(path)
    book.record(ENTRY)
    assert message == [f"this call is not in the ledger: {path} is another program's database"]
    assert path.read_bytes() == before


def test_a_newer_ledger_is_left_alone(path: Path) -> None:
    Ledger(str(path)).record(ENTRY)
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    book, message = quiet(path)
    book.record(ENTRY)
    assert len(message) == 1 and "is of a newer loki" in message[0]
    assert len(rows(path)) == 1


def test_a_ledger_that_was_deleted_begins_anew(path: Path) -> None:
    book, message = quiet(path)
    book.record(ENTRY)
    for file in path.parent.iterdir():
        file.unlink()
    book.record(replace(ENTRY, tag="new"))
    assert ([row["tag"] for row in rows(path)], message) == (["new"], [])


def test_a_clock_that_is_turned_back_changes_nothing(path: Path) -> None:
    book, message = quiet(path)
    for time_ in (NOW, NOW - 1e6, 0.0, -5.0):
        book.record(replace(ENTRY, time=time_))
    assert ([row["time"] for row in rows(path)], message) == ([NOW, NOW - 1e6, 0.0, -5.0], [])


# ---- signals -----------------------------------------------------------------------------------

INTERRUPTED = """
import sys
sys.path[:0] = {path!r}
from decimal import Decimal
from loki.edge.ledger.writer import Ledger
from loki.usage import Usage
from loki.stages.account import Entry
from loki.cli.main import catch_signals
catch_signals()
sys.stdout.write("ready\\n")
sys.stdout.flush()
try:
    Ledger(sys.argv[1]).record(
        Entry(0.0, "c", "m", "chat", "kept", Usage(), None, False, 1, 1, "ok", None))
    sys.stdout.write("went on\\n")
except BaseException as error:
    sys.stdout.write(type(error).__name__ + "\\n")
"""


@pytest.mark.parametrize(
    ("number", "end"), [(signal.SIGINT, "KeyboardInterrupt"), (signal.SIGTERM, "SystemExit")]
)
def test_a_signal_waits_for_the_line(path: Path, number: int, end: str) -> None:
    """The process is held on its way to writing, by a lock, when the signal comes."""
    path.parent.mkdir()
    with locked(path):
        process = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTED.format(path=sys.path), str(path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout and process.stdout.readline() == "ready\n"
        time.sleep(0.3)
        process.send_signal(number)
        time.sleep(0.2)
        assert process.poll() is None
    assert process.communicate(timeout=10)[0] == f"{end}\n"
    assert [row["tag"] for row in rows(path)] == ["kept"]


def interrupt_at(number: int) -> Callable[[FrameType, str, Any], Any]:
    """Return what raises KeyboardInterrupt at a line of the ledger's code, counted as they run."""
    left = number

    def watch(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal left
        if "/edge/ledger/" not in frame.f_code.co_filename or left < 0:
            return None
        left -= event == "line" and frame.f_code.co_name not in ("record", "__init__")
        if left < 0:
            sys.settrace(None)
            raise KeyboardInterrupt
        return watch

    return watch


def test_a_line_is_written_once_wherever_a_signal_strikes(tmp_path: Path) -> None:
    for number in range(1000):
        path = tmp_path / str(number) / "ledger.db"
        book, message = quiet(path)
        before = sys.gettrace()
        sys.settrace(interrupt_at(number))
        try:
            book.record(ENTRY)
            break  # the writing has fewer lines
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        assert ([row["tag"] for row in rows(path)], message) == (["t"], []), number
    assert 40 < number < 1000


def test_signals_are_as_they_were_afterwards(path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    Ledger(str(path)).record(ENTRY)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_the_path_is_of_the_state_folder_or_as_told(tmp_path: Path) -> None:
    assert writer.ledger_path({"LOKI_STATE_DIR": "/s"}) == "/s/ledger.db"
    assert writer.ledger_path({"LOKI_STATE_DIR": "/s", "LOKI_LEDGER": "/l.db"}) == "/l.db"
    assert isinstance(Ledger(str(tmp_path / "x")).spent([(0.0, 1.0)]), Success)


# ---- one-shot use --------------------------------------------------------------------------------

ONE_BY_ONE = """
import os, sys
from loki.edge.ledger.writer import Ledger
from loki.stages.account import Entry
from loki.usage import Usage
path, largest = sys.argv[1], 0
for number in range(1000):
    if not os.fork():  # every call is a process of its own, and ends at once
        try:
            usage = Usage(10, 2)
            entry = Entry(number, "c", "m", "chat", "t", usage, None, False, 1.5, 1, "ok", "r")
            ledger = Ledger(path)  # which stays open: to close it would empty the log
            ledger.record(entry)
        finally:
            os._exit(0)
    os.wait()
    largest = max(largest, os.path.getsize(path + "-wal"))
print(largest)
"""


def test_the_log_stays_small_though_a_thousand_calls_are_processes_of_their_own(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ONE_BY_ONE, str(path)], capture_output=True, text=True, check=True
    )
    assert len(rows(path)) == 1000 and check(path) == "ok"
    assert int(done.stdout) < 2_000_000


def test_the_log_stays_small_though_one_process_writes_a_thousand_lines(path: Path) -> None:
    book, message = quiet(path)
    largest = 0
    for number in range(1000):
        book.record(replace(ENTRY, time=NOW + number))
        largest = max(largest, os.path.getsize(f"{path}-wal"))
    assert (len(rows(path)), check(path), message) == (1000, "ok", [])
    assert largest < 2_000_000
