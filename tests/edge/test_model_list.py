"""A provider's list of models over the network: where it is, its pages, and what can go wrong."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
import responses
from returns.result import Result
from servers import Script, plain, serving

from loki.config.build_config import build_config
from loki.edge.env import make_env
from loki.edge.model_list import list_models
from loki.json_text import JsonObject
from loki.problems import Problem
from loki.records import Ask, Limits, Model
from loki.stages.resolve import fill_defaults

KEY = "sk-0123456789"
EMPTY: Any = {"data": [], "models": [], "publisherModels": []}


def asked(entry: dict[str, Any], **environ: str) -> Result[tuple[JsonObject, ...], Problem]:
    """Return what the provider of a client lists."""
    config = build_config({"clients": [entry]}, "c.yaml", environ).unwrap()
    limits = Limits(retries=0, total=20)
    target = fill_defaults(
        config, Ask(stream=False, limits=limits), config.clients[0], Model("", "")
    )
    env = make_env(config, environ, keep=False)
    return target.bind(lambda target: list_models(env, target))


def compatible(name: str, **settings: Any) -> dict[str, Any]:
    """Return a client of a compatible provider."""
    return {"type": "openai-compatible", "name": name, "api_key": KEY, **settings}


VERTEX = {"type": "vertexai", "project_id": "p", "access_token": KEY}
BEDROCK = {"type": "bedrock", "region": "eu-west-1"}
SIGNED = {"access_key_id": "AKIA", "secret_access_key": KEY}
AZURE = {"type": "azure-openai", "api_base": "https://r.example/openai/v1", "api_key": KEY}

#: Clients, the first address of their lists, and the header that carries their credential.
LISTS: list[tuple[dict[str, Any], str, str, str]] = [
    (
        {"type": "openai", "api_key": KEY},
        "https://api.openai.com/v1/models",
        "Authorization",
        f"Bearer {KEY}",
    ),
    (
        {"type": "claude", "api_key": KEY},
        "https://api.anthropic.com/v1/models?limit=1000",
        "x-api-key",
        KEY,
    ),
    (
        {"type": "gemini", "api_key": KEY},
        "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000",
        "x-goog-api-key",
        KEY,
    ),
    (
        {"type": "cohere", "api_key": KEY},
        "https://api.cohere.com/v1/models?page_size=1000",
        "Authorization",
        f"Bearer {KEY}",
    ),
    (AZURE, "https://r.example/openai/v1/models", "api-key", KEY),
    (
        {**AZURE, "api_version": "2024-10-21"},
        "https://r.example/openai/models?api-version=2024-10-21",
        "api-key",
        KEY,
    ),
    (
        VERTEX,
        "https://aiplatform.googleapis.com/v1beta1/publishers/google/models?pageSize=1000",
        "Authorization",
        f"Bearer {KEY}",
    ),
    (
        {**BEDROCK, "api_key": KEY},
        "https://bedrock.eu-west-1.amazonaws.com/foundation-models",
        "Authorization",
        f"Bearer {KEY}",
    ),
    (
        {**BEDROCK, **SIGNED},
        "https://bedrock.eu-west-1.amazonaws.com/foundation-models",
        "Authorization",
        "AWS4-HMAC-SHA256 Credential=AKIA/",
    ),
    (compatible("mistral"), "https://api.mistral.ai/v1/models", "Authorization", f"Bearer {KEY}"),
    (
        compatible("github"),
        "https://models.github.ai/catalog/models",
        "Authorization",
        f"Bearer {KEY}",
    ),
    (compatible("ollama"), "http://localhost:11434/api/tags", "Authorization", f"Bearer {KEY}"),
    (
        compatible("databricks", api_base="https://w.example"),
        "https://w.example/api/2.0/serving-endpoints",
        "Authorization",
        f"Bearer {KEY}",
    ),
    (
        compatible("mine", api_base="https://m.example/v1/"),
        "https://m.example/v1/models",
        "Authorization",
        f"Bearer {KEY}",
    ),
]


@pytest.mark.parametrize(("client", "url", "header", "value"), LISTS)
def test_a_list_is_asked_for_where_it_is_with_the_client_s_credential(
    client: dict[str, Any], url: str, header: str, value: str
) -> None:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as network:
        network.get(url, json=EMPTY, match=[responses.matchers.query_string_matcher(query(url))])
        network.get("https://bedrock.eu-west-1.amazonaws.com/inference-profiles", json=EMPTY)
        for maker in ("anthropic", "mistralai", "meta", "openai", "qwen", "xai", "minimaxai"):
            network.get(vertex_url(maker), json=EMPTY)
        for maker in ("deepseek-ai", "zai-org", "moonshotai"):
            network.get(vertex_url(maker), json=EMPTY)
        assert asked(client).unwrap() == ()
        first = network.calls[0].request
    assert first.method == "GET" and first.body is None
    assert first.headers[header].startswith(value) and "Content-Length" not in first.headers
    assert first.headers["User-Agent"].startswith("loki/")
    if client["type"] == "claude":
        assert first.headers["anthropic-version"] == "2023-06-01"


def query(url: str) -> str:
    """Return the query of a URL."""
    return url.partition("?")[2]


def vertex_url(maker: str) -> str:
    """Return the URL of a maker's models."""
    return f"https://aiplatform.googleapis.com/v1beta1/publishers/{maker}/models"


