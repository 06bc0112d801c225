"""What a message adds about a client or a model that the configuration has not."""

from __future__ import annotations

from typing import Any

import pytest

from loki.config.build_config import build_config
from loki.config.parse_config import find_complaints
from loki.providers import KNOWN, TYPES
from loki.records import Ask, Config
from loki.stages import resolve
from loki.stages.suggest_client import suggest_client

LOCAL = {"type": "openai-compatible", "name": "a", "api_base": "https://a.example"}


def config(*models: str, **client: Any) -> Config:
    """Return a configuration with one client."""
    listed = {"models": [{"name": name} for name in models]} if models else {}
    plain = {"clients": [{**LOCAL, **listed, **client}]}
    return build_config(plain, "c.yaml", {}).unwrap()


ADD = "to add it, under `clients` of c.yaml: - "

CLIENTS = {
    "a known service": ("groq:m", ADD + "{type: openai-compatible, name: groq}; known: a"),
    "a type": ("gemini", ADD + "{type: gemini}; known: a"),
    "another name of a type": ("anthropic:m", ADD + "{type: claude}; known: a"),
    "a name that nobody knows": ("zzz:m", "known: a"),
    "a slash for a colon": ("a/m", "did you mean a:m?"),
}


@pytest.mark.parametrize(("asked", "end"), CLIENTS.values(), ids=list(CLIENTS))
def test_a_provider_that_is_known_is_offered_as_a_client(asked: str, end: str) -> None:
    problem = resolve(config("m"))(Ask(model=asked)).failure()
    assert problem.message == f"no client named {asked.partition(':')[0]!r}; {end}"


@pytest.mark.parametrize("name", [*TYPES, *KNOWN])
def test_what_is_offered_is_a_client_of_that_name(name: str) -> None:
    line = suggest_client(name, "c.yaml").partition(": ")[2]
    plain, complaints = find_complaints(f"clients:\n{line}\n")
    assert complaints == ()
    (client,) = build_config(plain, "c.yaml", {}).unwrap().clients
    assert client.name == name


def test_a_list_without_a_fitting_model_says_how_its_type_is_set() -> None:
    messages = [
        resolve(config("m"), "embedding")(Ask(model=name)).failure().message
        for name in ("a:m", "a:e")
    ]
    assert messages == [
        "a:m is a chat model, not an embedding model; if it is one, set `type: embedding`",
        "client 'a' has no model 'e'; list it under `models`, with `type: embedding`",
    ]
