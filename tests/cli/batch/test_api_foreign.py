"""Batch jobs at a server that we did not write: whole runs, well and badly ended."""

from __future__ import annotations

import json

import pytest
from aimock import aimock, needed
from commands import Done, Home

pytestmark = needed

#: How jobs end there, our exit code, and the kinds of the rows' errors.
OUTCOMES = [
    ("completed", 0, [None, None]),
    ("failed", 1, ["input", "input"]),
    ("expired", 1, ["offline", "offline"]),
]


def jobs(home: Home, *words: str) -> Done:
    """The command."""
    path = home.folder / "in.jsonl"
    path.write_text("".join(json.dumps({"id": n, "prompt": f"P{n}"}) + "\n" for n in range(2)))
    out = str(home.folder / "out.jsonl")
    return home.run(
        "-m", "openai:m", "--batch-api", str(path), "-o", out, *words, prog="loki-batch"
    )


def configure(home: Home, address: str, endpoint: str = "") -> None:
    """Write a configuration whose client is there."""
    home.configure(
        f"clients:\n  - type: openai\n    api_key: k-of-ours\n    api_base: {address}/v1\n"
        "    models:\n      - name: m\n        input_price: 2\n        output_price: 8\n"
        f"        max_output_tokens: 9\n{endpoint}"
    )


@pytest.mark.parametrize(("outcome", "code", "kinds"), OUTCOMES)
def test_a_whole_run_at_a_foreign_server(
    home: Home, outcome: str, code: int, kinds: list[str | None]
) -> None:
    with aimock(home.folder, outcome) as server:
        configure(home, server.address)
        done = jobs(home, "--wait=60s", "--retries=0")
    assert done.code == code, done.err
    lines = [json.loads(line) for line in (home.folder / "out.jsonl").read_text().splitlines()]
    assert [(line.get("error") or {}).get("kind") for line in lines] == kinds
    if outcome == "completed":
        assert {line["text"] for line in lines} == {"Mock batch completion"}


def test_a_job_is_canceled_at_a_foreign_server(home: Home) -> None:
    with aimock(home.folder, "completed") as server:
        configure(home, server.address, "        endpoint: responses\n")
        assert jobs(home).code == 75
        done = jobs(home, "--cancel")
        assert done.code in (0, 75) and "failed" not in done.err
        assert jobs(home, "--wait=60s").code == 0, "the rows that were canceled go again"
