"""A run that is left at once, or killed: what was paid for is in its output and in the ledger."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from commands import Home
from servers import Asked, Script, Server, plain, reply, serving

PRICED = "input_price: 1\noutput_price: 2"


def write(home: Home, rows: int) -> Path:
    """Write rows of which the first is slow."""
    path = home.folder / "in"
    texts = ["slow", *(f"p{number}" for number in range(1, rows))]
    lines = (json.dumps({"id": text, "prompt": text}) for text in texts)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so, for a minute at most."""
    end = time.monotonic() + 60
    while not is_so() and time.monotonic() < end:
        time.sleep(0.02)
    assert is_so()


def ids(path: Path) -> list[str]:
    """The ids of an output, in its order."""
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def outcomes(home: Home) -> list[str]:
    """The outcomes of the calls in the ledger, which may not be there yet."""
    with sqlite3.connect(home.folder / "ledger.db") as db, suppress(sqlite3.OperationalError):
        return sorted(row[0] for row in db.execute("SELECT outcome FROM calls"))
    return []


def signal_twice(process: subprocess.Popen[bytes]) -> tuple[str, str]:
    """Send SIGTERM, once more when the first was noticed; return stdout and stderr."""
    assert process.stderr is not None
    process.send_signal(signal.SIGTERM)
    first = process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    return out.decode(), (first + err).decode()


