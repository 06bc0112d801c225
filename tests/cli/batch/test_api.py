"""loki-batch --batch-api, the real command: recorded jobs, bad days, and its flags."""

from __future__ import annotations

import json
from typing import Any

import pytest
from batch_replay import CLIENTS, flow_params, flows, replay_config, replaying, rows_of
from commands import Done, Home


def write_rows(home: Home, count: int, **more: Any) -> str:
    """Write an input of some rows; return its path."""
    path = home.folder / "in.jsonl"
    lines = ({"id": f"id-{n}", "prompt": f"P{n}", **more} for n in range(count))
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def jobs(home: Home, model: str, *words: str, rows: bool = True) -> Done:
    """The command."""
    given = [str(home.folder / "in.jsonl")] if rows else []
    out = str(home.folder / "out.jsonl")
    return home.run("-m", model, "--batch-api", *given, "-o", out, *words, prog="loki-batch")


def read(home: Home) -> list[Any]:
    """The rows of the output, in the order of the input."""
    path = home.folder / "out.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return sorted(lines, key=lambda line: line["line"])


# ---- recorded jobs -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", flow_params("results"))
def test_a_recorded_job_comes_out_as_it_was(home: Home, name: str) -> None:
    check_replay(home, name)


@pytest.mark.parametrize("name", flow_params("create", "poll"))
def test_a_recorded_job_with_answers_in_itself_comes_out_as_it_was(home: Home, name: str) -> None:
    if rows_of(flows()[name]):
        check_replay(home, name)


def check_replay(home: Home, name: str) -> None:
    """See that the rows of a recorded job have its words, tokens and costs."""
    steps, expected = flows()[name], rows_of(flows()[name])
    with replaying(name) as (_, server):
        home.configure(replay_config(steps, server.address))
        write_rows(home, len(expected))
        done = jobs(home, f"{CLIENTS[steps[0]['provider']][2]}:m", "--wait=60s", "--retries=0")
    assert done.code == int(any(not row["ok"] for row in expected)), done.err
    lines = read(home)
    assert [line["id"] for line in lines] == [f"id-{n}" for n in range(len(expected))]
    for line, row in zip(lines, expected, strict=True):
        assert ("error" not in line) == row["ok"] and line["tier"] == "batch"
        if row["ok"]:
            check_row(line, row)


def check_row(line: Any, row: Any) -> None:
    """See that a row has the words, the tokens and the cost that were recorded."""
    usage = line["usage"]
    assert line["text"].startswith(row["text"][:30]), row
    assert (usage["input"], usage["output"]) == (row["usage_in"], row["usage_out"])
    assert usage["reasoning"] == (row.get("reasoning") or usage["reasoning"])
    if row.get("billed"):
        assert line["cost"] == row["billed"] / 10**10
    else:
        assert line["cost"] == pytest.approx((row["usage_in"] * 2 + row["usage_out"] * 8) / 2e6)
    assert line["seconds"] is None and line["attempts"] is None


@pytest.mark.parametrize("name", flow_params("create", "cancel"))
def test_a_recorded_cancellation_is_waited_for(home: Home, name: str) -> None:
    steps = flows()[name]
    with replaying(name) as (_, server):
        home.configure(replay_config(steps, server.address))
        write_rows(home, 1)
        model = f"{CLIENTS[steps[0]['provider']][2]}:m"
        assert jobs(home, model).code == 75
        done = jobs(home, model, "--cancel", rows=False)
    assert done.code == 75 and "cancel" in done.err and read(home) == []
