"""Scores from any of the shapes that are about, and what they took."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from loki.records import Ask
from loki.replies import Score
from loki.usage import Usage
from loki.wire.openai.rerank import read_rerank, read_usage, wanted_count

ROWS: list[dict[str, Any]] = [
    {"results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]},
    {"data": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]},
    {"results": [{"index": 1, "relevanceScore": 0.9}, {"index": 0, "relevanceScore": 0.1}]},
    {"results": [{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1}]},
]


@pytest.mark.parametrize("body", ROWS)
def test_scores_are_read_in_the_provider_s_order(body: dict[str, Any]) -> None:
    assert read_rerank(body).unwrap().scores == (Score(1, 0.9), Score(0, 0.1))


ODD: list[Any] = [
    None,
    {},
    {"results": None},
    {"results": [{"index": 0, "relevance_score": 0.5}, {}]},
    {"results": [{"index": "0", "relevance_score": 0.5}]},
    {"results": [{"index": -1, "relevance_score": 0.5}]},
    {"results": [{"index": True, "relevance_score": 0.5}]},
    {"results": [{"index": 0, "relevance_score": "0.5"}]},
    {"results": [{"index": 0, "relevance_score": True}]},
    {"results": [{"index": 0, "relevance_score": float("nan")}]},
]


@pytest.mark.parametrize("body", ODD)
def test_a_row_that_is_no_score_spoils_the_ranking(body: Any) -> None:
    problem = read_rerank(body).failure()
    assert problem.kind == "garbled" and problem.message.startswith("not a ranking: ")
    assert problem.sent


USAGES: list[tuple[Any, Usage]] = [
    ({}, Usage(output=0)),
    ({"usage": {"total_tokens": 7}}, Usage(input=7, output=0)),
    ({"usage": {"prompt_tokens": 7}}, Usage(input=7, output=0)),
    (
        {"meta": {"billed_units": {"input_tokens": 5, "search_units": 2}}},
        Usage(input=5, output=0, billed_input=5, billed_output=0, searches=2),
    ),
    (
        {"meta": {"tokens": {"input_tokens": 9}, "billed_units": {"input_tokens": 5}}},
        Usage(input=9, output=0, billed_input=5, billed_output=0),
    ),
    (
        {"usage": {"search_units": 1, "cost": 0.002}},
        Usage(output=0, searches=1, told_cost=Decimal("0.002")),
    ),
    ({"usage": "odd"}, Usage(output=0)),
]


@pytest.mark.parametrize(("body", "usage"), USAGES)
def test_what_it_took_is_read_from_wherever_it_is_told(body: Any, usage: Usage) -> None:
    assert read_usage(body) == usage


@pytest.mark.parametrize(("top", "due"), [(None, None), (1, 1), (2, 2), (9, 2)])
def test_no_more_are_asked_for_than_there_are(top: int | None, due: int | None) -> None:
    assert wanted_count(Ask(texts=("a", "b"), top=top)) == due
