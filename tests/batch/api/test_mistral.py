"""Mistral's batch jobs: calls, states, pages that are counted."""

from __future__ import annotations

from typing import Any

import pytest

from loki.batch.api.mistral import MISTRAL, PAGE
from loki.batch.api.protocol import Site, Submission

SITE = Site("https://a.example/v1", "m", "/v1/chat/completions")
JOB = Submission("abcdefgh", 2, 24, "file-1", 1000.0)


def test_the_job_names_the_model_and_rows_do_not() -> None:
    assert MISTRAL.make_line(SITE, "a", {"model": "m", "messages": []}) == {
        "custom_id": "a",
        "body": {"messages": []},
    }
    assert MISTRAL.create(SITE, JOB).json == {
        "input_files": ["file-1"],
        "endpoint": "/v1/chat/completions",
        "model": "m",
        "metadata": {"loki": "abcdefgh"},
        "timeout_hours": 24,
    }


STATES = [
    *((state, False) for state in ("QUEUED", "RUNNING", "CANCELLATION_REQUESTED")),
    *((state, True) for state in ("SUCCESS", "FAILED", "TIMEOUT_EXCEEDED", "CANCELLED")),
]


@pytest.mark.parametrize(("state", "is_final"), STATES)
def test_states_end_or_do_not(state: str, is_final: bool) -> None:
    standing = MISTRAL.read_status(
        {"id": "b", "status": state, "output_file": "o", "error_file": ""}
    )
    assert standing is not None and standing.is_final == is_final and standing.files == ("o",)


def test_answers_in_the_job_itself_need_no_file() -> None:
    standing = MISTRAL.read_status(
        {"id": "b", "status": "SUCCESS", "output_file": "o", "outputs": [1]}
    )
    assert standing is not None and (standing.files, standing.inline) == ((), (1,))


def test_pages_are_counted() -> None:
    full: Any = {"data": [{"id": str(n), "created_at": 1000} for n in range(PAGE)]}
    assert MISTRAL.read_list(full, JOB, "").cursor == "1"
    assert MISTRAL.read_list(full, JOB, "1").cursor == "2"
    assert MISTRAL.read_list({"data": full["data"][:3]}, JOB, "").cursor == ""
    assert "page=2" in MISTRAL.list_jobs(SITE, JOB, "2").url
    assert MISTRAL.read_list({"data": [{"id": "x", "input_files": ["file-1"]}]}, JOB, "").id == "x"


@pytest.mark.parametrize("odd", [None, {}, "x", {"custom_id": 3}])
def test_what_is_no_result_is_none(odd: Any) -> None:
    assert MISTRAL.read_row(odd) is None and MISTRAL.read_status(odd) is None


def test_requests_are_as_the_vendors_own_package_types_them() -> None:
    models = pytest.importorskip("mistralai.client.models")
    create = MISTRAL.create(SITE, JOB).json or {}
    made = models.CreateBatchJobRequest(**create)
    assert made.input_files == ["file-1"] and made.timeout_hours == 24
    assert create.keys() <= models.CreateBatchJobRequest.model_fields.keys()
    counts = dict.fromkeys(("total", "completed", "succeeded", "failed"), 2)
    job = models.BatchJob(
        id="b",
        input_files=["f"],
        endpoint="/v1/x",
        errors=[],
        created_at=1,
        **{f"{name}_requests": count for name, count in counts.items()},
        status="SUCCESS",
        output_file="o",
    )
    standing = MISTRAL.read_status(job.model_dump(mode="json"))
    assert standing is not None and standing.is_final and standing.files == ("o",)
    assert (standing.total, standing.done) == (2, 2)
