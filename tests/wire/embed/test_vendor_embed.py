"""Drafts about embeddings are what the vendors' own packages know and would send."""

from __future__ import annotations

import inspect
import json
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from vendors import strict
from wire.embed.test_drafts import ASKED, DRAFTS, prepared


def drafts(kind: str) -> list[Any]:
    """The table's rows for a client, by its name or else its type: client, model, what is asked."""
    found = [(client, model, asked) for client, model, asked, _, _ in DRAFTS]
    return [row for row in found if row[0].get("name", row[0]["type"]) == kind]


def sent(row: tuple[Any, ...]) -> tuple[str, Any]:
    """Our url and body."""
    request = prepared(row[0], row[1], **row[2]).unwrap()
    return request.url, json.loads(request.content)


def overheard(httpx: Any, answer: Any) -> tuple[list[Any], Any]:
    """A list that fills with what is sent, and a client that answers it."""
    received: list[Any] = []

    def record_request(request: Any) -> Any:
        received.append((str(request.url), json.loads(request.content)))
        return httpx.Response(200, json=answer)

    return received, httpx.Client(transport=httpx.MockTransport(record_request))


@pytest.mark.parametrize("row", drafts("openai"))
def test_openai_would_send_the_same(row: Any) -> None:
    openai, httpx = pytest.importorskip("openai"), pytest.importorskip("httpx2")
    pydantic = pytest.importorskip("pydantic")
    params = pytest.importorskip("openai.types.embedding_create_params").EmbeddingCreateParams
    url, body = sent(row)
    assert body.keys() <= params.__annotations__.keys()
    pydantic.TypeAdapter(params).validate_python(body)
    received, client = overheard(httpx, {"data": [], "usage": {}})
    with client:
        vendor = openai.OpenAI(api_key="k", http_client=client)
        vendor.embeddings.create(**{"encoding_format": "float", **body})
    assert received == [(url, {"encoding_format": "float", **body})]


@pytest.mark.parametrize("row", drafts("cohere"))
def test_cohere_would_send_the_same(row: Any) -> None:
    cohere, httpx = pytest.importorskip("cohere"), pytest.importorskip("httpx")
    url, body = sent(row)
    answer = {"id": "e", "response_type": "embeddings_by_type", "embeddings": {}, "texts": []}
    received, client = overheard(httpx, answer)
    with client:
        vendor = cohere.ClientV2(api_key="k", httpx_client=client)
        assert body.keys() <= inspect.signature(vendor.embed).parameters.keys()
        vendor.embed(**body)
    assert received == [(url, body)]


@pytest.mark.parametrize("row", drafts("gemini") + drafts("vertexai"))
def test_google_would_send_the_same(row: Any) -> None:
    genai, httpx = pytest.importorskip("google.genai"), pytest.importorskip("httpx")
    credentials = pytest.importorskip("google.oauth2.credentials").Credentials
    client, model, asked = row
    url, body = sent(row)
    received, http = overheard(httpx, {})
    options = {"httpx_client": http, "api_version": "v1beta"}
    if client["type"] == "vertexai":
        vendor = genai.Client(
            vertexai=True,
            project="p",
            location="us-central1",
            credentials=credentials("token"),
            http_options={**options, "api_version": "v1"},
        )
    else:
        vendor = genai.Client(api_key="k", http_options=options)
    given = {"task_type": ASKED["taskType"], "output_dimensionality": ASKED["outputDimensionality"]}
    texts = list(asked.get("texts", ("a", "b")))
    with http:
        vendor.models.embed_content(
            model=model, contents=texts, config=given if "purpose" in asked else None
        )
    assert [(place, plain(result)) for place, result in received] == [(url, body)]


def plain(result: Any) -> Any:
    """A body without the role that Google's package adds to every content."""
    match result:
        case dict():
            return {key: plain(value) for key, value in result.items() if key != "role"}
        case list():
            return [plain(each) for each in result]
        case _:
            return result


@pytest.mark.parametrize("row", drafts("mistral"))
def test_mistral_would_send_the_same(row: Any) -> None:
    mistral, httpx = pytest.importorskip("mistralai.client"), pytest.importorskip("httpx2")
    url, body = sent(row)
    usage = {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1}
    answer = {"id": "e", "object": "list", "model": "m", "data": [], "usage": usage}
    received, client = overheard(httpx, answer)
    with client:
        embeddings = mistral.Mistral(api_key="k", client=client).embeddings
        embeddings.create(**{"inputs" if name == "input" else name: v for name, v in body.items()})
    assert received == [(url, body)]


@pytest.mark.parametrize("row", drafts("perplexity"))
def test_perplexity_would_send_the_same(row: Any) -> None:
    perplexity, httpx = pytest.importorskip("perplexity"), pytest.importorskip("httpx")
    params = pytest.importorskip("perplexity.types.embedding_create_params").EmbeddingCreateParams
    url, body = sent(row)
    strict("perplexity.types", params).validate_python(body, strict=True)
    received, client = overheard(httpx, {"data": []})
    with client:
        perplexity.Perplexity(api_key="k", http_client=client).embeddings.create(**body)
    assert received == [(url, body)]


@pytest.mark.parametrize("row", drafts("bedrock"))
def test_botocore_would_invoke_the_same_model(row: Any) -> None:
    pytest.importorskip("botocore")
    from botocore.serialize import create_serializer
    from botocore.validate import ParamValidator
    from wire.test_vendor_converse import MODEL

    request = prepared(row[0], row[1], **row[2]).unwrap()
    operation = MODEL.operation_model("InvokeModel")
    given = {
        "modelId": unquote(urlsplit(request.url).path.split("/")[-2]),
        "body": request.content,
        "contentType": request.headers["Content-Type"],
    }
    report = ParamValidator().validate(given, operation.input_shape)
    assert not report.has_errors(), report.generate_report()
    theirs = create_serializer("rest-json").serialize_to_request(given, operation)
    assert (theirs["body"], theirs["method"]) == (request.content, "POST")
    assert urlsplit(request.url).path == theirs["url_path"]
    assert theirs["headers"].items() <= request.headers.items()
