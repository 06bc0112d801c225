"""Every name of the original's models and of its successor's, by the real commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from commands import Home
from support import SHARED

from loki.providers import KNOWN, TYPES

LISTS = {name: SHARED / "upstream" / f"models-{name}.json" for name in ("loki-0.3", "coyote-0.8")}
COMMANDS = {"chat": "loki-pipe", "embedding": "loki-embed", "reranker": "loki-rerank"}

#: What a client of these must say before it can be asked.
NEEDED = {
    "AWS_REGION": "us-east-1",
    "GOOGLE_CLOUD_PROJECT": "p",
    "CLOUDFLARE_API_BASE": "https://api.cloudflare.com/client/v4/accounts/a/ai/v1",
}


def names() -> Iterator[Any]:
    """Yield each list's providers, with their models."""
    for name, path in LISTS.items():
        if not path.exists():
            yield pytest.param([], marks=pytest.mark.skip(f"no {path.name} in ../shared"), id=name)
            continue
        rows: list[list[str]] = json.loads(path.read_text())
        for provider in dict.fromkeys(row[0] for row in rows):
            models = [row for row in rows if row[0] == provider]
            yield pytest.param(models, id=f"{name} {provider}")


@pytest.mark.parametrize("rows", [*names()])
def test_every_name_of_the_original_and_its_successor_drafts(
    home: Home, rows: list[list[str]]
) -> None:
    home.environ |= NEEDED
    failed: list[str] = []
    for provider, model, task in rows:
        assert provider in (*TYPES, *KNOWN), f"nobody knows {provider}"
        command, words = COMMANDS[task], ["-m", f"{provider}:{model}", "--dry-run", "Hi"]
        done = home.call(*words, stdin="a\nb\n", prog=command)
        if done.code or not names_model(done.json, model):
            failed.append(f"{provider}:{model}: {done.err.strip() or done.out[:200]}")
    assert not failed, "\n".join(failed)


#: Names that would be unknown at their provider -> what is sent, and how it is to think.
MEANT: list[tuple[str, str, str]] = [
    ("claude:claude-opus-4-6:thinking", "claude-opus-4-6", "thinking"),
    ("claude:claude-3-7-sonnet-20250219:thinking", "claude-3-7-sonnet-20250219", "thinking"),
    ("vertexai:claude-sonnet-4-5@20250929:thinking", "claude-sonnet-4-5@20250929", "thinking"),
    (
        "bedrock:us.anthropic.claude-sonnet-4-5-20250929-v1:0:thinking",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "thinking",
    ),
    ("qianwen:qwen3-max:thinking", "qwen3-max", "enable_thinking"),
    ("zhipuai:glm-4.7:instruct", "glm-4.7", "disabled"),
    (
        "openrouter:mistralai/magistral-medium-2506:thinking",
        "mistralai/magistral-medium-2506:thinking",
        "",
    ),
    ("github:gpt-4.1", '"openai/gpt-4.1"', ""),
    ("github:o4-mini-high", '"openai/o4-mini"', '"high"'),
    ("github:o3", '"openai/o3"', ""),
    ("github:llama-3.3-70b-instruct", '"meta/llama-3.3-70b-instruct"', ""),
    ("github:codestral-2501", '"mistral-ai/codestral-2501"', ""),
    ("github:mai-ds-r1", '"microsoft/mai-ds-r1"', ""),
    ("github:grok-3", '"xai/grok-3"', ""),
    ("github:openai/gpt-4.1", '"openai/gpt-4.1"', ""),
]


@pytest.mark.parametrize(("name", "sent", "thoughts"), MEANT)
def test_a_name_that_a_provider_does_not_know_is_sent_as_what_it_means(
    home: Home, name: str, sent: str, thoughts: str
) -> None:
    home.environ |= NEEDED
    done = home.call("-m", name, "--dry-run", "Hi")
    assert done.code == 0, done.err
    from urllib.parse import unquote

    text = json.dumps(done.json["body"]) + unquote(done.json["url"])
    assert sent in text and thoughts in text, text
    assert name.partition(":")[2] not in text or name.partition(":")[2] in sent


def test_how_a_name_thinks_gives_way_to_the_command_line(home: Home) -> None:
    home.environ |= NEEDED
    done = home.call("-m", "github:o3-mini-high", "--reasoning", "low", "--dry-run", "Hi")
    assert done.json["body"]["reasoning_effort"] == "low"


def names_model(request: Any, model: str) -> bool:
    """Return whether a request names the model, in its body or its address."""
    from urllib.parse import quote

    body, url = json.dumps(request["body"]), request["url"]
    return (
        model in body
        or model.partition("@")[0] in body
        or model.removesuffix(":thinking").removesuffix(":instruct").removesuffix("-high") in body
        or quote(model.removesuffix(":thinking"), safe="@") in url
        or quote(model.removesuffix(":thinking"), safe="") in url
        or quote(model, safe="@") in url
        or (quote(model, safe="") in url)
    )


@pytest.mark.parametrize("name", LISTS)
def test_no_list_is_shorter_than_it_was(name: str) -> None:
    if not LISTS[name].exists():
        pytest.skip(f"no {LISTS[name].name} in ../shared")
    assert len(json.loads(LISTS[name].read_text())) >= {"loki-0.3": 347, "coyote-0.8": 397}[name]
