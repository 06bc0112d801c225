"""xAI's containers: calls, a state that follows from counts, pages of results."""

from __future__ import annotations

from typing import Any

import pytest

from loki.batch.api.protocol import Site, Submission
from loki.batch.api.xai import XAI, next_page

SITE = Site("https://a.example/v1", "m", "/v1/chat/completions")
JOB = Submission("abcdefgh", 2, 24, "batch-1", 1000.0)


def test_the_container_is_free_and_the_rows_are_not() -> None:
    assert XAI.upload is not None
    assert XAI.upload(SITE, JOB, 9).json == {"name": "loki-abcdefgh"}
    add = XAI.create(SITE, JOB)
    assert (add.url, add.upload_as) == ("https://a.example/v1/batches/batch-1/requests", "raw")
    row = XAI.make_line(SITE, "a", {"model": "m"})
    assert row == {
        "batch_request_id": "a",
        "batch_request": {"chat_get_completion": {"model": "m"}},
    }
    responses = Site(SITE.base, "m", "/v1/responses")
    assert XAI.make_line(responses, "a", {})["batch_request"] == {"responses": {}}


COUNTS = [
    ({"num_requests": 0, "num_pending": 0}, {}, False),
    ({"num_requests": 2, "num_pending": 1}, {}, False),
    ({"num_requests": 2, "num_pending": 0}, {}, True),
    ({"num_requests": 2, "num_pending": 2}, {"cancel_by_xai_message": "Too many."}, True),
]


@pytest.mark.parametrize(("counts", "more", "is_final"), COUNTS)
def test_the_state_follows_from_counts(counts: Any, more: Any, is_final: bool) -> None:
    standing = XAI.read_status({"batch_id": "b", "state": counts, **more})
    assert standing is not None and standing.is_final == is_final


def test_pages_go_on_until_there_is_no_token_or_the_same() -> None:
    (first,) = XAI.fetch_results(SITE, XAI.read_status(DONE) or pytest.fail())
    second = next_page(first, {"pagination_token": "a b"})
    assert second is not None and second.url.endswith("results?limit=1000&pagination_token=a%20b")
    third = next_page(second, {"pagination_token": "c"})
    assert third is not None and third.url.endswith("?limit=1000&pagination_token=c")
    assert next_page(third, {"pagination_token": "c"}) is None
    assert next_page(third, {"pagination_token": None}) is None


DONE = {"batch_id": "b", "state": {"num_requests": 2, "num_pending": 0}}


def test_rows_that_were_added_are_known_by_their_ids() -> None:
    page = {"batch_request_metadata": [{"batch_request_id": "abcdefgh-1"}]}
    assert XAI.read_list(page, JOB, "").id == "batch-1"
    assert XAI.read_list({"batch_request_metadata": []}, JOB, "").id == ""


@pytest.mark.parametrize("odd", [None, {}, "x", {"batch_request_id": 3}])
def test_what_is_no_result_is_none(odd: Any) -> None:
    assert XAI.read_row(odd) is None and XAI.read_status(odd) is None
