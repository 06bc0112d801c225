"""OpenAI's batch API and its imitators: calls as they are sent, answers as they come."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from support import SHARED

from loki.batch.api.answers import FULL
from loki.batch.api.openai import AZURE, GROQ, OPENAI, TOGETHER
from loki.batch.api.protocol import JobStatus, Protocol, Site, Submission

SITE = Site("https://a.example/v1", "m", "/v1/chat/completions")
JOB = Submission("abcdefgh", 2, 24, "file-1", 1000.0)


def test_the_calls_of_a_job() -> None:
    assert OPENAI.upload is not None and TOGETHER.upload is not None
    store = OPENAI.upload(SITE, JOB, 9)
    assert (store.method, store.url, store.upload_as) == (
        "POST",
        "https://a.example/v1/files",
        "form",
    )
    assert store.form == {"purpose": "batch"}
    assert TOGETHER.upload(SITE, JOB, 9).form["purpose"] == "batch-api"
    assert OPENAI.create(SITE, JOB).json == {
        "input_file_id": "file-1",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "metadata": {"loki": "abcdefgh"},
    }
    assert "metadata" not in (TOGETHER.create(SITE, JOB).json or {})
    week = Submission("abcdefgh", 2, 168, "file-1")
    assert (GROQ.create(SITE, week).json or {})["completion_window"] == "7d"
    versioned = Site("https://a.example/openai", "m", "/chat/completions", query="?api-version=1")
    assert AZURE.list_jobs(versioned, JOB, "b c").url == (
        "https://a.example/openai/batches?limit=100&after=b%20c&api-version=1"
    )


FINAL = ("completed", "failed", "expired", "cancelled")
STATES = [*((state, True) for state in FINAL), ("validating", False), ("cancelling", False)]


@pytest.mark.parametrize(("state", "is_final"), STATES)
@pytest.mark.parametrize("protocol", [OPENAI, TOGETHER])
def test_states_end_or_do_not(protocol: Protocol, state: str, is_final: bool) -> None:
    job: Any = {"id": "b", "status": state}
    if protocol is TOGETHER:
        job = {"job": {**job, "status": state.upper()}}
    assert protocol.read_status(job) == JobStatus("b", state, is_final)


@pytest.mark.parametrize("odd", [None, {}, [], "x", {"id": 3, "status": "a"}, {"id": "b"}])
def test_what_is_no_job_is_none(odd: Any) -> None:
    assert OPENAI.read_status(odd) is None


@pytest.mark.parametrize("odd", [None, {}, [], "x", {"custom_id": 3}, 7])
def test_what_is_no_result_is_none(odd: Any) -> None:
    assert OPENAI.read_row(odd) is None


def test_a_lost_job_is_known_by_its_file_or_our_mark() -> None:
    def page(**more: Any) -> Any:
        return {"data": [{"id": "x", "created_at": 990, **more}], "has_more": True}

    read = OPENAI.read_list
    assert read(page(input_file_id="file-1"), JOB, "").id == "x"
    assert read(page(metadata={"loki": "abcdefgh"}), JOB, "").id == "x"
    assert read(page(metadata={"loki": "other"}), JOB, "") == ("", "x", ())
    old = {"data": [{"id": "x", "created_at": -9000}], "has_more": True}
    assert read(old, JOB, "").cursor == "", "older jobs cannot be it"
    assert read(None, JOB, "") == ("", "", ())


def test_requests_are_as_the_vendors_own_package_types_them() -> None:
    batches = pytest.importorskip("openai.types.batch_create_params")
    files = pytest.importorskip("openai.types.file_create_params")
    create = OPENAI.create(SITE, JOB).json or {}
    assert create.keys() <= batches.BatchCreateParams.__annotations__.keys()
    assert OPENAI.upload is not None
    form = OPENAI.upload(SITE, JOB, 9).form
    assert {*form, "file"} <= files.FileCreateParams.__annotations__.keys()
    batch = pytest.importorskip("openai.types").Batch
    shown = {"id": "b", "status": "completed", "errors": {"data": [{"message": "No."}]}}
    facts = {"endpoint": "/v1/x", "input_file_id": "f", "object": "batch", "created_at": 1}
    theirs = batch(**shown, **facts, completion_window="24h").model_dump(mode="json")
    standing = OPENAI.read_status(theirs)
    assert standing is not None and standing.is_final and standing.problem == "No."


def recorded(name: str) -> Any:
    """Return a recorded answer; skips visibly where there is none."""
    path = SHARED / "batch-recordings" / f"{name}.json"
    if not path.exists():
        pytest.skip("no recorded jobs: shared/batch-recordings is not there")
    return json.loads(json.loads(path.read_text())["response"]["body_text"])


def test_a_recorded_list_is_read_page_by_page() -> None:
    page = recorded("openai-batch-list-1-01-list")
    first, last = page["data"][0], page["data"][-1]
    assert OPENAI.read_list(page, replace(JOB, ref=last["input_file_id"]), "").id == last["id"]
    lost = replace(JOB, ref="file-of-nobody", intent=float(first["created_at"]))
    found = OPENAI.read_list(page, lost, "")
    assert not found.id and found.cursor in ("", last["id"])


def test_every_recorded_job_is_read() -> None:
    page = recorded("openai-batch-list-1-01-list")
    standings = [OPENAI.read_status(job) for job in page["data"]]
    assert all(standings) and {each.state for each in standings if each} <= {
        *FINAL,
        *("validating", "in_progress", "finalizing", "cancelling"),
    }


def test_a_recorded_refusal_for_want_of_room_is_one() -> None:
    standing = AZURE.read_status(recorded("azure-batch-failed-tokens-1"))
    assert standing is not None and standing.is_final and standing.code in FULL
    assert "enqueued tokens" in standing.problem and standing.bad_lines == ()
