"""Real answers about embeddings read as the vectors and the usage that they tell."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable
from typing import Any

import pytest
from support import SHARED, body_of, config

from loki.records import Ask, Draft, Request, Response
from loki.replies import Embeddings
from loki.stages import resolve
from loki.stages.parse_vectors import read_vectors


def compatible(name: str) -> dict[str, Any]:
    """A client of a known name."""
    return {"type": "openai-compatible", "name": name}


#: Which of our clients speaks to the provider of a recording.
CLIENTS: dict[str, dict[str, Any]] = {
    "openai": {"type": "openai"},
    "azure-openai": {"type": "azure-openai", "api_base": "https://a.example"},
    "openrouter": compatible("openrouter"),
    "mistral": compatible("mistral"),
    "perplexity": compatible("perplexity"),
    "voyage": compatible("voyageai"),
    "cohere": {"type": "cohere"},
    "gemini": {"type": "gemini"},
    "vertex": {"type": "vertexai", "project_id": "p"},
    "bedrock": {"type": "bedrock", "region": "us-east-1"},
}


def is_embedding(recording: Any) -> bool:
    return bool(recording["kind"] == "embed")


def recordings(failed: bool) -> list[Any]:
    """Recorded embeddings, as parameters; a visible skip where there are none."""
    found = [json.loads(file.read_text()) for file in sorted(SHARED.glob("recordings/*-*.json"))]
    chosen = [
        pytest.param(each, id=each["id"])
        for each in found
        if is_embedding(each) and (each["response"]["status"] >= 400) == failed
    ]
    missing = pytest.mark.skip(reason="no recorded exchanges: shared/recordings is not there")
    return chosen or [pytest.param(None, id="recordings", marks=missing)]


def model_of(recording: Any) -> str:
    """The model that was asked, by the url or the body."""
    body = recording["request"]["body"] or {}
    place = recording["request"]["url"].rpartition("/models/")[2].rpartition("/model/")[2]
    return str(body.get("model") or place.replace("%3A", ":").split("/")[0].split(":predict")[0])


def texts_of(recording: Any) -> tuple[str, ...]:
    """As many texts as were sent."""
    match recording["request"]["body"]:
        case {"input": str(text)} | {"inputText": str(text)}:
            return (text,)
        case {"input": list(rows)} | {"texts": list(rows)}:
            return tuple(rows)
        case {"requests": list(rows)} | {"instances": list(rows)}:
            return ("text",) * len(rows)
        case _:
            return ("text",) * int(recording["expected"]["vectors"][0])


def response_of(recording: Any, more: tuple[str, ...] = ()) -> Response:
    """The recorded answer to a request of ours."""
    client = CLIENTS[recording["provider"]]
    name, model = client.get("name", client["type"]), model_of(recording)
    known = config({**client, "models": [{"name": model, "type": "embedding"}]})
    ask = Ask(model=f"{name}:{model}", texts=(*texts_of(recording), *more))
    target = resolve(known, "embedding")(ask).unwrap()
    request = Request(Draft(target, "https://a.example/", {}, {}), "https://a.example/", {}, b"{}")
    answer = recording["response"]
    headers = {key.lower(): value for key, value in (answer["headers"] or {}).items()}
    return Response(request, answer["status"], headers, body_of(recording))


def told_vectors(body: Any) -> list[Any]:
    """The vectors as they stand in an answer, in any of its shapes."""
    match body:
        case {"data": list(rows)}:
            return [row["embedding"] for row in rows]
        case {"embeddings": {"float": list(vectors)}}:
            return vectors
        case {"embeddings": list(rows)}:
            return [row["values"] for row in rows]
        case {"predictions": list(rows)}:
            return [row["embeddings"]["values"] for row in rows]
        case _:
            return [body["embedding"]]


def numbers(result: Any, provider: str) -> list[float]:
    """A recorded vector by a reading of our own."""
    if not isinstance(result, str):
        return list(result)
    data = base64.b64decode(result)
    form = f"<{len(data)}b" if provider == "perplexity" else f"<{len(data) // 4}f"
    return list(struct.unpack(form, data))


#: Tokens that the recordings do not name, but their bytes do.
TOKENS: dict[str, Callable[[Any], Any]] = {
    "gemini": lambda body: body.get("usageMetadata", {}).get("promptTokenCount"),
    "vertex": lambda body: sum(
        row["embeddings"]["statistics"]["token_count"] for row in body["predictions"]
    ),
    "voyage": lambda body: body["usage"]["total_tokens"],
}


@pytest.mark.parametrize("recording", recordings(failed=False))
def test_vectors_and_usage_are_what_was_recorded(recording: Any) -> None:
    found: Embeddings = read_vectors(response_of(recording)).unwrap()
    body, provider = json.loads(body_of(recording)), recording["provider"]
    expected = [numbers(each, provider) for each in told_vectors(body)]
    assert [list(vector) for vector in found.vectors] == expected
    many, size = recording["expected"]["vectors"]
    assert len(found.vectors) == many
    assert size in ("b64", len(found.vectors[0]))
    result = recording["expected"]["usage_in"]
    counted = TOKENS[provider](body) if result is None else int(result)
    assert found.usage.input == counted
    assert found.usage.output == 0


@pytest.mark.parametrize("recording", recordings(failed=False))
def test_an_answer_with_a_vector_too_few_is_garbled(recording: Any) -> None:
    problem = read_vectors(response_of(recording, ("one more",))).failure()
    assert problem.kind == "garbled" and problem.sent
    many = recording["expected"]["vectors"][0]
    vectors = "1 vector" if many == 1 else f"{many} vectors"
    assert problem.message == f"{vectors} for {many + 1} texts"


KINDS = {400: "input", 401: "auth", 404: "config"}


@pytest.mark.parametrize("recording", recordings(failed=True))
def test_refusals_are_told_in_the_provider_s_words(recording: Any) -> None:
    problem = read_vectors(response_of(recording)).failure()
    status = recording["response"]["status"]
    assert problem.kind == KINDS[status] and problem.status == status and problem.sent
    assert problem.message in json.dumps(json.loads(body_of(recording)), ensure_ascii=False)
