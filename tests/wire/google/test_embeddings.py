"""Gemini's vectors: one or several, with their tokens where they are told."""

from __future__ import annotations

from typing import Any

import pytest
from support import config

from loki.records import Ask
from loki.stages import resolve
from loki.usage import Usage
from loki.wire.google.embeddings import draft_embed, draft_vertex, read_embed

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


@pytest.mark.parametrize("draft", [draft_embed, draft_vertex])
@pytest.mark.parametrize(
    ("model", "purpose", "text", "task"),
    [
        ("gemini-embedding-001", "query", "Hi", "RETRIEVAL_QUERY"),
        ("gemini-embedding-2", "query", "task: search result | query: Hi", None),
        ("gemini-embedding-2-preview", "document", "title: none | text: Hi", None),
        ("gemini-embedding-2", None, "Hi", None),
    ],
)
def test_the_purpose_is_told_where_the_model_looks_for_it(
    draft: Any, model: str, purpose: Any, text: str, task: str | None
) -> None:
    models = [{"name": model, "type": "embedding"}]
    client = {"type": "gemini", "api_key": "k", "models": models}
    ask = Ask(texts=("Hi",), purpose=purpose, model=f"gemini:{model}")
    body = draft(resolve(config(client), "embedding")(ask).unwrap()).unwrap()
    (sent,) = body.get("requests", [body])
    assert sent["content"] == {"parts": [{"text": text}]}
    assert sent.get("embedContentConfig", sent).get("taskType") == task
