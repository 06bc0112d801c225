"""Where the models on Vertex AI live, whose they are, and what a client of theirs must say."""

from __future__ import annotations

from typing import Any

import pytest
from support import config, target

from loki.messages import Message
from loki.providers.vertexai import host_of, publisher_of, vertex_url, vertex_wire
from loki.records import Ask, Target
from loki.stages import resolve


def vertex(model: str, stream: bool = False, **settings: Any) -> Target:
    """Return an ask of a model on Vertex AI."""
    listed = [{"name": "m", "real_name": model}]
    client = {"type": "vertexai", "project_id": "p q", "models": listed, **settings}
    return target(client, Ask((Message("user", "Hi"),), model="vertexai:m", stream=stream))


MAKERS = {
    "gemini-2.5-pro": ("google", "gemini"),
    "claude-opus-4-6@default": ("anthropic", "claude-vertex"),
    "mistral-medium-3": ("mistralai", "mistral-vertex"),
    "codestral-2": ("mistralai", "mistral-vertex"),
    "someone-s-own": ("google", "gemini"),
    "meta/llama-4-maverick-17b-128e-instruct-maas": ("", "openai"),
    "openai/gpt-oss-120b-maas": ("", "openai"),
    "deepseek-ai/deepseek-v3.2-maas": ("", "openai"),
    "qwen/qwen3-next-80b-a3b-instruct-maas": ("", "openai"),
    "zai-org/glm-5-maas": ("", "openai"),
    "xai/grok-4.1-fast-reasoning": ("", "openai"),
    "moonshotai/kimi-k2-thinking-maas": ("", "openai"),
    "minimaxai/minimax-m2-maas": ("", "openai"),
}


@pytest.mark.parametrize("model", MAKERS)
def test_a_model_is_its_maker_s_by_its_name(model: str) -> None:
    asked = vertex(model)
    assert (publisher_of(asked).name, vertex_wire(asked)) == MAKERS[model]


GLOBAL = "https://aiplatform.googleapis.com/v1/projects/p%20q/locations/global"
URLS: list[tuple[str, bool, dict[str, Any], str]] = [
    ("gem", False, {}, f"{GLOBAL}/publishers/google/models/gem:generateContent"),
    ("gem", True, {}, f"{GLOBAL}/publishers/google/models/gem:streamGenerateContent?alt=sse"),
    ("claude-x@1", False, {}, f"{GLOBAL}/publishers/anthropic/models/claude-x@1:rawPredict"),
    ("claude-x@1", True, {}, f"{GLOBAL}/publishers/anthropic/models/claude-x@1:streamRawPredict"),
    ("a/b", False, {}, f"{GLOBAL}/publishers/google/models/a%2Fb:generateContent"),
    ("123456", False, {}, f"{GLOBAL}/endpoints/123456:generateContent"),
    ("meta/llama-x-maas", False, {}, f"{GLOBAL}/endpoints/openapi/chat/completions"),
    ("meta/llama-x-maas", True, {}, f"{GLOBAL}/endpoints/openapi/chat/completions"),
    (
        "gem",
        False,
        {"location": "europe-west4"},
        "https://europe-west4-aiplatform.googleapis.com/v1/projects/p%20q/locations/europe-west4"
        "/publishers/google/models/gem:generateContent",
    ),
]


@pytest.mark.parametrize(("model", "stream", "settings", "url"), URLS)
def test_a_model_has_its_address(
    model: str, stream: bool, settings: dict[str, Any], url: str
) -> None:
    asked = vertex(model, stream, **settings)
    assert vertex_url(asked, "https://unused.example") == url


@pytest.mark.parametrize(
    ("base", "start"),
    [
        ("https://a.example", "https://a.example/v1/projects/"),
        ("https://a.example/v1", "https://a.example/v1/projects/"),
        ("https://a.example/v1beta1", "https://a.example/v1beta1/projects/"),
    ],
)
def test_a_base_of_one_s_own_may_name_the_version(base: str, start: str) -> None:
    assert vertex_url(vertex("gem", api_base=base), base).startswith(start)


@pytest.mark.parametrize("place", ["us", "eu", "global", "us-central1"])
def test_every_place_has_one_host(place: str) -> None:
    assert place == "global" or place in host_of(place)
    assert host_of(place).endswith(".googleapis.com")


LACKS: list[tuple[str, dict[str, Any], str]] = [
    ("gem", {}, "needs a project_id: the Google Cloud project that pays"),
    ("claude-x", {"api_key": "k"}, "needs a project_id: "),
    ("gem", {"api_key": "k", "access_token": "t"}, "needs a project_id: "),
]


@pytest.mark.parametrize(("model", "settings", "words"), LACKS)
def test_what_a_client_lacks_is_said(model: str, settings: dict[str, Any], words: str) -> None:
    listed = [{"name": "m", "real_name": model}]
    known = config({"type": "vertexai", "models": listed, **settings})
    problem = resolve(known)(Ask((Message("user", "Hi"),), model="vertexai:m")).failure()
    assert problem.kind == "config" and words in problem.message


def test_a_key_alone_reaches_google_s_own_models() -> None:
    known = config({"type": "vertexai", "api_key": "k", "models": [{"name": "gem"}]})
    assert resolve(known)(Ask((Message("user", "Hi"),), model="vertexai:gem")).unwrap()
