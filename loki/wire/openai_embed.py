"""PURE. OpenAI's embeddings, which most compatible servers share: texts -> body -> vectors."""

from __future__ import annotations

import struct
from base64 import b64decode

from returns.result import Failure, Result, Success

from loki.measures import Vector, Vectors
from loki.problems import Problem
from loki.railway import gather
from loki.records import Json, JsonObject, Target, Usage
from loki.wire.codec import dig, integer, said
from loki.wire.errors import unknown_answer


def draft_embed(target: Target) -> Result[JsonObject, Problem]:
    """The body of a request for vectors.

    Source: OpenAI API reference, Create embeddings.
    """
    ask = target.ask
    return Success(
        said(
            {
                "model": target.model.real_name,
                "input": list(ask.texts),
                "dimensions": ask.dimensions,
                "encoding_format": "base64" if ask.encoding == "base64" else None,
            }
        )
    )


def read_embed(body: Json) -> Result[Vectors, Problem]:
    """The vectors, by their own index, and the tokens of all texts.

    >>> read_embed({"data": [{"index": 0, "embedding": [0.5, 1]}]}).unwrap().vectors
    ([0.5, 1],)
    """
    match body:
        case {"data": list(rows)} if all(isinstance(row, dict) for row in rows):
            ordered = sorted(rows, key=lambda row: integer(row.get("index")) or 0)
            usage = Usage(input=tokens(body.get("usage")), output=0)
            return gather(read_vector(row.get("embedding")) for row in ordered).map(
                lambda vectors: Vectors(vectors, usage)
            )
        case _:
            return Failure(unknown_answer(body, "an answer about embeddings"))


def tokens(usage: Json) -> int | None:
    """The tokens of the texts; some providers tell only the total, which is the same."""
    told = integer(dig(usage, "prompt_tokens"))
    return integer(dig(usage, "total_tokens")) if told is None else told


def read_vector(told: Json) -> Result[Vector, Problem]:
    """Numbers, or little-endian float32 in base64.

    >>> list(read_vector("AACAPwAAAEA=").unwrap())
    [1.0, 2.0]
    """
    match told:
        case str() if (decoded := floats(told)) is not None:
            return Success(decoded)
        case [int() | float(), *_]:
            return Success(told)
        case _:
            return Failure(unknown_answer(told, "a vector"))


def floats(words: str) -> Vector | None:
    """The numbers of a base64 text, None if it is none."""
    try:
        data = b64decode(words, validate=True)
        return struct.unpack(f"<{len(data) // 4}f", data)
    except (ValueError, struct.error):
        return None
