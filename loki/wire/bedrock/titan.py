"""Amazon's embeddings, on Bedrock: a text -> body -> its vector."""

from __future__ import annotations

from returns.result import Failure, Result, Success

from loki.json_text import Json, JsonObject
from loki.problems import Problem, fail
from loki.records import Target
from loki.replies import Vectors
from loki.usage import Usage
from loki.wire.errors import unknown_answer
from loki.wire.protocol import as_count
from loki.wire.vectors import read_all


def draft_embed(target: Target) -> Result[JsonObject, Problem]:
    """Return the body for one vector; Titan embeds text by text and knows no purpose.

    Source: Amazon Bedrock user guide, Amazon Titan Text Embeddings.
    """
    name, ask = f"{target.model.real_name} {target.model.name}", target.ask
    if "titan-embed" not in name:
        return fail(
            "usage",
            f"{target.model.name} is neither one of Amazon's titan-embed models nor one of"
            " Cohere's, by its name; no others are spoken here",
        )
    if len(ask.texts) > 1:
        return fail("usage", f"{target.model.name} takes one text at a time: max_batch_size is 1")
    body: JsonObject = {"inputText": "".join(ask.texts)}
    if ask.dimensions is None:
        return Success(body)
    if "titan-embed-image" in name:
        return Success({**body, "embeddingConfig": {"outputEmbeddingLength": ask.dimensions}})
    if "titan-embed-text-v2" in name:
        return Success({**body, "dimensions": ask.dimensions})
    return fail("usage", f"{target.model.name} has vectors of one size: leave the dimensions out")


def read_embed(body: Json) -> Result[Vectors, Problem]:
    """Return the vector and the tokens of its text.

    >>> read_embed({"embedding": [0.5, 1], "inputTextTokenCount": 2}).unwrap().usage.input
    2
    """
    match body:
        case {"embedding": vector}:
            usage = Usage(input=as_count(body.get("inputTextTokenCount")), output=0)
            return read_all([vector], usage)
        case _:
            return Failure(unknown_answer(body, "an answer about embeddings"))
