"""Rows on their way: split into jobs, within what may be spent, each paid request sent once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from batch_visits import COST, Place, small
from fake_batches import provider

from loki.batch.api.sites import PROTOCOLS

#: What a row of two tokens ("p0") can cost at most: 100 tokens out at half of 8 dollars a million.
WORST = Decimal("0.000402")


def test_rows_are_split_at_what_a_provider_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch, "openai", 2)
    with provider("openai") as (fake, server):
        place = Place(tmp_path, "openai", 5)
        place.configure(server)
        assert place.visit().submitted == 5
        assert [len(job.rows) for job in fake.jobs.values()] == [2, 2, 1]


def test_a_row_that_no_job_takes_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROTOCOLS, "openai", PROTOCOLS["openai"]._replace(max_bytes=100))
    with provider("openai") as (fake, server):
        place = Place(tmp_path, "openai", 1)
        place.configure(server)
        assert place.visit().code == 1 and fake.calls == []
        assert "a job of openai:m at most 0" in place.lines()[0]["error"]["message"]


def test_rows_are_split_at_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROTOCOLS, "openai", PROTOCOLS["openai"]._replace(max_bytes=450))
    with provider("openai") as (fake, server):
        place = Place(tmp_path, "openai", 5)
        place.configure(server)
        place.visit()
        assert sum(len(job.rows) for job in fake.jobs.values()) == 5
        assert all(len(data) <= 450 * 0.95 + 10 for name, data in fake.files.items())


@pytest.mark.parametrize(("limit", "sent"), [("0", 0), ("0.0010", 2), ("0.01", 4)])
def test_max_cost_counts_what_is_out(tmp_path: Path, limit: str, sent: int) -> None:
    with provider("openai", polls=1) as (fake, server):
        place = Place(tmp_path, "openai", 4)
        place.configure(server)
        result = place.visit(max_cost=Decimal(limit))
        assert (result.submitted, result.left) == (sent, 4 - sent)
        assert result.code == (75 if sent == 4 else 80)
        again = place.visit(max_cost=Decimal(limit))
        assert again.submitted == 0, "what is out counts as spent"


def test_answers_that_were_cheaper_make_room(tmp_path: Path) -> None:
    with provider("openai") as (fake, server):
        place = Place(tmp_path, "openai", 4)
        place.configure(server)
        assert place.visit(max_cost=Decimal("0.0010")).submitted == 2
        assert place.visit(max_cost=Decimal("0.0010")).submitted == 2


def test_a_budget_counts_jobs_that_are_out_as_their_worst_case(tmp_path: Path) -> None:
    with provider("openai", polls=1) as (fake, server):
        place = Place(tmp_path, "openai", 2)
        place.configure(server, "budget:\n  per_day: 0.0012\n")
        assert place.visit().submitted == 2
        assert place.billed() == [int(2 * WORST * 10**12)]
        other = Place(tmp_path, "openai", 2)
        other.folder = tmp_path / "other"
        other.folder.mkdir()
        other.configure(server, "budget:\n  per_day: 0.0012\n")
        (other.folder / "ledger.db").symlink_to(tmp_path / "ledger.db")
        result = other.visit()
        assert result.code == 80 and result.left == 2 and len(fake.jobs) == 1
        place.finish(fake)
        assert place.billed() == [COST, COST], "the reservation is replaced, not added to"
        assert other.visit().submitted == 2


def test_no_prompt_and_no_secret_is_in_the_journal(tmp_path: Path) -> None:
    with provider("openai") as (fake, server):
        place = Place(tmp_path, "openai", 2)
        place.configure(server)
        place.finish(fake)
    text = (tmp_path / "out.jobs").read_text()
    assert "P0" not in text and "sk-batch-secret" not in text and "re: P" not in text
    assert (tmp_path / "out.jobs").stat().st_mode & 0o777 == 0o600
    assert sorted(
        path.name for path in tmp_path.iterdir() if path.is_file() and "ledger" not in path.name
    ) == [
        "config.yaml",
        "out",
        "out.jobs",
    ]
