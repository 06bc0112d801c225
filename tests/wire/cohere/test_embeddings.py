"""Cohere's embeddings: the words for a purpose, and vectors in the order of the texts."""

from __future__ import annotations

from typing import Any

import pytest
from support import config

from loki.records import Ask, Target
from loki.stages import resolve
from loki.usage import Usage
from loki.wire.cohere.embeddings import draft_bedrock, draft_embed, read_embed


def asked(model: str, **fields: Any) -> Target:
    """Return an ask about two texts."""
    ask = Ask(texts=("a", "b"), model=f"cohere:{model}", **fields)
    known = config({"type": "cohere", "api_key": "k"})
    return resolve(known, "embedding")(ask).unwrap()


BODIES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("embed-v4.0", {}, {"input_type": "search_document"}),
    ("embed-v4.0", {"purpose": "query"}, {"input_type": "search_query"}),
    (
        "embed-v4.0",
        {"dimensions": 256},
        {"input_type": "search_document", "output_dimension": 256},
    ),
    ("embed-english-v3.0", {}, {"input_type": "search_document"}),
]


@pytest.mark.parametrize(("model", "fields", "more"), BODIES)
def test_the_body_says_what_the_vectors_are_for(
    model: str, fields: dict[str, Any], more: dict[str, Any]
) -> None:
    body = {"texts": ["a", "b"], "embedding_types": ["float"], **more}
    target = asked(model, **fields)
    assert draft_embed(target).unwrap() == {"model": model, **body}
    assert draft_bedrock(target).unwrap() == body  # where the url names the model


@pytest.mark.parametrize("model", ["embed-english-v3.0", "embed-multilingual-light-v3.0"])
def test_older_models_have_vectors_of_one_size(model: str) -> None:
    problem = draft_embed(asked(model, dimensions=256)).failure()
    message = f"{model} has vectors of one size: leave the dimensions out"
    assert (problem.kind, problem.message) == ("usage", message)


@pytest.mark.parametrize("vectors", [{"float": [[1], [2]]}, [[1], [2]]])
def test_vectors_come_in_the_order_of_the_texts(vectors: Any) -> None:
    body = {"embeddings": vectors, "meta": {"billed_units": {"input_tokens": 4}}}
    found = read_embed(body).unwrap()
    assert found.vectors == ([1], [2]) and found.usage == Usage(input=4, output=0)


@pytest.mark.parametrize("body", [None, {}, {"embeddings": {"int8": [[1]]}}, {"embeddings": 7}])
def test_what_holds_no_vectors_is_garbled(body: Any) -> None:
    problem = read_embed(body).failure()
    assert problem.kind == "garbled"
    assert problem.message.startswith("not an answer about embeddings: ")