class SlowFirst:
    """A server that answers at once, but for a row that waits until it may be answered."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()

    def __call__(self, asked: Asked) -> Script:
        if b"slow" in asked.body:
            self.may_answer.wait(60)
        return plain(reply())


@pytest.mark.parametrize("how", ["left", "killed"])
def test_answers_that_are_early_are_in_an_ordered_output_and_in_the_ledger(
    home: Home, how: str
) -> None:
    slow, out, rows = SlowFirst(), home.folder / "out", 60
    with serving(slow) as server:
        home.local(server.address, PRICED)
        words = ["-m", "local:m", str(write(home, rows)), "-o", str(out), "--ordered", "-j", "4"]
        with home.start(*words, prog="loki-batch") as process:
            until(lambda: out.exists() and out.read_bytes().count(b"\n") == rows - 1)
            if how == "killed":
                process.kill()
            else:
                assert "59 answered" in signal_twice(process)[1]
        assert "slow" not in ids(out)
        assert outcomes(home) == ["interrupted"] * (how == "left") + ["ok"] * (rows - 1)
        check = home.run(*words, "--check", prog="loki-batch")
        assert check.out.startswith("1 left") and "59 answered before" in check.out
        slow.may_answer.set()
        done = home.run(*words, prog="loki-batch")
        assert done.code == 0 and "1 answered · 59 answered before" in done.err
        assert len(server.asked) == rows + 1
    assert ids(out) == ["slow", *(f"p{number}" for number in range(1, rows))]


def test_ordered_rows_for_a_pipe_are_written_where_the_run_is_left(home: Home) -> None:
    slow, rows = SlowFirst(), 8
    with serving(slow) as server:
        home.local(server.address, PRICED)
        words = ["-m", "local:m", str(write(home, 40)), "--ordered", "-j", "4"]
        with home.start(*words, prog="loki-batch") as process:
            until(lambda: len(server.asked) == rows)  # twice as many as are in flight
            until(lambda: outcomes(home) == ["ok"] * (rows - 1))  # booked before they are written
            out, err = signal_twice(process)
        slow.may_answer.set()
    assert process.returncode == 143
    assert [json.loads(line)["id"] for line in out.splitlines()] == [f"p{n}" for n in range(1, 8)]
    assert outcomes(home) == ["interrupted"] + ["ok"] * (rows - 1)
    assert "1 call cut off, which may have been billed; to go on: loki-batch" in err


def start_and_leave(home: Home, server: Server, *words: str) -> tuple[str, Any]:
    """Start a run, leave it with 5 answers in flight; return its stderr and its summary."""
    summary = home.folder / "summary"
    given = ["-m", "local:m", str(write(home, 40)), "-j", "5", "--summary", str(summary), *words]
    with home.start(*given, prog="loki-batch") as process:
        until(lambda: len(server.asked) == 8)
        _, err = signal_twice(process)
    assert process.returncode == 143
    return err, json.loads(summary.read_text())


def answering_three(over: threading.Event) -> Callable[[Asked], Script]:
    """Return what answers three rows at once, and all others when it is over."""

    def script(asked: Asked) -> Script:
        if asked.json["messages"][0]["content"] not in ("p1", "p2", "p3"):
            over.wait(60)
        return plain(reply())

    return script


@pytest.mark.parametrize(
    ("top", "words"), [("", []), ("", ["--no-ledger"]), ("budget:\n  per_day: 5\n", [])]
)
def test_calls_that_are_cut_off_are_in_the_ledger_and_in_the_summary(
    home: Home, top: str, words: list[str]
) -> None:
    over = threading.Event()
    with serving(answering_three(over)) as server:
        path = home.local(server.address, PRICED)
        path.write_text(top + path.read_text())
        err, summary = start_and_leave(home, server, *words)
        asked = len(server.asked)
        over.set()
    assert asked == 8
    assert (summary["good"], summary["left"], summary["ended"]) == (3, 37, "SIGTERM")
    assert (summary["cost"], summary["unknown_costs"]) == (None, 5)
    last = err.splitlines()[-1]
    assert "5 calls cut off, which may have been billed; to go on: loki-batch -m local:m" in last
    assert "$0.00006 (5 of unknown cost)" in err
    if not words:
        assert outcomes(home) == ["interrupted"] * 5 + ["ok"] * 3


def test_calls_within_a_budget_that_are_cut_off_are_written_once_and_count_at_their_worst(
    home: Home,
) -> None:
    over = threading.Event()
    with serving(answering_three(over)) as server:
        path = home.local(server.address, PRICED)
        path.write_text("budget:\n  per_day: 5\n" + path.read_text())
        start_and_leave(home, server, "--max-tokens", "100")
        over.set()
        assert home.run("-m", "local:m", "--max-tokens", "100", "Hi").code == 0  # ends what is lost
    assert outcomes(home) == ["interrupted"] * 5 + ["ok"] * 4
    with sqlite3.connect(home.folder / "ledger.db") as db:
        statement = "SELECT count(*), min(cost) FROM reserved WHERE expires IS NULL"
        kept = db.execute(statement).fetchone()
    assert kept[0] == 5 and kept[1] >= 100 * 2 * 10**6  # pico-dollars of 100 tokens


@pytest.mark.parametrize("is_left", [False, True])
@pytest.mark.parametrize("words", [["--ordered"], ["--ordered", "-o"], ["-o"]])
def test_of_a_row_whose_attachment_is_read_nothing_was_sent(
    home: Home, words: list[str], is_left: bool
) -> None:
    """A signal ends that, and loses no answer of the rows after it; another row is cut off."""
    over, path, summary = threading.Event(), home.folder / "in", home.folder / "summary"
    with serving([300.0]) as files, serving(answering_three(over)) as server:
        home.local(server.address, PRICED)
        rows = [{"prompt": "p", "files": [f"{files.address}/slow"]}]
        rows += [{"prompt": f"p{n}"} for n in range(1, 4 + is_left)]
        path.write_text("".join(json.dumps({"id": n, **row}) + "\n" for n, row in enumerate(rows)))
        given = ["-m", "local:m", str(path), "-j", "8", "--summary", str(summary), *words]
        given += [str(home.folder / "out")] * ("-o" in words)
        with home.start(*given, prog="loki-batch") as process:
            until(lambda: len(files.asked) == 1 and len(server.asked) == 3 + is_left)
            until(lambda: outcomes(home) == ["ok"] * 3)
            if is_left:
                out, err = signal_twice(process)
            else:
                process.send_signal(signal.SIGTERM)
                out, err = map(bytes.decode, process.communicate(timeout=30))
        over.set()
    lines = ((home.folder / "out").read_text() if "-o" in words else out).splitlines()
    assert sorted(json.loads(line)["id"] for line in lines) == [1, 2, 3]
    found = json.loads(summary.read_text())
    assert (found["left"], found["unknown_costs"]) == (1 + is_left, is_left)
    assert process.returncode == 143 and ("cut off" in err) == is_left, err
    assert outcomes(home) == ["interrupted"] * is_left + ["ok"] * 3
