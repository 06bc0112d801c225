"""Whatever ends a visit, and wherever: each row is paid for at most once, and written once."""

from __future__ import annotations

from pathlib import Path

import pytest
from batch_visits import KINDS, SIZES, Killed, Killer, Place, check_once, small
from fake_batches import provider


def effects_of(folder: Path, kind: str, count: int) -> int:
    """Return how many effects two visits have, which send and collect all."""
    with provider(kind) as (_, server):
        place, killer = Place(folder, kind, count), Killer()
        place.configure(server)
        place.visit(killer)
        assert place.visit(killer).code == 0
        return killer.count + 1


@pytest.mark.timeout(600)
@pytest.mark.parametrize("when", ["before", "after", "torn"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_kill_at_any_effect_pays_no_row_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, when: str
) -> None:
    small(monkeypatch, kind)
    count = SIZES.get(kind, 2)
    (tmp_path / "whole").mkdir()
    total = effects_of(tmp_path / "whole", kind, count)
    for at in range(total):
        folder = tmp_path / str(at)
        folder.mkdir()
        with provider(kind) as (fake, server):
            place, killer = Place(folder, kind, count), Killer(at, when)
            place.configure(server)
            for _ in range(2):  # the second collects; one of the two is killed
                try:
                    place.visit(killer)
                except Killed:
                    break
            fake.now += 900
            result = place.finish(fake)
            assert max(fake.paid.values(), default=0) <= 1
            if result.code == 75 and kind == "anthropic":  # held, and said
                assert not any(line["id"] for line in place.lines()) or result.out
                held = [job for job in result.jobs if job["state"] == "unknown"]
                assert held and any("--forget" in each.message for each in place.session.problems)
                place.visit(forgets=held[0]["job"])
                result = place.finish(fake)
            assert result.code == 0, (at, when, result, place.session.problems)
            check_once(place, fake)


@pytest.mark.parametrize("kind", ["azure", "groq", "together"])
def test_servers_that_imitate_openai_have_jobs_by_their_rows(tmp_path: Path, kind: str) -> None:
    with provider(kind, polls=1) as (fake, server):
        place = Place(tmp_path, kind, 2)
        place.configure(server)
        assert place.visit().submitted == 2, place.session.problems
        assert place.finish(fake).code == 0, place.session.problems
        check_once(place, fake)


@pytest.mark.parametrize(
    "kind", ["azure", "groq", "together", *(kind for kind in KINDS if kind != "anthropic")]
)
@pytest.mark.parametrize("hidden", [0, 1])
def test_a_job_whose_answer_was_lost_is_found_again(tmp_path: Path, kind: str, hidden: int) -> None:
    with provider(kind, lose={"create", "add"}, hide=hidden) as (fake, server):
        place = Place(tmp_path, kind, 2)
        place.configure(server)
        first = place.visit()
        assert first.code == 69 and first.out == 2
        place.finish(fake)
        check_once(place, fake)
        assert len(fake.jobs) == 1


def test_a_job_that_was_never_created_is_given_up_after_two_looks(tmp_path: Path) -> None:
    with provider("openai", lose={"create"}, hide=2) as (fake, server):
        place = Place(tmp_path, "openai", 2)
        place.configure(server)
        place.visit()
        assert place.visit().out == 2  # the first look
        assert place.visit().out == 2  # the second comes too soon
        fake.jobs.clear()
        fake.paid.clear()
        fake.now += 601
        result = place.visit()
        assert result.submitted == 2 and len(fake.jobs) == 1
        nonces = {line["plan"] for line in place.journal() if "plan" in line}
        assert len(nonces) == 2, "a new job has a new name"


def test_a_lost_job_of_anthropic_is_held_until_it_ends_or_is_forgotten(tmp_path: Path) -> None:
    with provider("anthropic", lose={"create"}, polls=1) as (fake, server):
        place = Place(tmp_path, "anthropic", 2)
        place.configure(server)
        place.visit()
        assert place.visit().code == 75  # the candidate is under way
        assert "1 of as many rows" in place.session.problems[0].message
        result = place.visit()  # it is over, and its ids say that it is ours
        assert result.code == 0, place.session.problems
        check_once(place, fake)


def test_jobs_of_others_are_never_taken_for_a_lost_one(tmp_path: Path) -> None:
    with provider("anthropic", reject={"create": (500, {"error": {"message": "Oops."}})}) as (
        fake,
        server,
    ):
        place = Place(tmp_path, "anthropic", 2)
        place.configure(server)
        place.visit()
        fake.reject.clear()
        other = Place(tmp_path / "other", "anthropic", 2)
        other.folder.mkdir()
        other.configure(server)
        other.finish(fake)
        result = place.visit()
        assert result.code == 75 and result.out == 2 and place.lines() == []
        nonce = result.jobs[0]["job"]
        assert f"--forget {nonce}" in place.session.problems[0].message
        place.visit(forgets=nonce)
        assert place.finish(fake).code == 0 and len(place.lines()) == 2
