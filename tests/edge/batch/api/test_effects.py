"""The effects of a visit on this machine; names that nobody else has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from batch_visits import Place
from fake_batches import provider

from loki.batch.api.journal import Journal
from loki.edge.batch.api.effects import new_nonce, read_only_effects, sync
from loki.edge.batch.earlier_run import EarlierRun
from loki.edge.batch.output import Output
from loki.edge.env import open_env


def test_names_of_jobs_are_legal_everywhere_and_each_is_new() -> None:
    names = {new_nonce() for _ in range(1000)}
    assert len(names) == 1000
    assert all(re.fullmatch("[a-z][a-z0-9]{7}", name) for name in names)


def test_a_look_changes_nothing_but_what_it_knows(tmp_path: Path) -> None:
    with provider("openai") as (_, server):
        place = Place(tmp_path, "openai", 1)
        place.configure(server)
        env = open_env(str(tmp_path / "config.yaml"), {"HOME": str(tmp_path)}).unwrap()
    journal = Journal()
    effects = read_only_effects(env, journal)
    line: dict[str, Any] = {"plan": "a", "time": 1.0, "kind": "x", "model": "y", "account": "z"}
    effects.append_to_journal({**line, "n": 1})
    assert journal.jobs.keys() == {"a"} and sorted(
        p.name for p in tmp_path.iterdir() if p.is_file()
    ) == ["config.yaml"]


def test_an_output_that_takes_nothing_more_is_a_problem(tmp_path: Path) -> None:

    with open(tmp_path / "out", "ab", buffering=0) as file:
        out = Output(file, str(tmp_path / "out"), EarlierRun(), "aside")
        assert sync(out) is None
        out.full = OSError(28, "No space left on device")
        problem = sync(out)
    assert problem is not None and problem.kind == "output"
    assert problem.message.endswith("No space left on device; the rest: aside")
