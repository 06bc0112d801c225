"""How a run ends: for people, for programs, and its exit code."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from bulk import bulk_server
from commands import Home
from returns.result import Failure

from loki.batch.rows import InvalidRow
from loki.cli.batch.end import report_end
from loki.cli.batch.run_state import RunState
from loki.cli.batch.stop_reason import StopReason
from loki.cli.console import Console
from loki.edge.batch.output import open_output
from loki.problems import Kind, Problem
from loki.redaction.redactor import Redactor


@pytest.mark.parametrize(
    ("kind", "reason", "code", "ended", "advice"),
    [
        (None, "", 0, None, None),
        (None, "SIGTERM", 143, "SIGTERM", "ended early (SIGTERM); to go on: loki-batch"),
        (None, "SIGINT", 130, "SIGINT", "ended early (Ctrl-C); to go on: loki-batch"),
        (None, "--max-time", 75, "--max-time", "ended early (--max-time); to go on: loki-batch"),
        ("auth", "auth", 77, "auth", "(auth); to go on once the key is mended: loki-batch"),
        ("quota", "quota", 81, "quota", "to go on once the account has credit: loki-batch"),
        ("busy", "", 75, "busy", "ended early (busy); to go on: loki-batch"),
    ],
)
def test_an_end_says_why_and_how_to_go_on(
    tmp_path: Path, kind: Kind | None, reason: str, code: int, ended: str | None, advice: str | None
) -> None:
    err, summary, stop = io.StringIO(), tmp_path / "summary", StopReason()
    console = Console("loki-batch", sys.stdout, err)
    with open_output(str(tmp_path / "out"), "") as opened:
        run = RunState(opened.unwrap(), 4, "local:m", Redactor())
        run.fatal = kind and Problem(kind, "No.")
        if reason:
            stop.set(reason)
        assert report_end(console, str(summary), run, stop, 7) == code
        run.out.file.close()
    parsed = json.loads(summary.read_text())
    assert (parsed["ended"], parsed["left"]) == (ended, 7)
    assert (advice or "answered") in err.getvalue() and ("ended" in err.getvalue()) == bool(advice)


@pytest.mark.parametrize("is_piped", [True, False])
def test_rows_that_were_piped_must_be_piped_again(tmp_path: Path, is_piped: bool) -> None:
    err, stop = io.StringIO(), StopReason()
    with open_output(str(tmp_path / "out"), "") as opened:
        run = RunState(opened.unwrap(), 4, "local:m", Redactor())
        stop.set("--max-time")
        report_end(Console("loki-batch", sys.stdout, err), None, run, stop, 7, is_piped)
        run.out.file.close()
    line = err.getvalue().splitlines()[-1]
    assert line.endswith(" < INPUT (the same rows again)") == is_piped


def test_an_end_says_why_the_last_row_failed(tmp_path: Path) -> None:
    err = io.StringIO()
    with open_output(str(tmp_path / "out"), "") as opened:
        run = RunState(opened.unwrap(), 4, "local:m", Redactor())
        down = Failure(Problem("offline", "no connection to a.example:\nrefused"))
        run.add([(InvalidRow(1, 1, Problem("input", "")), down)])
        assert report_end(Console("loki-batch", sys.stdout, err), None, run, StopReason(), 0) == 1
        run.out.file.close()
    first, second = err.getvalue().splitlines()
    assert first == (
        "loki-batch: the last row that failed: offline: no connection to a.example: refused"
    )
    assert "1 failed (1 offline)" in second


@pytest.mark.parametrize(
    ("more", "words"),
    [("", []), ("", ["-q"]), ("{\n", [])],  # a row that fails does not end the run early
)
def test_an_output_that_cannot_be_sorted_is_an_output_that_cannot_be_written(
    home: Home, more: str, words: list[str]
) -> None:
    """Its name leaves no room for that of the file in which it is sorted."""
    rows, out = home.folder / "in", home.folder / ("o" * 248)
    rows.write_text('{"prompt": "a"}\n{"prompt": "b"}\n')
    with bulk_server() as server:
        home.local(server.address)
        call = [str(rows), "-o", str(out), "-m", "local:m"]
        assert home.run(*call, prog="loki-batch").code == 0
        mixed = "".join(sorted(out.read_text().splitlines(keepends=True), key=line_of)[::-1])
        out.write_text(mixed)
        rows.write_text(rows.read_text() + more)
        done = home.run(*call, "--ordered", *words, prog="loki-batch")
    why = f"output: {out} is not in the order of the input yet: File name too long; the same"
    assert done.code == 74 and why in done.err, done.err
    assert out.read_text().startswith(mixed)


def line_of(row: str) -> int:
    """Return the line of the input that a row came from."""
    return int(json.loads(row)["line"])


def test_an_output_that_is_not_sorted_leaves_the_reason_that_ended_a_run_early(
    tmp_path: Path,
) -> None:
    err, stop = io.StringIO(), StopReason()
    with open_output(str(tmp_path / "out"), "") as opened:
        run = RunState(opened.unwrap(), 4, "local:m", Redactor())
        run.unsorted = Problem("output", "not in order")
        stop.set("SIGTERM")
        assert report_end(Console("loki-batch", sys.stdout, err), None, run, stop, 7) == 143
        run.out.file.close()
    assert "output: not in order" in err.getvalue()
