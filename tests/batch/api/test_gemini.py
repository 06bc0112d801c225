"""Gemini's batch mode: requests as Google's own package makes them, states, rows."""

from __future__ import annotations

from typing import Any

import pytest

from loki.batch.api.gemini import GEMINI, keys_to_snake_case
from loki.batch.api.protocol import Site, Submission

SITE = Site("https://a.example/v1beta", "gemini-x", "")
JOB = Submission("abcdefgh", 2, ref="files/1", intent=1000.0)


def test_the_calls_of_a_job() -> None:
    assert GEMINI.upload is not None
    start = GEMINI.upload(SITE, JOB, 99)
    assert start.url == "https://a.example/upload/v1beta/files"
    assert start.headers["X-Goog-Upload-Header-Content-Length"] == "99"
    create = GEMINI.create(SITE, JOB)
    assert create.url == "https://a.example/v1beta/models/gemini-x:batchGenerateContent"
    assert create.json == {
        "batch": {"displayName": "loki-abcdefgh", "inputConfig": {"fileName": "files/1"}}
    }
    vectors = Site("https://a.example/v1beta", "e", task="embedding")
    assert GEMINI.create(vectors, JOB).url.endswith("/models/e:asyncBatchEmbedContent")


def test_the_request_is_the_one_of_googles_own_package() -> None:
    batches = pytest.importorskip("google.genai.batches")
    types = pytest.importorskip("google.genai.types")
    made: dict[str, Any] = batches._CreateBatchJobParameters_to_mldev(
        type("Api", (), {"vertexai": False})(),
        types._CreateBatchJobParameters(
            model="gemini-x",
            src=types.BatchJobSource(file_name="files/1"),
            config=types.CreateBatchJobConfig(display_name="loki-abcdefgh"),
        ),
    )
    assert made["batch"] == (GEMINI.create(SITE, JOB).json or {})["batch"]


STATES = [
    ("BATCH_STATE_PENDING", {}, False),
    ("BATCH_STATE_RUNNING", {}, False),
    ("BATCH_STATE_SUCCEEDED", {"responsesFile": "files/out"}, True),
    ("BATCH_STATE_SUCCEEDED", {}, False),
    ("BATCH_STATE_FAILED", {}, True),
    ("BATCH_STATE_CANCELLED", {}, True),
    ("BATCH_STATE_EXPIRED", {}, True),
    ("JOB_STATE_EXPIRED", {}, True),
]


@pytest.mark.parametrize(("state", "output", "is_final"), STATES)
def test_states_end_or_do_not(state: str, output: Any, is_final: bool) -> None:
    standing = GEMINI.read_status(
        {"name": "batches/1", "metadata": {"state": state}, "response": output}
    )
    assert standing is not None and standing.is_final == is_final


def test_names_of_a_request_are_those_of_files_and_the_users_own_stay() -> None:
    body = {
        "systemInstruction": {"parts": [{"text": "aB"}]},
        "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"aB": 1}}]}],
        "contents": [{"parts": [{"functionCall": {"name": "f", "args": {"aB": {"cD": 1}}}}]}],
    }
    assert keys_to_snake_case(body) == {
        "system_instruction": {"parts": [{"text": "aB"}]},
        "tools": [{"function_declarations": [{"name": "f", "parameters_json_schema": {"aB": 1}}]}],
        "contents": [{"parts": [{"function_call": {"name": "f", "args": {"aB": {"cD": 1}}}}]}],
    }


@pytest.mark.parametrize("odd", [None, {}, {"response": {}}, {"key": 3}, "x"])
def test_what_is_no_result_is_none(odd: Any) -> None:
    assert GEMINI.read_row(odd) is None and GEMINI.read_status(odd) is None


def test_a_lost_job_is_known_by_its_name_or_its_file() -> None:
    def page(**facts: Any) -> Any:
        return {"operations": [{"name": "batches/1", "metadata": facts}], "nextPageToken": "t"}

    assert GEMINI.read_list(page(displayName="loki-abcdefgh"), JOB, "").id == "batches/1"
    named = page(displayName="x", inputConfig={"fileName": "files/1"})
    assert GEMINI.read_list(named, JOB, "").id == "batches/1"
    assert GEMINI.read_list(page(displayName="x"), JOB, "") == ("", "t", ())