def test_all_pages_are_read() -> None:
    pages = [
        plain({"data": [{"id": "a"}, {"id": "b"}], "has_more": True, "last_id": "b"}),
        plain({"data": [{"id": "c"}, {"id": "a"}], "has_more": False, "last_id": "a"}),
    ]
    with serving(*pages) as server:
        client = {"type": "claude", "api_key": KEY, "api_base": f"{server.address}/v1"}
        assert [each["name"] for each in asked(client).unwrap()] == ["a", "b", "c"]
    lines = [each.line for each in server.asked]
    assert lines[0].startswith("GET /v1/models?limit=1000 ")
    assert lines[1].startswith("GET /v1/models?limit=1000&after_id=b ")


def test_a_list_without_end_is_left() -> None:
    numbers = count()
    with serving(
        lambda asked: plain({"models": [], "nextPageToken": f"{next(numbers)}"})
    ) as server:
        client = {"type": "gemini", "api_key": KEY, "api_base": server.address}
        problem = asked(client).failure()
    assert problem.kind == "garbled" and "has more than 100 pages" in problem.message
    assert len(server.asked) == 100


def test_profiles_come_beside_models_and_their_want_is_no_failure() -> None:
    models = {"modelSummaries": [{"modelId": "maker.m"}]}
    profiles = {"inferenceProfileSummaries": [{"inferenceProfileId": "jp.maker.m"}]}
    root = "https://bedrock.eu-west-1.amazonaws.com"
    for answer, status, names in (
        (profiles, 200, ["maker.m", "jp.maker.m"]),
        ({"message": "no"}, 403, ["maker.m"]),
    ):
        with responses.RequestsMock() as network:
            network.get(f"{root}/foundation-models", json=models)
            network.get(f"{root}/inference-profiles", json=answer, status=status)
            found = asked({**BEDROCK, **SIGNED}).unwrap()
        assert [each["name"] for each in found] == names


FAILURES: dict[str, tuple[Script, str, str]] = {
    "a wrong key": (plain({"error": {"message": f"bad {KEY}"}}, 401), "auth", "bad ***"),
    "no such list": (plain({"error": {"message": "no route"}}, 404), "config", "no route"),
    "a page": (plain(b"<html>"), "garbled", "something that is no list of models"),
    "an answer": (plain({"choices": []}), "garbled", "something that is no list of models"),
    "too many": (plain({"error": {"message": "slow"}}, 429), "busy", "slow"),
    "nobody": (None, "offline", "closed the connection"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_list_that_is_not_to_be_had_fails_as_usual(case: str) -> None:
    script, kind, message = FAILURES[case]
    with serving(script) as server:
        client = {"type": "openai", "api_key": KEY, "api_base": server.address}
        problem = asked(client).failure()
    assert (problem.kind, message in problem.message) == (kind, True), problem.message
    assert KEY not in problem.message
