"""What became of jobs meanwhile: polls, looks, cancellations; nothing of it costs anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from batch_visits import KINDS, Place
from fake_batches import provider

from loki.edge.batch.api.effects import read_only_effects
from loki.edge.batch.api.update_jobs import cancel_jobs, explain_unknown_job
from loki.edge.env import open_env
from loki.problems import Problem


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_is_polled_once_a_visit_until_it_is_over(tmp_path: Path, kind: str) -> None:
    with provider(kind, polls=2) as (fake, server):
        place = Place(tmp_path, kind, 2)
        place.configure(server)
        codes = [place.visit().code for _ in range(4)]
        assert codes == [75, 75, 75, 0] and fake.calls.count("poll") == 3
        seen = [line for line in place.journal() if "seen" in line]
        assert len(seen) == 2, "only what is new is noted"


@pytest.mark.parametrize("kind", KINDS)
def test_jobs_that_are_out_are_canceled(tmp_path: Path, kind: str) -> None:
    with provider(kind, polls=9) as (fake, server):
        place = Place(tmp_path, kind, 2)
        place.configure(server)
        place.visit()
        cancel_all(place)
        assert fake.calls[-1] == "cancel" and all(job.canceled for job in fake.jobs.values())
        assert place.visit().code in (0, 75)


def cancel_all(place: Place) -> None:
    """Cancel the jobs of a place."""
    session, folder = place.session, place.folder
    env = open_env(str(folder / "config.yaml"), {"HOME": str(folder)}).unwrap()
    session.effects = read_only_effects(env, session.journal)
    cancel_jobs(session)


def test_a_job_that_is_not_known_there_is_of_another_account() -> None:
    problem = explain_unknown_job(Problem("config", "No such batch.", status=404))
    assert problem.kind == "auth" and "No such batch." in problem.message
    assert explain_unknown_job(Problem("busy", "Slow.", status=429)).kind == "busy"


def test_a_job_of_a_newer_loki_is_left_alone(tmp_path: Path) -> None:
    with provider("openai") as (fake, server):
        place = Place(tmp_path, "openai", 1)
        place.configure(server)
        place.visit()
        path = tmp_path / "out.jobs"
        path.write_text(path.read_text().replace('"kind":"openai"', '"kind":"moon"'))
        result = place.visit()
        assert result.code == 64 and result.out == 1 and len(fake.jobs) == 1
