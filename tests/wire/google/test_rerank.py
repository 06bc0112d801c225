"""Google's rankings: a record's id is its place among the documents."""

from __future__ import annotations

from typing import Any

import pytest

from loki.replies import Score
from loki.usage import Usage
from loki.wire.google.rerank import read_rerank


def test_scores_are_read_by_the_ids_that_we_gave() -> None:
    rows = [{"id": "10", "score": 0.9}, {"id": "0", "score": 0}]
    found = read_rerank({"records": rows}).unwrap()
    assert found.scores == (Score(10, 0.9), Score(0, 0)) and found.usage == Usage()


ODD = [
    {"id": 1, "score": 0.5},
    {"id": "a", "score": 0.5},
    {"id": "-1", "score": 0.5},
    {"id": "1" * 10, "score": 0.5},
    {"id": "١", "score": 0.5},  # a digit, but none that we gave
    {"id": "1", "score": None},
    {"id": "1"},
    None,
]


@pytest.mark.parametrize("row", ODD)
def test_an_id_that_we_did_not_give_spoils_the_ranking(row: Any) -> None:
    problem = read_rerank({"records": [{"id": "0", "score": 0.5}, row]}).failure()
    assert problem.kind == "garbled" and problem.message.startswith("not a ranking: ")


@pytest.mark.parametrize("body", [{}, None, {"records": None}, []])
def test_what_holds_no_records_is_garbled(body: Any) -> None:
    assert read_rerank(body).failure().kind == "garbled"
