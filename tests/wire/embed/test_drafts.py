"""What each provider is asked for vectors: where, in which words, and what is refused unsent."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Success
from support import config, response

from loki.edge.auth.credentials import mask_draft
from loki.pipeline import Env, prepare
from loki.problems import fail
from loki.records import Ask, Request
from loki.stages import resolve
from loki.stages.batching import split_texts
from loki.stages.parse_vectors import read_vectors

OPENAI = {"type": "openai"}
AZURE = {"type": "azure-openai", "api_base": "https://r.openai.azure.com"}
OLDER = {**AZURE, "api_version": "2024-10-21"}
COHERE = {"type": "cohere"}
GEMINI = {"type": "gemini"}
VERTEX = {"type": "vertexai", "project_id": "p", "location": "us-central1"}
BEDROCK = {"type": "bedrock", "region": "us-east-1"}
JINA = {"type": "openai-compatible", "name": "jina"}
VOYAGE = {"type": "openai-compatible", "name": "voyageai"}
MISTRAL = {"type": "openai-compatible", "name": "mistral"}
PERPLEXITY = {"type": "openai-compatible", "name": "perplexity"}
OWN = {"type": "openai-compatible", "name": "own", "api_base": "http://localhost:8080/v1"}


def prepared(client: dict[str, Any], model: str, **asked: Any) -> Any:
    """The request for two texts, or why there is none."""
    name = client.get("name", client["type"])
    known = config({**client, "models": [{"name": model, "type": "embedding"}]})
    nowhere: Any = lambda request: fail("bug", "nothing is sent here")  # noqa: E731
    env = Env(known, mask_draft, nowhere, nowhere, lambda: 1.8e9, float)
    ask = Ask(**{"model": f"{name}:{model}", "texts": ("a", "b"), "stream": False, **asked})
    return prepare(env, ask, "embedding")


def gemini_row(text: str, **more: Any) -> dict[str, Any]:
    """A text as Gemini has it."""
    return {"content": {"parts": [{"text": text}]}, **more}


RUNTIME = "https://bedrock-runtime.us-east-1.amazonaws.com/model"
PLACE = (
    "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1"
    "/publishers/google/models"
)
QUERY = {"purpose": "query", "dimensions": 8}
BASE64 = {"encoding": "base64"}
ONE = {"texts": ("a",)}
MODEL = {"model": "models/g"}
ASKED = {"taskType": "RETRIEVAL_QUERY", "outputDimensionality": 8}

#: Client, model, what is asked -> url, body.
DRAFTS: list[tuple[dict[str, Any], str, dict[str, Any], str, dict[str, Any]]] = [
    (
        OPENAI,
        "text-embedding-3-small",
        {},
        "https://api.openai.com/v1/embeddings",
        {"model": "text-embedding-3-small", "input": ["a", "b"]},
    ),
    (
        OPENAI,
        "e",
        {**QUERY, **BASE64},
        "https://api.openai.com/v1/embeddings",
        {"model": "e", "input": ["a", "b"], "dimensions": 8, "encoding_format": "base64"},
    ),
    (
        AZURE,
        "mine",
        {},
        "https://r.openai.azure.com/openai/v1/embeddings",
        {"model": "mine", "input": ["a", "b"]},
    ),
    (
        OLDER,
        "mine",
        {},
        "https://r.openai.azure.com/openai/deployments/mine/embeddings?api-version=2024-10-21",
        {"model": "mine", "input": ["a", "b"]},
    ),
    (
        OWN,
        "e",
        ONE,
        "http://localhost:8080/v1/embeddings",
        {"model": "e", "input": ["a"]},
    ),
    (
        JINA,
        "jina-embeddings-v4",
        {**QUERY, **BASE64},
        "https://api.jina.ai/v1/embeddings",
        {
            "model": "jina-embeddings-v4",
            "input": ["a", "b"],
            "task": "retrieval.query",
            "dimensions": 8,
        },
    ),
    (
        JINA,
        "j",
        {"purpose": "document"},
        "https://api.jina.ai/v1/embeddings",
        {"model": "j", "input": ["a", "b"], "task": "retrieval.passage"},
    ),
    (
        VOYAGE,
        "voyage-4",
        {**QUERY, **BASE64},
        "https://api.voyageai.com/v1/embeddings",
        {
            "model": "voyage-4",
            "input": ["a", "b"],
            "input_type": "query",
            "output_dimension": 8,
            "encoding_format": "base64",
        },
    ),
    (
        MISTRAL,
        "codestral-embed",
        QUERY,
        "https://api.mistral.ai/v1/embeddings",
        {"model": "codestral-embed", "input": ["a", "b"], "output_dimension": 8},
    ),
    (
        PERPLEXITY,
        "pplx-embed-v1-4b",
        {**QUERY, **BASE64},
        "https://api.perplexity.ai/v1/embeddings",
        {"model": "pplx-embed-v1-4b", "input": ["a", "b"], "dimensions": 8},
    ),
    (
        COHERE,
        "embed-v4.0",
        {},
        "https://api.cohere.com/v2/embed",
        {
            "model": "embed-v4.0",
            "texts": ["a", "b"],
            "input_type": "search_document",
            "embedding_types": ["float"],
        },
    ),
    (
        COHERE,
        "embed-v4.0",
        QUERY,
        "https://api.cohere.com/v2/embed",
        {
            "model": "embed-v4.0",
            "texts": ["a", "b"],
            "input_type": "search_query",
            "embedding_types": ["float"],
            "output_dimension": 8,
        },
    ),
    (
        GEMINI,
        "g",
        {},
        "https://generativelanguage.googleapis.com/v1beta/models/g:batchEmbedContents",
        {"requests": [gemini_row("a", **MODEL), gemini_row("b", **MODEL)]},
    ),
    (
        GEMINI,
        "g",
        {**QUERY, **ONE},
        "https://generativelanguage.googleapis.com/v1beta/models/g:batchEmbedContents",
        {"requests": [gemini_row("a", **MODEL, **ASKED)]},
    ),
    (
        VERTEX,
        "text-embedding-005",
        QUERY,
        f"{PLACE}/text-embedding-005:predict",
        {
            "instances": [
                {"content": "a", "task_type": "RETRIEVAL_QUERY"},
                {"content": "b", "task_type": "RETRIEVAL_QUERY"},
            ],
            "parameters": {"outputDimensionality": 8},
        },
    ),
    (
        VERTEX,
        "gemini-embedding-001",
        QUERY,
        f"{PLACE}/gemini-embedding-001:batchEmbedContents",
        {
            "requests": [
                gemini_row("a", embedContentConfig=ASKED),
                gemini_row("b", embedContentConfig=ASKED),
            ]
        },
    ),
    (
        VERTEX,
        "gemini-embedding-001",
        ONE,
        f"{PLACE}/gemini-embedding-001:embedContent",
        gemini_row("a"),
    ),
    (
        BEDROCK,
        "amazon.titan-embed-text-v2:0",
        {**QUERY, **ONE},
        f"{RUNTIME}/amazon.titan-embed-text-v2%3A0/invoke",
        {"inputText": "a", "dimensions": 8},
    ),
    (
        BEDROCK,
        "amazon.titan-embed-text-v1",
        ONE,
        f"{RUNTIME}/amazon.titan-embed-text-v1/invoke",
        {"inputText": "a"},
    ),
    (
        BEDROCK,
        "amazon.titan-embed-image-v1",
        {**QUERY, **ONE},
        f"{RUNTIME}/amazon.titan-embed-image-v1/invoke",
        {"inputText": "a", "embeddingConfig": {"outputEmbeddingLength": 8}},
    ),
    (
        BEDROCK,
        "us.cohere.embed-v4:0",
        QUERY,
        f"{RUNTIME}/us.cohere.embed-v4%3A0/invoke",
        {
            "texts": ["a", "b"],
            "input_type": "search_query",
            "embedding_types": ["float"],
            "output_dimension": 8,
        },
    ),
]


@pytest.mark.parametrize(("client", "model", "asked", "url", "body"), DRAFTS)
def test_texts_are_asked_about_in_the_provider_s_words(
    client: dict[str, Any], model: str, asked: dict[str, Any], url: str, body: dict[str, Any]
) -> None:
    request: Request = prepared(client, model, **asked).unwrap()
    assert (request.url, json.loads(request.content)) == (url, body)


@pytest.mark.parametrize(
    ("client", "model", "asked", "message"),
    [
        (OPENAI, "text-embedding-ada-002", QUERY, "one size"),
        (COHERE, "embed-english-v3.0", QUERY, "one size"),
        (BEDROCK, "amazon.titan-embed-text-v1", {**QUERY, **ONE}, "one size"),
        (BEDROCK, "cohere.embed-multilingual-v3", QUERY, "one size"),
        (BEDROCK, "amazon.titan-embed-text-v2:0", {}, "one text at a time"),
        (BEDROCK, "amazon.nova-2-multimodal-embeddings-v1:0", ONE, "titan-embed"),
        (VOYAGE, "voyage-context-4", {}, "an API of its own"),
        (PERPLEXITY, "pplx-embed-context-v1-4b", {}, "an API of its own"),
        (VERTEX, "multimodalembedding@001", {}, "an API of its own"),
        ({"type": "claude"}, "claude", {}, "claude clients cannot embed"),
    ],
)
def test_what_cannot_be_asked_is_said_before_sending(
    client: dict[str, Any], model: str, asked: dict[str, Any], message: str
) -> None:
    problem = prepared(client, model, **asked).failure()
    assert problem.kind == "usage" and not problem.sent
    assert message in problem.message
    assert client.get("name", client["type"]) in problem.message


@pytest.mark.parametrize(
    ("client", "model", "more", "sizes"),
    [
        (COHERE, "embed-v4.0", {}, [96, 96, 8]),
        (GEMINI, "g", {}, [100, 100]),
        (BEDROCK, "titan-embed", {}, [1] * 200),
        (OPENAI, "e", {}, [200]),
        (OPENAI, "e", {"max_batch_size": 150}, [150, 50]),
    ],
)
def test_many_texts_go_in_as_few_requests_as_the_provider_allows(
    client: dict[str, Any], model: str, more: dict[str, Any], sizes: list[int]
) -> None:
    known = config({**client, "models": [{"name": model, "type": "embedding", **more}]})
    texts = tuple(map(str, range(200)))
    ask = Ask(model=f"{client['type']}:{model}", texts=texts)
    asks = split_texts(resolve(known, "embedding")(ask).unwrap())
    assert [len(each.texts) for each in asks] == sizes
    assert tuple(text for each in asks for text in each.texts) == texts
    assert not any(each.stream for each in asks)


# ---- answers that are none -----------------------------------------------------------------------

SHAPES: list[tuple[dict[str, Any], str, Any]] = [
    (OPENAI, "e", lambda rows: {"data": [{"embedding": row} for row in rows]}),
    (PERPLEXITY, "e", lambda rows: {"data": [{"embedding": row} for row in rows]}),
    (COHERE, "e", lambda rows: {"embeddings": {"float": rows}}),
    (GEMINI, "e", lambda rows: {"embeddings": [{"values": row} for row in rows]}),
    (VERTEX, "e", lambda rows: {"predictions": [{"embeddings": {"values": row}} for row in rows]}),
    (VERTEX, "gemini-e", lambda rows: {"embeddings": [{"values": row} for row in rows]}),
]


def answered(client: dict[str, Any], model: str, result: str) -> Any:
    """What an answer to two texts reads as."""
    return read_vectors(response(prepared(client, model).unwrap(), 200, result.encode()))


@pytest.mark.parametrize(("client", "model", "shape"), SHAPES)
def test_two_vectors_are_read(client: dict[str, Any], model: str, shape: Any) -> None:
    found = answered(client, model, json.dumps(shape([[1, 0.5], [-1, 1e-9]]))).unwrap()
    assert found.vectors == ([1, 0.5], [-1, 1e-9])


@pytest.mark.parametrize(("client", "model", "shape"), SHAPES)
@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        ["1"],
        [None],
        [0.5, True],
        [[1]],
        {"a": 1},
        7,
        "no base64!",
        "AAA=",
        [float("nan")],
    ],
    ids=repr,
)
def test_what_is_no_vector_is_garbled(
    client: dict[str, Any], model: str, shape: Any, odd: Any
) -> None:
    if client is PERPLEXITY and odd == "AAA=":
        return  # two bytes, which is what Perplexity's vectors are made of
    problem = answered(client, model, json.dumps(shape([[1.0], odd]))).failure()
    assert problem.kind == "garbled" and problem.sent


@pytest.mark.parametrize(("client", "model", "shape"), SHAPES)
@pytest.mark.parametrize(
    "expected", ["", "null", "[]", "{}", '"x"', "7", '{"data": {}}', '{"data": [null]}', "[" * 9999]
)
def test_json_of_another_shape_is_garbled(
    client: dict[str, Any], model: str, shape: Any, expected: str
) -> None:
    assert answered(client, model, expected).failure().kind == "garbled"


KEYS = st.sampled_from(
    ["data", "index", "embedding", "embeddings", "float", "values", "predictions", "usage", "meta"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
)


@pytest.mark.parametrize(("client", "model", "shape"), SHAPES)
@given(odd=JSON, inside=st.booleans())
def test_whatever_is_answered_it_is_vectors_or_a_problem(
    client: dict[str, Any], model: str, shape: Any, odd: Any, inside: bool
) -> None:
    found = answered(client, model, json.dumps(shape([[1.0], odd]) if inside else odd))
    if isinstance(found, Success):
        assert len(found.unwrap().vectors) == 2
        assert all(isfinite(x) for vector in found.unwrap().vectors for x in vector)
    else:
        assert found.failure().message


def test_an_error_of_status_200_is_told_as_such() -> None:
    result = '{"error": {"message": "Slow down.", "code": 429}}'
    problem = answered(OWN, "e", result).failure()
    assert (problem.kind, problem.message) == ("busy", "Slow down.")


def test_vectors_keep_the_order_of_the_texts_whatever_that_of_the_answer() -> None:
    rows = [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]
    assert answered(OWN, "e", json.dumps({"data": rows})).unwrap().vectors == ([1.0], [2.0])
