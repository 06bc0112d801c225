"""OpenAI: Chat Completions, Responses, embeddings; and the paths that its imitators share."""

from __future__ import annotations

from collections.abc import Mapping

from loki.messages import Media
from loki.providers.base import Provider, Route, bearer, fixed_path, fixed_wire
from loki.records import Client, Dialect, Target, Task


def openai_wire(target: Target) -> str:
    """Return Chat Completions, or Responses for what is only done there."""
    return "responses" if needs_responses(target) else "openai"


def needs_responses(target: Target) -> bool:
    """Return whether Chat Completions will not do: for the model, a search, a PDF's address.

    Source: developers.openai.com/api/docs/guides/file-inputs.
    """
    if target.model.endpoint == "responses":
        return True
    if target.dialect.search != "responses" or "-search" in target.model.real_name:
        return False
    return target.ask.search or any(
        isinstance(part, Media) and part.media_type == "application/pdf" and bool(part.url)
        for turn in target.ask.messages
        for part in turn.parts
    )


def openai_url(target: Target, base: str) -> str:
    """Return the URL of OpenAI's chats below ``base``."""
    return f"{base}/{PATHS[openai_wire(target)]}"


def openai_headers(client: Client) -> dict[str, str]:
    """Return the headers that name the organization and the project that pay."""
    named = {"OpenAI-Organization": "organization_id", "OpenAI-Project": "project_id"}
    return {
        header: client.settings[name].value
        for header, name in named.items()
        if name in client.settings
    }


#: The paths of the two chat wires.
PATHS = {"openai": "chat/completions", "responses": "responses"}

OPENAI_DIALECT = Dialect(max_tokens="max_completion_tokens", search="responses")

OPENAI_ROUTES: Mapping[Task, Route] = {
    "chat": Route(openai_wire, openai_url),
    "embedding": Route(fixed_wire("openai"), fixed_path("embeddings")),
}

OPENAI = Provider(
    api_base="https://api.openai.com/v1",
    routes=OPENAI_ROUTES,
    auth_headers={"access_token": bearer, "api_key": bearer},
    headers=openai_headers,
    dialect=OPENAI_DIALECT,
    batch="openai",
)
