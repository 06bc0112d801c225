"""Which clients have a batch API, and where it is."""

from __future__ import annotations

from typing import Any

import pytest
from support import target

from loki.batch.api.sites import PROTOCOLS, protocol_of, site_of
from loki.providers import PROVIDERS
from loki.providers.compatible import KNOWN

COMPATIBLE = {"type": "openai-compatible"}
CLIENTS: list[tuple[dict[str, Any], str, str]] = [
    ({"type": "openai"}, "openai", "https://api.openai.com/v1"),
    ({"type": "claude"}, "anthropic", "https://api.anthropic.com/v1"),
    ({"type": "gemini"}, "gemini", "https://generativelanguage.googleapis.com/v1beta"),
    ({**COMPATIBLE, "name": "groq"}, "groq", "https://api.groq.com/openai/v1"),
    ({**COMPATIBLE, "name": "mistral"}, "mistral", "https://api.mistral.ai/v1"),
    ({**COMPATIBLE, "name": "xai"}, "xai", "https://api.x.ai/v1"),
    (
        {**COMPATIBLE, "name": "mine", "api_base": "https://api.together.xyz/v1"},
        "together",
        "https://api.together.xyz/v1",
    ),
    (
        {"type": "azure-openai", "api_base": "https://r.openai.azure.com"},
        "azure",
        "https://r.openai.azure.com/openai/v1",
    ),
    (
        {"type": "azure-openai", "api_base": "https://r.example", "api_version": "2024-10-21"},
        "azure",
        "https://r.example/openai",
    ),
]


@pytest.mark.parametrize(("client", "name", "base"), CLIENTS)
def test_a_client_has_the_batch_api_of_its_provider(
    client: dict[str, Any], name: str, base: str
) -> None:
    there = target(client)
    assert protocol_of(there).unwrap() == (name, PROTOCOLS[name])
    site = site_of(there, name)
    assert site.base == base
    if name == "azure":
        assert site.endpoint == "/chat/completions"
        assert site.query == ("?api-version=2024-10-21" if "api_version" in client else "")


NONE = [
    ({**COMPATIBLE, "name": "local", "api_base": "http://localhost"}, "has no batch API;"),
    ({**COMPATIBLE, "name": "openrouter"}, "has no batch API here yet"),
    ({"type": "vertexai", "project_id": "p", "location": "global"}, "has no batch API here yet"),
    ({"type": "bedrock", "region": "us-east-1"}, "has no batch API here yet"),
    ({"type": "cohere"}, "has no batch API;"),
]


@pytest.mark.parametrize(("client", "message"), NONE)
def test_a_client_without_one_says_so(client: dict[str, Any], message: str) -> None:
    problem = protocol_of(target(client)).failure()
    assert problem.kind == "usage" and message in problem.message


def test_every_row_of_the_providers_is_a_protocol_or_comes_later() -> None:
    from loki.batch.api.sites import LATER

    rows = {*(each.batch for each in PROVIDERS.values()), *(each.batch for each in KNOWN.values())}
    assert rows - {""} <= {*PROTOCOLS, *LATER}
