"""Google's Gemini API: chat and embeddings."""

from __future__ import annotations

from urllib.parse import quote

from loki.providers.base import Provider, Route, bearer, fixed_wire, header_auth, model_list_at
from loki.records import Client, Target


def gemini_url(target: Target, base: str) -> str:
    """Return the URL of the model's method for a chat, whole or streamed."""
    method = "streamGenerateContent?alt=sse" if target.ask.stream else "generateContent"
    return f"{base}/models/{quote(target.model.real_name, safe='')}:{method}"


def gemini_embed_url(target: Target, base: str) -> str:
    """Return the URL of the model's method for embeddings, which takes one text or many."""
    return f"{base}/models/{quote(target.model.real_name, safe='')}:batchEmbedContents"


def quota_project_header(client: Client) -> dict[str, str]:
    """Return the header that names the project whose quota a token's requests use."""
    auth = client.settings.get("auth")
    token = "access_token" in client.settings or (auth is not None and auth.value != "api_key")
    if not token or "project_id" not in client.settings:
        return {}
    return {"x-goog-user-project": client.settings["project_id"].value}


GEMINI = Provider(
    api_base="https://generativelanguage.googleapis.com/v1beta",
    routes={
        "chat": Route(fixed_wire("gemini"), gemini_url),
        "embedding": Route(fixed_wire("gemini"), gemini_embed_url),
    },
    auth_headers={"access_token": bearer, "api_key": header_auth("x-goog-api-key")},
    headers=quota_project_header,
    variables={"api_key": ("GOOGLE_API_KEY",)},
    model_lists=model_list_at("models?pageSize=1000"),
    batch="gemini",
)
