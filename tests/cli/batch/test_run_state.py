"""The summary of a run: what it cost, and that an unknown price is never nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import Done, Home
from servers import Asked, Script, plain, reply, serving

PRICED = "input_price: 1\noutput_price: 2"  # 0.00002 dollars an answer of tests/servers.py


def run(home: Home, script: Any, model: str, rows: int, *words: str) -> tuple[Done, Any]:
    """Run some rows; return the command's end and its summary."""
    path = home.folder / "in"
    path.write_text("".join(f'{{"id": {n}, "prompt": "p{n}"}}\n' for n in range(rows)))
    summary = home.folder / "summary.json"
    with serving(script) as server:
        home.local(server.address, model)
        done = home.run(
            "-m", "local:m", str(path), "--summary", str(summary), *words, prog="loki-batch"
        )
    return done, json.loads(summary.read_text())


@pytest.mark.parametrize(
    ("model", "cost", "at_least", "unknown", "words"),
    [
        ("", None, 0.0, 3, "≥ $0 (3 of unknown cost)"),
        (PRICED, 0.00006, 0.00006, 0, "$0.00006"),
        ("input_price: 0\noutput_price: 0", 0.0, 0.0, 0, "$0"),
    ],
)
def test_a_price_that_nobody_knows_makes_the_sum_unknown(
    home: Home, model: str, cost: float | None, at_least: float, unknown: int, words: str
) -> None:
    done, result = run(home, plain(reply()), model, 3)
    assert done.code == 0 and result["good"] == 3
    assert (result["cost"], result["cost_at_least"], result["unknown_costs"]) == (
        cost,
        at_least,
        unknown,
    )
    assert done.err.rstrip().endswith(f" · {words}"), done.err
    assert [row["cost"] for row in done.lines] == [None if unknown else 0.00002 * bool(cost)] * 3


def test_answers_that_were_cut_off_are_counted(home: Home) -> None:
    def script(asked: Asked) -> Script:
        return plain(reply(finish="length" if b"p1" in asked.body else "stop"))

    done, result = run(home, script, PRICED, 3)
    assert done.code == 0 and result["good"] == 3
    assert "3 answered (1 cut off at the limit of length) · " in done.err


def test_rows_of_unknown_cost_are_told_beside_what_is_known(home: Home) -> None:
    def script(asked: Asked) -> Script:
        bare = {**reply(), "usage": {}}
        return plain(bare if b"p1" in asked.body else reply())

    done, result = run(home, script, PRICED, 3)
    assert done.code == 0
    assert (result["cost"], result["cost_at_least"], result["unknown_costs"]) == (None, 0.00004, 1)
    assert "≥ $0.00004 (1 of unknown cost)" in done.err


def test_the_summary_counts_what_came_of_every_row(home: Home) -> None:
    def script(asked: Asked) -> Script:
        bad = plain({"error": {"message": "No."}}, 400)
        return bad if b"p1" in asked.body else plain(reply())

    done, result = run(home, script, PRICED, 3)
    assert done.code == 1
    assert (result["good"], result["failed"], result["ended"]) == (2, {"input": 1}, None)
    assert result["left"] == 0
    assert (result["usage"]["input"], result["usage"]["output"]) == (20, 10)
    assert result["cost"] == 0.00004 and result["unknown_costs"] == 0


def test_a_failure_that_every_row_would_meet_ends_the_run(home: Home) -> None:
    script = plain({"error": {"message": "Who are you?"}}, 401)
    done, result = run(home, script, PRICED, 40, "-j", "1")
    assert done.code == 77 and result["ended"] == "auth" and result["good"] == 0
    assert done.out == "" and "ended early (auth); to go on once the key is mended: " in done.err
    assert result["left"] == 40


def test_a_run_that_goes_on_skips_what_was_answered(home: Home) -> None:
    out: Path = home.folder / "out"
    first = run(home, plain(reply()), PRICED, 2, "-o", str(out))[1]
    assert (first["good"], first["skipped"]) == (2, 0)
    done, result = run(home, plain(reply()), PRICED, 3, "-o", str(out))
    assert (result["good"], result["skipped"]) == (1, 2) and "2 answered before" in done.err
    assert len(out.read_text().splitlines()) == 3


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_rows_that_are_asked_otherwise_than_before_are_announced(home: Home, suffix: str) -> None:
    out = str(home.folder / f"out{suffix}")
    again = "line 1 was asked before with another id, model, prompt or setting"
    assert again not in run(home, plain(reply()), PRICED, 3, "-o", out)[0].err
    assert again not in run(home, plain(reply()), PRICED, 4, "-o", out)[0].err
    done, summary = run(home, plain(reply()), PRICED, 3, "-o", out, "--max-tokens", "9")
    assert again in done.err and done.err.count("asked before with") == 1
    assert (summary["good"], summary["skipped"]) == (3, 0)
