"""A script that submits today and collects tomorrow."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from batch_visits import Place
from fake_batches import provider

import loki
from loki import Ask, Message, batch_api, open_env
from loki.edge import schema_check


@pytest.fixture(autouse=True)
def own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the ledger of whoever runs it."""
    monkeypatch.setitem(os.environ, "LOKI_LEDGER", str(tmp_path / "ledger.db"))


def test_a_script_submits_today_and_collects_tomorrow(tmp_path: Path) -> None:
    asks = [Ask((Message("user", f"P{n}"),), model="openai:m") for n in range(2)]
    with provider("openai") as (fake, server):
        place = Place(tmp_path, "openai", 2)
        place.configure(server)
        env = open_env(str(tmp_path / "config.yaml"), {"HOME": str(tmp_path)}).unwrap()
        out = str(tmp_path / "out.jsonl")
        first = batch_api(env, [("mine", asks[0]), asks[1]], out).unwrap()
        assert (first.submitted, first.out, first.code) == (2, 2, 75)
        second = batch_api(env, (), out).unwrap()
        assert (second.good, second.out, second.code) == (2, 0, 0)
        assert second.cost == pytest.approx(6e-5) and second.saved == pytest.approx(6e-5)
        assert batch_api(env, asks[:1], out).unwrap().submitted == 1, "another id is another row"
        lines = [json.loads(line) for line in Path(out).read_text().splitlines()]
        texts = {line["id"]: line["text"] for line in lines}
        assert texts["mine"] == "re: P0" and sorted(texts.values()) == ["re: P0", "re: P1"]


def test_a_pattern_that_takes_for_ever_ends_its_row_and_not_the_collecting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema_check, "LIMIT", 1.0)
    texts = ['"aaa"', '"' + "a" * 60 + '!"']
    schema = {"type": "string", "pattern": "^(a+)+$"}
    asks = [Ask((Message("user", text),), model="openai:m", schema=schema) for text in texts]
    with provider("openai") as (_, server):
        Place(tmp_path, "openai", 2).configure(server)
        env = open_env(str(tmp_path / "config.yaml"), {"HOME": str(tmp_path)}).unwrap()
        out = str(tmp_path / "out.jsonl")
        assert batch_api(env, asks, out).unwrap().submitted == 2
        found = batch_api(env, (), out).unwrap()
    schema_check.CHECKER.stop()
    assert (found.good, found.failed) == (1, 1)
    lines = [json.loads(line) for line in Path(out).read_text().splitlines()]
    (problem,) = [line["error"] for line in lines if "error" in line]
    assert "the schema's pattern '^(a+)+$' takes over 1 s" in problem["message"]


def test_what_cannot_be_done_at_all_is_a_failure(tmp_path: Path) -> None:
    with provider("openai", reject={"upload": (401, {"error": {"message": "Bad."}})}) as (
        _,
        server,
    ):
        place = Place(tmp_path, "openai", 1)
        place.configure(server)
        env = open_env(str(tmp_path / "config.yaml"), {"HOME": str(tmp_path)}).unwrap()
        ask = Ask((Message("user", "Hi"),), model="openai:m")
        assert batch_api(env, [ask], str(tmp_path / "out")).failure().kind == "auth"
    assert "batch_api" in loki.__all__


def test_only_so_many_jobs_are_filled_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loki.edge.batch.api.submit.MAX_OPEN", 1)
    asks = [Ask((Message("user", f"P{n}"),), model=f"openai:{'mn'[n % 2]}") for n in range(4)]
    with provider("openai") as (fake, server):
        place = Place(tmp_path, "openai", 4)
        place.configure(server)
        env = open_env(str(tmp_path / "config.yaml"), {"HOME": str(tmp_path)}).unwrap()
        assert batch_api(env, asks, str(tmp_path / "out")).unwrap().submitted == 4
        assert [len(job.rows) for job in fake.jobs.values()] == [1, 1, 1, 1]
        assert batch_api(env, asks, str(tmp_path / "out")).unwrap().good == 4
