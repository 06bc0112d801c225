"""loki-batch: a busy server holds its own rows, for a while, and nobody else's."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from bulk import bulk_server
from commands import Done, Home
from returns.result import Result
from servers import plain, reply, serving

from loki.batch.rows import ReadyRow
from loki.cli.batch.command import make_bug_reporter
from loki.cli.batch.run import answer_row
from loki.json_text import JsonObject
from loki.problems import Problem
from loki.records import Ask
from loki.redaction.redactor import Redactor

BUSY = {"error": {"message": "Slow down."}}


def clients(home: Home, *addresses: str) -> None:
    """Configure a client for each address: a, b, …"""
    each = (
        "  - type: openai-compatible\n    name: {}\n    api_base: {}\n    models: [{{name: m}}]\n"
    )
    result = "".join(each.format(*pair) for pair in zip("abc", addresses, strict=False))
    home.configure("clients:\n" + result)


def batch(home: Home, rows: list[Any], *words: str) -> tuple[Done, float]:
    """Run the command over some rows, and count the seconds."""
    path = home.folder / "in"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    started = time.monotonic()
    done = home.run("-m", "a:m", str(path), *words, prog="loki-batch")
    return done, time.monotonic() - started


def alternating(rows: int) -> list[Any]:
    """Return rows of two models of two clients in turn."""
    return [{"id": i, "prompt": "x", "model": f"{'ab'[i % 2]}:m"} for i in range(rows)]


# ---- a server that takes nothing -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "most", "seconds"),
    [
        (["--retries", "0", "--timeout", "5"], 1, 6),
        (["--retries", "2"], 3, 10),
        (["--retries", "99", "--timeout", "3"], 5, 8),
    ],
)
def test_a_row_whose_server_stays_busy_fails_within_its_own_retries_and_times(
    home: Home, words: list[str], most: int, seconds: float
) -> None:
    with serving(plain(BUSY, 429, "retry-after: 1\r\n")) as server:
        clients(home, server.address)
        done, took = batch(home, [{"id": 1, "prompt": "x"}], *words)
        seen = len(server.asked)
    assert done.code == 1 and done.lines[0]["error"]["kind"] == "busy"
    assert took < seconds and seen <= most
    assert "the server asks to wait 1 s" in done.lines[0]["error"]["message"]


def test_many_rows_of_a_server_that_stays_busy_all_fail(home: Home) -> None:
    with serving(plain(BUSY, 429)) as server:
        clients(home, server.address)
        rows = [{"id": i, "prompt": "x"} for i in range(40)]
        done, _ = batch(home, rows, "--retries", "0", "--timeout", "2")
    assert done.code == 1 and len(done.lines) == 40
    assert {row["error"]["kind"] for row in done.lines} == {"busy"}


def test_our_own_speed_makes_no_row_fail_though_none_may_be_retried(home: Home) -> None:
    with bulk_server(limit=20, latency=0.3) as server:
        clients(home, server.address)
        rows = [{"id": i, "prompt": "x"} for i in range(100)]
        done, _ = batch(home, rows, "-j", "32", "--retries", "0")
        assert server.counts["refused"] > 0
    assert done.code == 0 and len(done.lines) == 100, done.err


# ---- one model of two ----------------------------------------------------------------------------


def test_a_model_that_is_limited_holds_no_other_up(home: Home) -> None:
    with bulk_server(limit=5) as slow, bulk_server(latency=0.02) as quick:
        clients(home, slow.address, quick.address)
        path, out = home.folder / "in", home.folder / "out"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in alternating(200)))
        words = [str(path), "-o", str(out), "-q"]
        with home.start("-m", "a:m", *words, prog="loki-batch") as process:
            started = time.monotonic()
            while quick.counts["seen"] < 100 and time.monotonic() - started < 30:
                time.sleep(0.02)
            took, others = time.monotonic() - started, slow.counts["seen"]
            process.kill()
    assert took < 5 and others < 50  # alone it takes a second; the other one has most of its left


def test_both_models_are_done_in_the_end_each_row_once(home: Home) -> None:
    with bulk_server(limit=8) as slow, bulk_server() as quick:
        clients(home, slow.address, quick.address)
        done, _ = batch(home, alternating(60), "-j", "4")
        quick_ones = quick.counts
    assert done.code == 0 and sorted(row["id"] for row in done.lines) == list(range(60))
    assert quick_ones == {"seen": 30, "refused": 0}
    places = [i for i, row in enumerate(done.lines) if row["id"] % 2]
    assert sum(places) / 30 < 25  # those of the quick one stand first


def test_in_order_is_in_order_though_one_model_is_limited(home: Home) -> None:
    with bulk_server(limit=20) as slow, bulk_server() as quick:
        clients(home, slow.address, quick.address)
        done, _ = batch(home, alternating(60), "-j", "4", "--ordered")
    assert done.code == 0 and [row["id"] for row in done.lines] == list(range(60))


# ---- a wait that is too long ---------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["--ordered"]])
def test_a_wait_that_is_too_long_ends_the_run_and_fails_no_row(
    home: Home, words: list[str]
) -> None:
    with serving(plain(BUSY, 429, "retry-after: 120\r\n")) as server:
        clients(home, server.address)
        out = home.folder / "out"
        rows = [{"id": i, "prompt": "x"} for i in range(1000)]
        done, _ = batch(home, rows, "-o", str(out), *words)
        seen = len(server.asked)
    assert done.code == 75 and out.read_text() == "" and seen <= 16
    assert "a:m: Slow down. (the server asks to wait 120 s, until " in done.err
    assert "ended early (busy); to go on: loki-batch -m a:m" in done.err


def test_a_wait_that_is_too_long_lets_the_rows_of_others_run_first(home: Home) -> None:
    with serving(plain(BUSY, 429, "retry-after: 120\r\n")) as server, bulk_server() as quick:
        clients(home, server.address, quick.address)
        out = home.folder / "out"
        done, _ = batch(home, alternating(200), "-o", str(out), "-j", "4")
        parsed = [json.loads(line) for line in out.read_text().splitlines()]
    assert done.code == 75 and sorted(row["id"] for row in parsed) == list(range(1, 200, 2))
    with serving(plain(reply())) as server:
        clients(home, server.address, server.address)
        again, _ = batch(home, alternating(200), "-o", str(out))
    assert again.code == 0 and "100 answered before" in again.err
    assert len(out.read_text().splitlines()) == 200


# ---- one hostile row -----------------------------------------------------------------------------

LETTER = "\N{LATIN SMALL LETTER E WITH ACUTE}"
HOSTILE: dict[str, Any] = {
    "image": {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{LETTER}"}},
    "sound": {"type": "input_audio", "input_audio": {"data": LETTER, "format": "wav"}},
}
ODD: dict[str, Any] = {
    **{name: {"messages": [{"role": "user", "content": [part]}]} for name, part in HOSTILE.items()},
    "nul": {"prompt": "x", "files": ["a\0b"]},
    "half": {"prompt": "x", "files": ["\ud800"]},
    "number": {"prompt": "x", "files": 5},
    "text": {"prompt": "x", "files": "in"},
    "stdin": {"prompt": "x", "files": ["-"]},
    "surrogates": {"id": "\ud800", "prompt": "\ud800", "files": ["/nowhere"]},
}


@pytest.mark.parametrize("name", ODD)
def test_one_hostile_row_is_one_error_row(home: Home, name: str, tmp_path: Path) -> None:
    home.environ["TMPDIR"] = str(tmp_path)  # where tracebacks go
    with bulk_server() as server:
        clients(home, server.address)
        rows = [{"id": "a", "prompt": "x"}, {"id": "bad", **ODD[name]}, {"id": "c", "prompt": "x"}]
        done, _ = batch(home, rows, "--ordered")
    assert done.code == 1 and len(done.lines) == 3, done.err
    assert done.lines[1]["error"]["kind"] in ("input", "missing", "bug")
    assert [row.get("text") for row in done.lines[::2]] == ["echo x", "echo x"]


def test_a_bug_of_ours_is_one_row_s_and_its_traceback_is_kept_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(row: ReadyRow) -> Result[JsonObject, Problem]:
        raise ZeroDivisionError(row.id)

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    keep = make_bug_reporter("loki-batch", Redactor())
    for number in (1, 2):
        job = ReadyRow(number, number, str(number), Ask())
        row, result = answer_row(lambda row: row, ask, keep, job)
        problem = result.failure()
        assert row is job and problem.kind == "bug" and problem.sent
        assert "ZeroDivisionError: 1; the traceback is in" in problem.message
    assert len([*tmp_path.glob("loki-batch-bug-*")]) == 1


def test_a_schema_that_refers_to_itself_for_ever_is_one_error_row(home: Home) -> None:
    endless = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}
    with serving(plain(reply("{}"))) as server:
        clients(home, server.address)
        rows = [
            {"id": i, "prompt": "x", **({"schema": endless} if i % 2 else {})} for i in range(6)
        ]
        done, _ = batch(home, rows, "--ordered")
    assert done.code == 1 and [row.get("text") for row in done.lines[::2]] == ["{}"] * 3, done.err
    assert all(row["error"]["kind"] == "input" for row in done.lines[1::2])


def test_no_column_of_a_table_is_a_file_or_a_setting(home: Home) -> None:
    with serving(plain(reply())) as server:
        clients(home, server.address)
        (home.folder / "secret").write_text("my secret")
        path = home.folder / "in.csv"
        path.write_text(f"id,text,files,system,schema,tools\n1,Hi,{home.folder}/secret,Be,{{,x\n")
        words = [str(path), "--csv", "--template", "{text}"]
        done = home.run("-m", "a:m", *words, prog="loki-batch")
    assert done.code == 0, done.out
    assert server.asked[0].json["messages"] == [{"role": "user", "content": "Hi"}]
