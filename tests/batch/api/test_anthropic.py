"""Anthropic's Message Batches: a lost job has no mark, and only its results say whose it is."""

from __future__ import annotations

from typing import Any, get_type_hints

import pytest

from loki.batch.api.anthropic import ANTHROPIC
from loki.batch.api.protocol import Site, Submission

SITE = Site("https://a.example/v1", "m", "/v1/messages")
JOB = Submission("abcdefgh", 2, intent=1000.0)


def shown(seconds: float, rows: int = 2, id: str = "b") -> Any:
    """Return a job in a list."""
    from fake_batches import iso

    return {"id": id, "created_at": iso(seconds), "request_counts": {"processing": rows}}


LISTS = [
    ([shown(1000)], ("b",)),
    ([shown(700), shown(1600, id="c")], ("b", "c")),
    ([shown(699), shown(1601)], ()),
    ([shown(1000, rows=3)], ()),
    ([{"id": "b"}], ()),
    (None, ()),
]


@pytest.mark.parametrize(("jobs", "candidates"), LISTS)
def test_candidates_have_as_many_rows_and_the_right_time(jobs: Any, candidates: Any) -> None:
    found = ANTHROPIC.read_list({"data": jobs, "has_more": False}, JOB, "")
    assert found.candidates == candidates and not found.id and not ANTHROPIC.can_find


def test_pages_go_back_to_the_intent_and_no_further() -> None:
    page = {"data": [shown(900)], "has_more": True}
    assert ANTHROPIC.read_list(page, JOB, "").cursor == "b"
    assert ANTHROPIC.read_list({**page, "data": [shown(100)]}, JOB, "").cursor == ""


def test_results_are_fetched_where_the_client_is() -> None:
    ended = {"id": "b", "processing_status": "ended", "results_url": "https://evil.example/"}
    standing = ANTHROPIC.read_status(ended)
    assert standing is not None and standing.is_final
    (call,) = ANTHROPIC.fetch_results(SITE, standing)
    assert call.url == "https://a.example/v1/messages/batches/b/results"


ODD: list[Any] = [None, {}, {"custom_id": "a"}, {"custom_id": "a", "result": {}}, "x"]


@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_result_is_none(odd: Any) -> None:
    assert ANTHROPIC.read_row(odd) is None and ANTHROPIC.read_status(odd) is None


def test_rows_are_as_the_vendors_own_package_types_them() -> None:
    types = pytest.importorskip("anthropic.types.messages.batch_create_params")
    row = ANTHROPIC.make_line(SITE, "a", {"model": "m", "max_tokens": 1, "messages": []})
    assert row.keys() == get_type_hints(types.Request).keys()
    assert {"requests"} <= types.BatchCreateParams.__annotations__.keys()
