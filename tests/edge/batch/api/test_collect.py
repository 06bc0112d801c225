"""Jobs that are over, well or not: what becomes of each row."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from batch_visits import COST, Place
from fake_batches import Provider, provider
from servers import serving


def fate(**fates: str) -> Callable[[str, Any], str]:
    """Return what comes of rows by their prompts; the others are answered."""
    return lambda id, body: next((v for k, v in fates.items() if k in json.dumps(body)), "ok")


#: What comes of row 1 of 2, by kind; the kind of its error, whether it is asked again, the code.
FATES = [
    ("openai", "bad", "input", False, 1),
    ("openai", "expired", "offline", True, 75),
    ("openai", "zero", "offline", True, 75),
    ("openai", "busy", "busy", True, 75),
    ("openai", "missing", "offline", True, 75),
    ("openai", "broke", "", False, 81),
    ("anthropic", "bad", "input", False, 1),
    ("anthropic", "expired", "offline", True, 75),
    ("anthropic", "busy", "busy", True, 75),
    ("anthropic", "broke", "", False, 81),
    ("gemini", "bad", "input", False, 1),
    ("gemini", "busy", "busy", True, 75),
    ("mistral", "bad", "input", False, 1),
    ("xai", "bad", "input", False, 1),
]


@pytest.mark.parametrize(("kind", "what", "error", "again", "code"), FATES)
def test_a_row_without_an_answer_fails_is_asked_again_or_held(
    tmp_path: Path, kind: str, what: str, error: str, again: bool, code: int
) -> None:
    with provider(kind, row=fate(P1=what)) as (fake, server):
        place = Place(tmp_path, kind, 2)
        place.configure(server)
        place.visit()
        result = place.visit()
        assert result.code == code, place.session.problems
        assert len(fake.jobs) == 1 + again
        bad = [line for line in place.lines() if "error" in line]
        assert [line["error"]["kind"] for line in bad] == ([error] if code == 1 else [])
        assert len(place.lines()) == 1 + (code == 1)
        if code == 1:
            assert place.visit().code == 1 and len(fake.jobs) == 1, "a failed row is left alone"


def test_a_row_is_asked_again_only_so_often(tmp_path: Path) -> None:
    with provider("openai", row=fate(P1="busy")) as (fake, server):
        place = Place(tmp_path, "openai", 2)
        place.configure(server)
        for _ in range(8):
            result = place.visit()
        assert result.code == 1 and len(fake.jobs) == 4, "the first time and three more"
        (bad,) = [line for line in place.lines() if "error" in line]
        assert bad["error"]["message"] == "Slow down. (in 4 jobs)"


def test_a_line_that_cannot_be_read_was_paid_for_and_is_not_asked_again(tmp_path: Path) -> None:
    with provider("openai", row=fate(P1="torn")) as (fake, server):
        place = Place(tmp_path, "openai", 3)
        place.configure(server)
        place.visit()
        assert place.visit().code == 1
        lines = {line["id"]: line for line in place.lines()}
        assert lines["id-1"]["error"]["kind"] == "garbled" and lines["id-2"]["text"] == "re: P2"
        place.visit()
        assert len(fake.jobs) == 1


def test_results_of_others_twice_and_out_of_order_harm_nobody(tmp_path: Path) -> None:
    class Odd(Provider):
        def lines(self, job: Any) -> bytes:
            own = super().lines(job)
            strange = own.replace(job.rows[0][0].split("-")[0].encode(), b"zzzzzzzz")
            return strange + own + own

    fake = Odd("openai")
    with serving(fake) as server:
        place = Place(tmp_path, "openai", 2)
        place.configure(server)
        place.visit()
        assert place.visit().code == 0
        assert sorted(line["id"] for line in place.lines()) == ["id-0", "id-1"]
        assert place.billed() == [COST, COST]
        (note,) = [line for line in place.journal() if "collected" in line]
        assert len(note["strange"]) == 2 and note["strange"][0].startswith("zzzzzzzz-")


@pytest.mark.parametrize("end", ["expired", "cancelled"])
def test_what_an_ended_job_had_done_is_kept(tmp_path: Path, end: str) -> None:
    with provider("openai", row=fate(P1="expired"), end=end) as (fake, server):
        place = Place(tmp_path, "openai", 2)
        place.configure(server)
        place.visit()
        assert place.visit().good == 1 and place.billed()[0] == COST


def test_a_job_that_was_refused_as_a_whole_shows_the_line_and_the_reason(tmp_path: Path) -> None:
    with provider("openai", end="failed") as (fake, server):
        place = Place(tmp_path, "openai", 3)
        place.configure(server)
        place.visit()
        result = place.visit()
        (bad,) = place.lines()
        assert bad["id"] == "id-1" and bad["error"]["kind"] == "input"
        assert bad["error"]["message"].startswith("the job failed: line 2: Bad line.")
        assert result.submitted == 2, "the others go again"
        assert any("line 2: Bad line." in note for note in place.session.notes)


def test_a_job_for_which_there_is_no_room_goes_again_in_halves(tmp_path: Path) -> None:
    failure = {"code": "token_limit_exceeded", "line": None, "message": "Too many tokens."}
    with provider("openai", end="failed", failure=failure) as (fake, server):
        place = Place(tmp_path, "openai", 4)
        place.configure(server)
        place.visit()
        result = place.visit()
        assert result.code == 75 and "Too many tokens." in place.session.problems[0].message
        assert place.lines() == []
        fake.end = ""
        sizes = []
        for _ in range(6):
            place.visit()
            sizes = [len(job.rows) for job in fake.jobs.values()]
        assert sizes[:2] == [4, 2] and place.visit().code == 0 and len(place.lines()) == 4


def test_results_that_are_not_there_yet_are_fetched_later(tmp_path: Path) -> None:
    missing = {"content": (404, {"error": {"message": "No such file."}})}
    with provider("openai", reject=missing) as (fake, server):
        place = Place(tmp_path, "openai", 1)
        place.configure(server)
        place.visit()
        assert place.visit().code == 75
        assert "not there yet" in place.session.problems[0].message
        fake.reject.clear()
        assert place.visit().code == 0


def test_another_account_is_told_apart_from_a_lost_job(tmp_path: Path) -> None:
    with provider("openai") as (fake, server):
        place = Place(tmp_path, "openai", 1)
        place.configure(server)
        place.visit()
        text = (tmp_path / "config.yaml").read_text()
        (tmp_path / "config.yaml").write_text(text.replace("sk-batch-secret", "sk-rotated"))
        fake.reject["poll"] = (404, {"error": {"message": "No such batch."}})
        assert place.visit().code == 77 and "another account" in place.session.problems[0].message
        fake.reject.clear()
        moved = text.replace("api_base:", "organization_id: org-2\n    api_base:")
        (tmp_path / "config.yaml").write_text(moved)
        assert place.visit().code == 77 and place.session.journal.uncollected_jobs
        (tmp_path / "config.yaml").write_text(text)
        assert place.visit().code == 0


def test_counts_that_are_null_and_files_that_are_empty_say_nothing(tmp_path: Path) -> None:
    class Odd(Provider):
        def show_openai(self, job: Any, over: bool) -> Any:
            shown = super().show_openai(job, over)
            return {**shown, "request_counts": None, "error_file_id": self.keep(b"")}

    with serving(Odd("openai")) as server:
        place = Place(tmp_path, "openai", 2)
        place.configure(server)
        place.visit()
        assert place.visit().code == 0


@pytest.mark.parametrize("kind", ["openai", "mistral", "gemini"])
def test_embeddings_come_back_a_text_a_row(tmp_path: Path, kind: str) -> None:
    with provider(kind) as (fake, server):
        place = Place(tmp_path, kind, 2, "e")
        place.configure(server)
        place.visit(embeds=True)
        assert place.visit(embeds=True).code == 0, place.session.problems
        assert [line["embedding"] for line in place.lines()] == [[1.0, 0.0]] * 2
        assert place.billed() == [5 * 10**6] * 2


#: What is removed of a job that is collected.
REMOVED = {
    "openai": ["file-1", "out-job-1"],
    "mistral": ["file-1", "out-job-1", "job-1"],
    "gemini": ["job-1", "file-1"],
    "anthropic": ["job-1"],
    "xai": [],
}


@pytest.mark.parametrize("kind", REMOVED)
def test_what_a_provider_kept_is_removed_when_asked(tmp_path: Path, kind: str) -> None:
    with provider(kind) as (fake, server):
        place = Place(tmp_path, kind, 1)
        place.configure(server)
        place.visit(removes=True)
        assert fake.deleted == []
        assert place.visit(removes=True).code == 0 and fake.deleted == REMOVED[kind]


def test_credit_that_runs_out_in_the_middle_costs_only_the_rest(tmp_path: Path) -> None:
    fates = {"P1": "broke"}
    with provider("openai", row=lambda id, body: fate(**fates)(id, body)) as (fake, server):
        place = Place(tmp_path, "openai", 3)
        place.configure(server)
        place.visit()
        assert place.visit().code == 81 and len(place.lines()) == 2 and len(fake.jobs) == 1
        assert place.session.left == 1, "nothing is sent while there is no credit"
        fates.clear()
        assert place.visit().submitted == 1
        assert place.visit().code == 0 and sorted(fake.paid.values()) == [1, 1, 1]
