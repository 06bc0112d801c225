"""Anthropic: Claude, through the Messages API."""

from __future__ import annotations

from loki.providers.base import (
    THINKING,
    Provider,
    Route,
    bearer,
    fixed_path,
    fixed_wire,
    header_auth,
    model_list_at,
)
from loki.records import Client


def claude_token_headers(token: str) -> dict[str, str]:
    """Return the headers of a bearer token: itself, and the beta feature that admits it."""
    return {**bearer(token), "anthropic-beta": "oauth-2025-04-20"}


def claude_headers(client: Client) -> dict[str, str]:
    """Return the header with the version of the API, which every request must name."""
    from loki.wire.anthropic.reasoning import version_of

    return {"anthropic-version": version_of(client)}


ANTHROPIC = Provider(
    api_base="https://api.anthropic.com/v1",
    routes={"chat": Route(fixed_wire("claude"), fixed_path("messages"))},
    auth_headers={"access_token": claude_token_headers, "api_key": header_auth("x-api-key")},
    headers=claude_headers,
    model_lists=model_list_at("models?limit=1000"),
    variables={"api_key": ("ANTHROPIC_API_KEY",)},
    batch="anthropic",
    other_names=(THINKING,),
)
