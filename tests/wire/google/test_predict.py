"""Vertex AI's predict: a vector and a count for each text; one that lacks makes the sum unknown."""

from __future__ import annotations

from typing import Any

import pytest

from loki.usage import Usage
from loki.wire.google.predict import read_embed


def row(value: int, tokens: int | None) -> dict[str, Any]:
    """Return what is predicted of a text."""
    statistics = {} if tokens is None else {"statistics": {"token_count": tokens}}
    return {"embeddings": {"values": [value], **statistics}}


@pytest.mark.parametrize(
    ("counts", "total"), [([2, 3], 5), ([2, None], None), ([None, None], None), ([0, 0], 0)]
)
def test_the_tokens_of_all_texts_are_added(counts: list[int | None], total: int | None) -> None:
    body = {"predictions": [row(n, count) for n, count in enumerate(counts)]}
    found = read_embed(body).unwrap()
    assert found.vectors == ([0], [1]) and found.usage == Usage(input=total, output=0)


def test_an_answer_as_of_gemini_is_read_too() -> None:
    assert read_embed({"embedding": {"values": [1]}}).unwrap().vectors == ([1],)


@pytest.mark.parametrize("body", [{}, {"predictions": None}, {"predictions": [7]}, []])
def test_what_holds_no_vectors_is_garbled(body: Any) -> None:
    assert read_embed(body).failure().kind == "garbled"
