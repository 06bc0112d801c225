"""Drafted bodies are what the packages of Cohere, AWS and Google know and would send."""

from __future__ import annotations

import inspect
import json
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support import auth_context
from wire.test_vendor_converse import as_given

from loki.config.build_config import build_config
from loki.edge.auth.credentials import make_authorize
from loki.pipeline import Env, prepare
from loki.problems import fail
from loki.records import Ask, Request

HERE = Path(__file__).parent / "fixtures"


def drafts(start: str) -> list[Any]:
    """The requests of a provider's fixtures."""
    found = {file.stem: json.loads(file.read_text()) for file in sorted(HERE.glob(f"{start}*"))}
    return [pytest.param(drafted(f), id=name) for name, f in found.items() if "request" in f]


def drafted(fixture: Any) -> Request:
    """The request of a fixture."""
    config = build_config({"clients": [fixture["client"]]}, "config.yaml", {}).unwrap()
    ask = Ask(**{**fixture["ask"], "texts": tuple(fixture["ask"]["texts"])})
    nowhere: Any = lambda request: fail("bug", "nothing is sent here")  # noqa: E731
    env = Env(config, make_authorize(auth_context({})), nowhere, nowhere, lambda: 1.8e9, float)
    return prepare(env, ask, "reranker").unwrap()


@pytest.mark.parametrize("request_", drafts("cohere"))
def test_cohere_would_send_the_same(request_: Request) -> None:
    cohere, httpx = pytest.importorskip("cohere"), pytest.importorskip("httpx")
    client_type = pytest.importorskip("cohere.v2.client").V2Client
    body, sent = json.loads(request_.content), []
    assert body.keys() <= inspect.signature(client_type.rerank).parameters.keys()

    def answer(request: Any) -> Any:
        sent.append((str(request.url), json.loads(request.content)))
        return httpx.Response(200, json={"results": []})

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        cohere.ClientV2(api_key="co-test", httpx_client=client).rerank(**body)
    assert sent == [(request_.url, body)]


def test_cohere_reads_its_answer_as_we_do() -> None:
    answers = pytest.importorskip("cohere.v2.types.v2rerank_response")
    fixture = json.loads((HERE / "cohere.json").read_text())
    result = answers.V2RerankResponse(**fixture["answer"])
    scores = [[row.index, row.relevance_score] for row in result.results]
    assert scores == fixture["ranking"]["scores"]
    assert result.meta.billed_units.search_units == fixture["ranking"]["usage"]["searches"]


def aws_service() -> Any:
    """The model that botocore has of the agents' runtime."""
    pytest.importorskip("botocore")
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return ServiceModel(Loader().load_service_model("bedrock-agent-runtime", "service-2"))


@pytest.mark.parametrize("request_", drafts("bedrock"))
def test_botocore_would_send_the_same(request_: Request) -> None:
    service = aws_service()
    from botocore.serialize import create_serializer
    from botocore.validate import ParamValidator

    operation, body = service.operation_model("Rerank"), json.loads(request_.content)
    given = as_given(body, operation.input_shape)
    report = ParamValidator().validate(given, operation.input_shape)
    assert not report.has_errors(), report.generate_report()
    serializer = create_serializer("rest-json", include_validation=False)
    theirs = serializer.serialize_to_request(given, operation)
    assert json.loads(theirs["body"]) == body
    assert urlsplit(request_.url).path == theirs["url_path"]
    assert f"/{service.signing_name}/aws4_request" in request_.headers["Authorization"]


def test_botocore_knows_the_host() -> None:
    aws_service()
    from botocore.loaders import Loader
    from botocore.regions import EndpointResolver

    resolver = EndpointResolver(Loader().load_data("endpoints"))
    found = resolver.construct_endpoint("bedrock-agent-runtime", "us-west-2")
    host = urlsplit(drafted(json.loads((HERE / "bedrock.json").read_text())).url).hostname
    assert found is not None and found["hostname"] == host


@pytest.mark.parametrize("request_", drafts("vertexai"))
def test_drafts_meet_google_s_discovery_document(request_: Request) -> None:
    pytest.importorskip("googleapiclient")
    from wire.test_vendor_gemini import KINDS

    folder = files("googleapiclient") / "discovery_cache" / "documents"
    document = json.loads((folder / "discoveryengine.v1.json").read_text())

    def meets(value: Any, kind: Any) -> None:
        kind = document["schemas"][kind["$ref"]] if "$ref" in kind else kind
        assert isinstance(value, KINDS[kind["type"]])
        for each in value if kind["type"] == "array" else ():
            meets(each, kind["items"])
        for name, each in value.items() if kind["type"] == "object" else ():
            meets(each, kind["properties"][name])

    meets(json.loads(request_.content), {"$ref": "GoogleCloudDiscoveryengineV1RankRequest"})
    locations = document["resources"]["projects"]["resources"]["locations"]["resources"]
    method = locations["rankingConfigs"]["methods"]["rank"]
    start, _, end = method["path"].partition("{+rankingConfig}")
    path = urlsplit(request_.url).path.lstrip("/")
    assert path.startswith(start) and path.endswith(end) and method["httpMethod"] == "POST"
    parts = path.removeprefix(start).removesuffix(end).split("/")
    assert parts[::2] == ["projects", "locations", "rankingConfigs"]
