"""Cohere's embeddings, its own and those on Bedrock: texts -> body -> vectors."""

from __future__ import annotations

from returns.result import Failure, Result, Success

from loki.json_text import Json, JsonObject
from loki.problems import Problem, fail
from loki.records import Target
from loki.replies import Vectors
from loki.usage import Usage
from loki.wire.errors import unknown_answer
from loki.wire.protocol import as_count, get_in, without_none
from loki.wire.vectors import read_all


def draft_embed(target: Target) -> Result[JsonObject, Problem]:
    """Return the body of a request for vectors; Cohere wants to know their purpose.

    Source: Cohere API reference, v2/embed.
    """
    name = target.model.real_name
    if target.ask.dimensions is not None and is_version_3(name):
        return fail("usage", f"{name} has vectors of one size: leave the dimensions out")
    return Success(
        without_none(
            {
                "model": name,
                "texts": list(target.ask.texts),
                "input_type": f"search_{target.ask.purpose or 'document'}",
                "embedding_types": ["float"],
                "output_dimension": target.ask.dimensions,
            }
        )
    )


def draft_bedrock(target: Target) -> Result[JsonObject, Problem]:
    """Return the body on Bedrock, where the URL names the model."""
    return draft_embed(target).map(
        lambda body: {key: value for key, value in body.items() if key != "model"}
    )


def is_version_3(name: str) -> bool:
    """Return whether a model is of the third generation, or older.

    >>> is_version_3("embed-english-v3.0"), is_version_3("us.cohere.embed-v4:0")
    (True, False)
    """
    return any(kind in name for kind in ("embed-english", "embed-multilingual"))


def read_embed(body: Json) -> Result[Vectors, Problem]:
    """Return the vectors, in the order of the texts, and the billed tokens.

    >>> read_embed({"embeddings": {"float": [[0.5, 1]]}}).unwrap().vectors
    ([0.5, 1],)
    """
    match body:
        case {"embeddings": {"float": list(vectors)}} | {"embeddings": list(vectors)}:
            tokens = as_count(get_in(body, "meta", "billed_units", "input_tokens"))
            return read_all(vectors, Usage(input=tokens, output=0))
        case _:
            return Failure(unknown_answer(body, "an answer about embeddings"))
