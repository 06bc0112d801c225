"""Google's embeddings by Gemini models, on either of its APIs: texts -> body -> vectors."""

from __future__ import annotations

from returns.result import Failure, Result, Success

from loki.json_text import Json, JsonObject
from loki.problems import Problem
from loki.records import Target
from loki.replies import Vectors
from loki.usage import Usage
from loki.wire.errors import unknown_answer
from loki.wire.protocol import as_count, get_in, without_none
from loki.wire.vectors import read_all

#: What the vectors are for, in Google's words.
TASKS = {"query": "RETRIEVAL_QUERY", "document": "RETRIEVAL_DOCUMENT"}


#: The same before the text, as gemini-embedding-2 takes it; it ignores the field.
#: Source: Gemini API, Embeddings, task prefixes.
PREFIXES = {"query": "task: search result | query: ", "document": "title: none | text: "}


def draft_embed(target: Target) -> Result[JsonObject, Problem]:
    """Return the body of ``batchEmbedContents``, for one text too.

    Source: Gemini API reference, models.batchEmbedContents.
    """
    model = {"model": f"models/{target.model.real_name}"}
    asked = options(target)
    return Success({"requests": [{**model, **content(text), **asked} for text in texts_of(target)]})


def draft_vertex(target: Target) -> Result[JsonObject, Problem]:
    """Return the body on Vertex AI, which has a method for one text and one for several.

    Source: the package google-genai 3.4.
    """
    asked = options(target)
    config = {"embedContentConfig": asked} if asked else {}
    requests = [{**content(text), **config} for text in texts_of(target)]
    return Success(requests[0] if len(requests) == 1 else {"requests": requests})


def is_prompted(target: Target) -> bool:
    """Return whether a model is told the purpose of its vectors in the text, not in a field."""
    return "gemini-embedding-2" in target.model.real_name


def texts_of(target: Target) -> tuple[str, ...]:
    """Return the texts, with the prefix that tells their purpose where the model wants one."""
    prefix = PREFIXES.get(target.ask.purpose or "", "") if is_prompted(target) else ""
    return tuple(prefix + text for text in target.ask.texts)


def content(text: str) -> JsonObject:
    """Return a text as Google's content."""
    return {"content": {"parts": [{"text": text}]}}


def options(target: Target) -> JsonObject:
    """Return the options of the vectors."""
    return without_none(
        {
            "taskType": None if is_prompted(target) else TASKS.get(target.ask.purpose or ""),
            "outputDimensionality": target.ask.dimensions,
        }
    )


def read_embed(body: Json) -> Result[Vectors, Problem]:
    """Return the vectors, in the order of the texts; older models report no tokens.

    >>> read_embed({"embeddings": [{"values": [0.5, 1]}]}).unwrap().vectors
    ([0.5, 1],)
    """
    match body:
        case {"embeddings": list(rows)}:
            pass
        case {"embedding": dict(row)}:
            rows = [row]
        case _:
            return Failure(unknown_answer(body, "an answer about embeddings"))
    tokens = as_count(get_in(body, "usageMetadata", "promptTokenCount"))
    return read_all((get_in(row, "values") for row in rows), Usage(input=tokens, output=0))
