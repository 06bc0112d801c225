"""How far a run is: a line a minute where nobody watches, and what the line says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from returns.result import Failure, Result, Success

from loki.batch.rows import InvalidRow
from loki.cli.batch.run_state import RunState
from loki.cli.console import Console
from loki.cli.progress import INTERVAL, position, print_each_minute, progress
from loki.edge.batch.input import open_source
from loki.edge.batch.output import open_output
from loki.problems import Problem
from loki.redaction.redactor import Redactor

NO = Problem("input", "no")
USAGE = {"input": 1000, "output": 500, "cache_read": None, "cache_write": None, "reasoning": None}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunState]:
    """A run that writes into a file."""
    with open_output(str(tmp_path / "out"), "") as found:
        out = found.unwrap()
        yield RunState(out, 4, "local:m", Redactor())
        out.file.close()


def take(run: RunState, *results: Result[Any, Problem]) -> None:
    """Let a run take some results."""
    run.add([(InvalidRow(n, n, NO), result) for n, result in enumerate(results, 1)])


def good(cost: float | None) -> Result[Any, Problem]:
    """Return a row that was answered."""
    return Success({"text": "Hi", "usage": USAGE, "cost": cost})


def parts(run: RunState, rows: int | None) -> list[str]:
    """Return what the line of a run says, in its parts."""
    return position(run, rows).split(" · ")


def test_a_run_that_has_just_begun_says_so(run: RunState) -> None:
    assert parts(run, 1200) == ["0 of 1,200 rows", "0.0 rows/s", "0 tokens/s", "$0"]
    assert parts(run, None)[0] == "0 rows"


def test_failures_are_told_by_their_kinds_the_most_first(run: RunState) -> None:
    busy = Failure(Problem("busy", "later", status=429))
    take(run, good(0.5), Failure(NO), busy, busy)
    found = parts(run, 10)
    assert found[0] == "4 of 10 rows" and "2 busy, 1 input failed" in found
    assert "$0.5" in found and found[-1].startswith("until ")


def test_a_cost_that_nobody_knows_is_told_beside_what_is_known(run: RunState) -> None:
    take(run, good(0.5), good(None))
    assert "≥ $0.5 (1 of unknown cost)" in parts(run, None)


def test_rows_that_were_answered_before_are_not_to_be_done(run: RunState) -> None:
    run.skipped = 7
    assert parts(run, 10)[0] == "0 of 3 rows"


def console() -> Console:
    """Return the console of a command on the streams of this test."""
    return Console("loki-batch", sys.stdout, sys.stderr)


def test_without_a_terminal_there_is_a_line_a_minute(
    run: RunState, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    tick = print_each_minute(console(), run, 10, lambda: now[0])
    messages = []
    for seconds in (
        0.0,
        INTERVAL - 1,
        INTERVAL,
        INTERVAL + 1,
        2 * INTERVAL - 1,
        2 * INTERVAL,
        9 * INTERVAL,
    ):
        now[0] = seconds
        tick()
        messages.append(len(capsys.readouterr().err.splitlines()))
    assert messages == [0, 0, 1, 0, 0, 1, 1]


def test_a_line_names_the_program(run: RunState, capsys: pytest.CaptureFixture[str]) -> None:
    now = iter([0.0, INTERVAL, INTERVAL])
    print_each_minute(console(), run, 10, lambda: next(now))()
    assert capsys.readouterr().err.startswith("loki-batch: 0 of 10 rows · ")


def test_a_quiet_run_says_nothing(
    run: RunState, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").write_text("a\n")
    lines = open_source(str(tmp_path / "in"), "lines").unwrap()
    quiet = console()
    quiet.is_quiet = True
    with progress(quiet, run, lines, SimpleQueue()) as tick:
        tick()
    list(lines.lines)  # which closes the file
    assert capsys.readouterr().err == ""
