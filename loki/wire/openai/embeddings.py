"""OpenAI's embeddings, and those of its imitators: texts -> body -> vectors."""

from __future__ import annotations

import json
from functools import partial

from returns.result import Failure, Result, Success

from loki.json_text import Json, JsonObject
from loki.problems import Problem, excerpt, fail
from loki.record import replace
from loki.records import Target
from loki.replies import Vectors
from loki.usage import Usage
from loki.wire.errors import unknown_answer
from loki.wire.openai.chat_response import read_error_event
from loki.wire.openai.usage import read_cost
from loki.wire.protocol import DraftBody, as_count, as_index, get_in, without_none
from loki.wire.vectors import ReadVector, read_all, read_bytes, read_vector


def shared_fields(target: Target) -> JsonObject:
    """Return the fields that all dialects share."""
    return {"model": target.model.real_name, "input": list(target.ask.texts)}


def encoding_of(target: Target) -> str | None:
    """Return the encoding to ask for; None for numbers, which are the default."""
    return "base64" if target.ask.encoding == "base64" else None


def draft_embed(target: Target) -> Result[JsonObject, Problem]:
    """Return the body of a request for vectors; OpenAI has no field for their purpose.

    Source: OpenAI API reference, Create embeddings.
    """
    name, dimensions = target.model.real_name, target.ask.dimensions
    if dimensions is not None and "ada-002" in name:
        return fail("usage", f"{name} has vectors of one size: leave the dimensions out")
    options = {"dimensions": dimensions, "encoding_format": encoding_of(target)}
    return Success(without_none({**shared_fields(target), **options}))


def draft_jina(target: Target) -> Result[JsonObject, Problem]:
    """Return the body in Jina's dialect."""
    tasks = {"query": "retrieval.query", "document": "retrieval.passage"}
    options = {"task": tasks.get(target.ask.purpose or ""), "dimensions": target.ask.dimensions}
    return Success(without_none({**shared_fields(target), **options}))


def draft_voyage(target: Target) -> Result[JsonObject, Problem]:
    """Return the body in Voyage's dialect; two families of its models have APIs of their own.

    Source: the package voyageai 0.5.
    """
    name = target.model.real_name
    if name.startswith(("voyage-context", "voyage-multimodal")):
        return fail("usage", f"{name} has an API of its own, which is not spoken here")
    options = {
        "input_type": target.ask.purpose,
        "output_dimension": target.ask.dimensions,
        "encoding_format": encoding_of(target),
    }
    return Success(without_none({**shared_fields(target), **options}))


def draft_mistral(target: Target) -> Result[JsonObject, Problem]:
    """Return the body in Mistral's dialect."""
    return Success(
        without_none({**shared_fields(target), "output_dimension": target.ask.dimensions})
    )


def draft_perplexity(target: Target) -> Result[JsonObject, Problem]:
    """Return the body in Perplexity's dialect; its vectors are always base64."""
    name = target.model.real_name
    if name.startswith("pplx-embed-context"):
        return fail("usage", f"{name} has an API of its own, which is not spoken here")
    return Success(without_none({**shared_fields(target), "dimensions": target.ask.dimensions}))


def read_embed(body: Json, read: ReadVector = read_vector) -> Result[Vectors, Problem]:
    """Return the vectors in the order of their own index, and the tokens of all texts.

    >>> rows = [{"index": 1, "embedding": [2, 0]}, {"index": 0, "embedding": [0.5, 1]}]
    >>> read_embed({"data": rows}).unwrap().vectors
    ([0.5, 1], [2, 0])
    """
    match body:
        case {"data": list(rows)} if all(isinstance(row, dict) for row in rows):
            usage = read_usage(body.get("usage"))
            ordered = sort_by_index(rows)
            if ordered is None:
                return Failure(replace(explain_indexes(rows), usage=usage))
            return read_all((row.get("embedding") for row in ordered), usage, read)
        case {"error": error} if error:
            return Failure(read_error_event(body)[0])
        case _:
            return Failure(unknown_answer(body, "an answer about embeddings"))


def sort_by_index(rows: list[JsonObject]) -> list[JsonObject] | None:
    """Return rows by their own index, or as they came where none has one.

    None where the indexes are not 0, 1, 2 … each once: nobody knows then whose vector is whose.

    >>> sort_by_index([{"index": 1}, {"index": 0}]), sort_by_index([{}, {}])
    ([{'index': 0}, {'index': 1}], [{}, {}])
    >>> sort_by_index([{}, {"index": 0}])
    """
    indexes = [row.get("index") for row in rows]
    if all(index is None for index in indexes):
        return rows
    by_index = {as_index(index): row for index, row in zip(indexes, rows, strict=True)}
    whole = by_index.keys() == {*range(len(rows))}
    return [by_index[index] for index in range(len(rows))] if whole else None


def explain_indexes(rows: list[JsonObject]) -> Problem:
    """Return the Problem that vectors cannot be told apart by their indexes."""
    shown = excerpt(json.dumps([row.get("index") for row in rows[:20]]), 200)
    due = f"0 to {len(rows) - 1}, each once"
    return Problem("garbled", f"the vectors' indexes are {shown}, not {due}", sent=True)


#: Perplexity packs signed bytes, not floats.
read_perplexity = partial(read_embed, read=read_bytes)


def read_usage(raw: Json) -> Usage:
    """Return the tokens of the texts; some providers give only the total, which is the same.

    >>> read_usage({"total_tokens": 3}).input
    3
    """
    counts = [as_count(get_in(raw, name)) for name in ("prompt_tokens", "total_tokens")]
    known = next((count for count in counts if count is not None), None)
    return Usage(input=known, output=0, told_cost=read_cost(raw if isinstance(raw, dict) else {}))


#: The body in each dialect.
DRAFTS: dict[str, DraftBody] = {
    "openai": draft_embed,
    "jina": draft_jina,
    "voyage": draft_voyage,
    "mistral": draft_mistral,
    "perplexity": draft_perplexity,
}
