"""The provider's own tools go where its protocol lists tools; its web search in its own words."""

from __future__ import annotations

from typing import Any

import pytest
from support import config

from loki.messages import Message, Tool
from loki.problems import Problem
from loki.records import Ask
from loki.stages import draft, resolve


def drafted(client: dict[str, Any], **ask: Any) -> Any:
    """Return the body and the URL of an ask, or the Problem."""
    name = client.get("name", client["type"])
    model = ask.pop("model", "m")
    asked = Ask((Message("user", "Hi"),), model=f"{name}:{model}", stream=False, **ask)
    result = resolve(config(client))(asked).bind(draft)
    problem: Problem | None = None if result.value_or(None) else result.failure()
    return problem or (result.unwrap().body, result.unwrap().url)


def known(name: str, **more: Any) -> dict[str, Any]:
    """Return a client of a known name."""
    return {"type": "openai-compatible", "name": name, **more}


NOVA = {"toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]}}
CLAUDE = {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}
RESPONSES = {"tools": [{"type": "web_search"}]}

SEARCHES: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({"type": "claude"}, "m", CLAUDE),
    ({"type": "vertexai", "project_id": "p", "location": "global"}, "claude-sonnet-4-5", CLAUDE),
    ({"type": "gemini"}, "m", {"tools": [{"googleSearch": {}}]}),
    ({"type": "openai"}, "m", RESPONSES),
    ({"type": "openai"}, "gpt-4o-search-preview", {"web_search_options": {}}),
    ({"type": "azure-openai", "api_base": "https://a.example"}, "m", RESPONSES),
    (known("xai"), "m", RESPONSES),
    (known("openrouter"), "m", {"plugins": [{"id": "web"}]}),
    (known("perplexity"), "sonar", {}),
    (known("groq"), "m", {"tools": [{"type": "browser_search"}]}),
    (known("qianwen"), "m", {"enable_search": True}),
    (
        known("zhipuai"),
        "m",
        {"tools": [{"type": "web_search", "web_search": {"enable": True}}]},
    ),
    ({"type": "bedrock", "region": "us-east-1"}, "us.amazon.nova-premier-v1:0", NOVA),
]


@pytest.mark.parametrize(("client", "model", "words"), SEARCHES)
def test_a_search_is_asked_for_in_the_provider_s_words(
    client: dict[str, Any], model: str, words: dict[str, Any]
) -> None:
    (body, url), (plain, _) = (
        drafted(client, model=model, search=search) for search in (True, False)
    )
    assert {name: body[name] for name in words} == words
    assert url.endswith("/responses") == (words == RESPONSES)
    if words != RESPONSES:
        assert {name: value for name, value in body.items() if name not in words} == plain


@pytest.mark.parametrize(
    "client",
    [
        {"type": "cohere"},
        {"type": "bedrock", "region": "us-east-1"},
        known("deepseek"),
        known("local", api_base="http://a.example"),
    ],
)
def test_a_provider_without_a_search_of_its_own_is_not_asked(client: dict[str, Any]) -> None:
    problem = drafted(client, search=True)
    assert problem.kind == "usage" and problem.message.endswith(
        "has no web search of its own for m"
    )


RESPONDER = {"name": "m", "endpoint": "responses", "supports_function_calling": True}
OWN = {"type": "code_interpreter", "container": {"type": "auto"}}


@pytest.mark.parametrize(
    ("client", "place"),
    [
        ({"type": "claude"}, ("tools",)),
        ({"type": "gemini"}, ("tools",)),
        ({"type": "cohere"}, ("tools",)),
        ({"type": "openai", "models": [RESPONDER]}, ("tools",)),
        (known("local", api_base="http://a.example"), ("tools",)),
        ({"type": "bedrock", "region": "us-east-1"}, ("toolConfig", "tools")),
    ],
)
def test_the_provider_s_own_tools_stand_behind_ours_as_they_are(
    client: dict[str, Any], place: tuple[str, ...]
) -> None:
    ours = Tool("f", "", {"type": "object", "properties": {}})
    for tools in ((), (ours,)):
        body, _ = drafted(client, tools=tools, server_tools=(OWN,))
        for name in place:
            body = body[name]
        assert body[-1] == OWN and len(body) == len(tools) + 1
