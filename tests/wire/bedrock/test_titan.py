"""Amazon's embeddings: one text at a time, and sizes only where a model has several."""

from __future__ import annotations

from typing import Any

import pytest
from support import config

from loki.records import Ask, Target
from loki.stages import resolve
from loki.usage import Usage
from loki.wire.bedrock.titan import draft_embed, read_embed

V1, V2, IMAGE = (
    "amazon.titan-embed-text-v1",
    "amazon.titan-embed-text-v2:0",
    "amazon.titan-embed-image-v1",
)


def asked(model: str, *texts: str, dimensions: int | None = None) -> Target:
    """Return an ask about some texts."""
    known = config({"type": "bedrock", "region": "us-east-1", "api_key": "k"})
    ask = Ask(texts=texts, model=f"bedrock:{model}", dimensions=dimensions)
    return resolve(known, "embedding")(ask).unwrap()


@pytest.mark.parametrize(
    ("model", "dimensions", "more"),
    [
        (V1, None, {}),
        (V2, None, {}),
        (V2, 256, {"dimensions": 256}),
        (IMAGE, 256, {"embeddingConfig": {"outputEmbeddingLength": 256}}),
    ],
)
def test_a_model_has_its_own_word_for_the_size(
    model: str, dimensions: int | None, more: dict[str, Any]
) -> None:
    body = draft_embed(asked(model, "a", dimensions=dimensions)).unwrap()
    assert body == {"inputText": "a", **more}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (asked(V1, "a", dimensions=256), f"{V1} has vectors of one size: leave the dimensions out"),
        (asked(V2, "a", "b"), f"{V2} takes one text at a time: max_batch_size is 1"),
        (asked("other.embed", "a"), "other.embed is neither one of Amazon's titan-embed models"),
    ],
)
def test_what_a_model_cannot_do_is_said(target: Target, message: str) -> None:
    problem = draft_embed(target).failure()
    assert problem.kind == "usage" and problem.message.startswith(message)


def test_the_vector_is_read_with_its_tokens() -> None:
    found = read_embed({"embedding": [1, 2], "inputTextTokenCount": 3}).unwrap()
    assert found.vectors == ([1, 2],) and found.usage == Usage(input=3, output=0)


@pytest.mark.parametrize("body", [None, {}, {"embedding": None}, {"message": "No."}])
def test_what_holds_no_vector_is_garbled(body: Any) -> None:
    assert read_embed(body).failure().kind == "garbled"
