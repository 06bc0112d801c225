"""The journal on disk: private, torn lines cut off, damage left for a person to see."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from loki.batch.done_rows import row_identity
from loki.edge.batch.api.journal_file import open_journal, read_journal, rows_in_open_jobs

PLAN: dict[str, Any] = {
    "plan": "abcdefgh",
    "time": 1.0,
    "account": "h",
    "model": "openai:m",
    "kind": "openai",
    "n": 1,
}
LINES: list[dict[str, Any]] = [
    PLAN,
    {"rows": "abcdefgh", "items": [["k", "a", 1]]},
    {"intent": "abcdefgh", "time": 2.0},
]


def test_a_journal_is_read_as_it_was_written(tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    with open_journal(out) as opened:
        opened.unwrap().write(*LINES)
        assert opened.unwrap().journal.jobs["abcdefgh"].is_uncollected
    assert (tmp_path / "out.jobs").stat().st_mode & 0o777 == 0o600
    with open_journal(out) as opened:
        assert opened.unwrap().journal.jobs["abcdefgh"].is_uncollected
    assert row_identity("a", "k") in rows_in_open_jobs(out).unwrap()


def test_a_torn_line_is_cut_off_only_by_who_writes(tmp_path: Path) -> None:
    out, path = str(tmp_path / "out"), tmp_path / "out.jobs"
    with open_journal(out) as opened:
        opened.unwrap().write(*LINES)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"job": "abc')
    assert read_journal(out).unwrap().jobs["abcdefgh"].is_uncollected
    assert path.read_bytes() != whole, "a reader changes nothing"
    with open_journal(out) as opened:
        opened.unwrap().write({"job": "abcdefgh", "id": "b"})
    assert read_journal(out).unwrap().jobs["abcdefgh"].id == "b"


def test_damage_is_named_and_left(tmp_path: Path) -> None:
    out, path = str(tmp_path / "out"), tmp_path / "out.jobs"
    path.write_text("{}\nwhat?\n{}\n")
    os.chmod(path, 0o600)
    for found in (read_journal(out), rows_in_open_jobs(out)):
        assert found.failure().kind == "input" and "out.jobs:2: not a line" in (
            found.failure().message
        )
    with open_journal(out) as opened:
        assert "out.jobs:2" in opened.failure().message
    assert path.read_text() == "{}\nwhat?\n{}\n"


def test_what_anybody_can_write_is_not_believed(tmp_path: Path) -> None:
    out, path = str(tmp_path / "out"), tmp_path / "out.jobs"
    path.write_text("")
    os.chmod(path, 0o666)
    assert read_journal(out).failure().kind == "config"
    with open_journal(out) as opened:
        assert opened.failure().kind == "config"


def test_no_journal_is_made_where_none_is_wanted(tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    with open_journal(out, make=False) as opened:
        assert opened.failure().kind == "missing"
    assert not rows_in_open_jobs(out).unwrap().size and list(tmp_path.iterdir()) == []
    with open_journal(str(tmp_path / "no" / "out")) as opened:
        assert opened.failure().kind == "output"


def test_a_large_journal_of_refused_jobs_is_shortened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, path = str(tmp_path / "out"), tmp_path / "out.jobs"
    rows = [[f"k{n}", "a", 1] for n in range(500)]
    with open_journal(out) as opened:
        opened.unwrap().write(*LINES)
        for name in ("bbbbbbbb", "cccccccc"):
            refused = [{**PLAN, "plan": name}, {"rows": name, "items": rows}]
            opened.unwrap().write(*refused, {"dropped": name, "why": "refused"})
    long = path.stat().st_size
    with open_journal(out) as opened:
        assert path.stat().st_size == long, "a short one is left alone"
    monkeypatch.setattr("loki.edge.batch.api.journal_file.LARGE", 100)
    with open_journal(out) as opened:
        opened.unwrap().write({"job": "abcdefgh", "id": "b"})
    assert path.stat().st_size < long / 4 and path.stat().st_mode & 0o777 == 0o600
    jobs = read_journal(out).unwrap().jobs
    assert jobs["abcdefgh"].id == "b" and jobs["bbbbbbbb"].dropped == "refused"
