"""Gemini's vectors: one or several, with their tokens where they are told."""

from __future__ import annotations

from typing import Any

import pytest

from loki.usage import Usage
from loki.wire.google.embeddings import read_embed

COUNTED = {"usageMetadata": {"promptTokenCount": 5}}


@pytest.mark.parametrize(
    ("body", "vectors", "tokens"),
    [
        ({"embeddings": [{"values": [1]}, {"values": [2]}]}, ([1], [2]), None),
        ({"embeddings": [{"values": [1]}], **COUNTED}, ([1],), 5),
        ({"embedding": {"values": [1]}, **COUNTED}, ([1],), 5),
    ],
)
def test_vectors_come_in_the_order_of_the_texts(
    body: Any, vectors: tuple[list[int], ...], tokens: int | None
) -> None:
    found = read_embed(body).unwrap()
    assert found.vectors == vectors and found.usage == Usage(input=tokens, output=0)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "not an answer about embeddings: {}"),
        ({"embedding": [1]}, "not an answer about embeddings: "),
        ({"embeddings": [{"values": None}]}, "not a vector: null"),
        ({"embeddings": [7]}, "not a vector: null"),
    ],
)
def test_what_holds_no_vectors_is_garbled(body: Any, message: str) -> None:
    problem = read_embed(body).failure()
    assert problem.kind == "garbled" and problem.message.startswith(message)
