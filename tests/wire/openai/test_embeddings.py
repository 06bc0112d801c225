"""Vectors by their own index; where nobody knows whose vector is whose, there are none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.usage import Usage
from loki.wire.openai.embeddings import read_embed, read_perplexity, read_usage


@given(st.permutations(range(5)))
def test_vectors_stand_at_their_own_index(order: list[int]) -> None:
    rows = [{"index": place, "embedding": [place, 1]} for place in order]
    assert read_embed({"data": rows}).unwrap().vectors == tuple([n, 1] for n in range(5))


def test_vectors_without_any_index_stand_as_they_came() -> None:
    rows = [{"embedding": [3]}, {"embedding": [1]}]
    assert read_embed({"data": rows}).unwrap().vectors == ([3], [1])


@pytest.mark.parametrize(
    "places", [[0, 0], [1, 2], [0, None], [0, "1"], [0, 1.0], [False, True], [-1, 0]]
)
def test_indexes_that_do_not_count_from_zero_are_garbled(places: list[Any]) -> None:
    rows = [{"index": place, "embedding": [1]} for place in places]
    problem = read_embed({"data": rows, "usage": {"prompt_tokens": 4}}).failure()
    assert problem.kind == "garbled" and "not 0 to 1, each once" in problem.message
    assert problem.usage == Usage(input=4, output=0)


WRONG: list[tuple[Any, str, str]] = [
    ({"error": {"message": "Slow.", "code": "rate_limit_exceeded"}}, "busy", "Slow."),
    ({"data": [None]}, "garbled", "not an answer about embeddings: "),
    ({"data": None}, "garbled", "not an answer about embeddings: "),
    ({"data": [{"index": 0}]}, "garbled", "not a vector: null"),
    ([], "garbled", "not an answer about embeddings: []"),
]


@pytest.mark.parametrize(("body", "kind", "message"), WRONG)
def test_what_is_no_answer_about_embeddings_is_said(body: Any, kind: str, message: str) -> None:
    problem = read_embed(body).failure()
    assert problem.kind == kind and problem.message.startswith(message)


def test_perplexity_s_vectors_are_packed_bytes() -> None:
    found = read_perplexity({"data": [{"index": 0, "embedding": "AP8B"}]}).unwrap()
    assert list(found.vectors[0]) == [0, -1, 1]


@pytest.mark.parametrize(
    ("expected", "tokens"),
    [({"prompt_tokens": 3, "total_tokens": 9}, 3), ({"total_tokens": 9}, 9), ({}, None), (7, None)],
)
def test_the_tokens_of_all_texts_are_counted(expected: Any, tokens: int | None) -> None:
    assert read_usage(expected) == Usage(input=tokens, output=0)
