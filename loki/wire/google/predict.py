"""Vertex AI's ``predict``, for embeddings not by Gemini: texts -> body -> vectors."""

from __future__ import annotations

from returns.result import Result, Success

from loki.json_text import Json, JsonObject
from loki.problems import Problem, fail
from loki.records import Target
from loki.replies import Vectors
from loki.usage import Usage
from loki.wire.google import embeddings
from loki.wire.protocol import as_count, get_in, without_none
from loki.wire.vectors import read_all


def draft_embed(target: Target) -> Result[JsonObject, Problem]:
    """Return the body of ``predict``.

    Source: Vertex AI API reference, Text embeddings.
    """
    ask, name = target.ask, target.model.real_name
    if name.startswith("multimodalembedding"):
        return fail("usage", f"{name} has an API of its own, which is not spoken here")
    task = embeddings.TASKS.get(ask.purpose or "")
    instances = [without_none({"content": text, "task_type": task}) for text in ask.texts]
    parameters = without_none({"outputDimensionality": ask.dimensions})
    return Success({"instances": instances, **({"parameters": parameters} if parameters else {})})


def read_embed(body: Json) -> Result[Vectors, Problem]:
    """Return the vectors, in the order of the texts, each with its tokens, or as Gemini has them.

    >>> row = {"values": [0.5, 1], "statistics": {"token_count": 2}}
    >>> read_embed({"predictions": [{"embeddings": row}]}).unwrap().usage.input
    2
    """
    match body:
        case {"predictions": list(rows)}:
            counts = [
                as_count(get_in(row, "embeddings", "statistics", "token_count")) for row in rows
            ]
            known = [count for count in counts if count is not None]
            total = sum(known) if len(known) == len(counts) else None
            vectors = (get_in(row, "embeddings", "values") for row in rows)
            return read_all(vectors, Usage(input=total, output=0))
        case _:
            return embeddings.read_embed(body)
