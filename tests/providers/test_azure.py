"""Where the models at a resource of Azure live, and whose protocol each speaks."""

from __future__ import annotations

from typing import Any

import pytest
from support import target

from loki.messages import Message
from loki.providers import wire_name
from loki.providers.azure import azure_root
from loki.records import Ask
from loki.stages import draft

HI = (Message("user", "Hi"),)
ROOT = "https://r.services.ai.azure.com"
V1 = f"{ROOT}/openai/v1"

CHATS: list[tuple[str, str, str]] = [
    ("gpt-5", "openai", f"{V1}/chat/completions"),
    ("mistral-large-3", "openai", f"{V1}/chat/completions"),
    ("command-a", "openai", f"{V1}/chat/completions"),
    ("claude-sonnet-5", "claude", f"{ROOT}/anthropic/v1/messages"),
    ("Claude-Haiku-Mine", "claude", f"{ROOT}/anthropic/v1/messages"),
]


def client(base: str = ROOT, **settings: Any) -> dict[str, Any]:
    """Return a client of a resource."""
    return {"type": "azure-openai", "api_base": base, **settings}


@pytest.mark.parametrize("end", ["", "/openai/v1", "/openai", "/anthropic", "/models"])
@pytest.mark.parametrize(("model", "wire", "url"), CHATS)
def test_a_deployment_speaks_its_makers_protocol(model: str, wire: str, url: str, end: str) -> None:
    asked = target(client(ROOT + end), Ask(HI, model=f"azure-openai:{model}"))
    assert wire_name(asked) == wire
    drafted = draft(asked).unwrap()
    assert drafted.url == url and drafted.body["model"] == model
    assert ("anthropic-version" in drafted.headers) == (wire == "claude")


def test_a_deployment_of_another_name_is_claude_s_by_its_real_name() -> None:
    listed = [{"name": "mine", "real_name": "claude-opus-5"}]
    asked = target(client(models=listed), Ask(HI, model="azure-openai:mine"))
    assert draft(asked).unwrap().url == f"{ROOT}/anthropic/v1/messages"


def test_an_older_version_of_the_api_names_the_deployment_but_not_for_claude() -> None:
    for model, path in (
        ("gpt-4o", "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"),
        ("claude-x", "/anthropic/v1/messages"),
    ):
        asked = target(client(api_version="2024-10-21"), Ask(HI, model=f"azure-openai:{model}"))
        assert draft(asked).unwrap().url == ROOT + path


def test_documents_are_ranked_by_cohere() -> None:
    from support import config

    from loki.stages import resolve

    ask = Ask(query="q", texts=("a", "b"), model="azure-openai:Cohere-rerank-v4.0-pro")
    drafted = resolve(config(client()), "reranker")(ask).bind(draft).unwrap()
    assert drafted.url == f"{ROOT}/providers/cohere/v2/rerank"
    assert drafted.body["documents"] == ["a", "b"]


@pytest.mark.parametrize("base", ["https://a.example", "https://a.example/other"])
def test_an_address_without_a_path_of_ours_stays(base: str) -> None:
    assert azure_root(base) == base


THINKING: list[tuple[str, dict[str, Any]]] = [
    ("claude-sonnet-5", {"type": "disabled"}),
    ("claude-opus-4-5", {}),
    ("gpt-5.1", {}),
]


@pytest.mark.parametrize(("model", "thinking"), THINKING)
def test_a_claude_model_is_told_not_to_think_as_at_home(
    model: str, thinking: dict[str, Any]
) -> None:
    asked = target(client(), Ask(HI, model=f"azure-openai:{model}", reasoning="none"))
    assert draft(asked).unwrap().body.get("thinking", {}) == thinking


def test_a_claude_model_takes_no_more_sampling_than_at_home() -> None:
    from support import resolved

    ask = Ask(HI, model="azure-openai:claude-sonnet-5", temperature=0.5)
    assert "takes no temperature for claude-sonnet-5" in resolved(client(), ask).failure().message
