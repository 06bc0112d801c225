"""Client -> what its provider's logins need: the defaults of its type, and where an id is had."""

from __future__ import annotations

from typing import Any

from loki.providers import known_name
from loki.records import Client


def profile_of(client: Client) -> dict[str, Any]:
    """Return the settings of a client's login, its own over those of its provider.

    >>> profile_of(Client("xai-work", "openai-compatible", {}, oauth={"flow": "pkce"}))["flow"]
    'pkce'
    """
    return {**DEFAULTS, **PROFILES.get(profile_name(client), {}), **client.oauth}


def profile_name(client: Client) -> str:
    """Return the name of a client's provider: its type, or its known name."""
    return known_name(client.name) if client.type == "openai-compatible" else client.type


def registration_advice(client: Client) -> str:
    """Return where a client id is had."""
    return ADVICE.get(profile_name(client), "the provider's pages for developers")


#: The values where neither the client nor its type has any.
DEFAULTS: dict[str, Any] = {
    "flow": "pkce",
    "redirect_uri": "http://127.0.0.1/callback",  # RFC 8252, section 7.3: on whichever port is free
    "scopes": (),
    "token_format": "form",
    "authorize_params": {},
    "request_headers": {},
    "token_headers": {},
    "issuer": "",
    "echo_pkce_in_token_exchange": False,
    "use_pkce_in_device_flow": False,
    "include_state_in_token_exchange": True,
}

#: The values of a client type or a known name; the client id is always the user's own.
PROFILES: dict[str, dict[str, Any]] = {
    "claude": {
        "authorize_url": "https://claude.ai/oauth/authorize",
        "token_url": "https://console.anthropic.com/v1/oauth/token",
        "redirect_uri": "https://console.anthropic.com/oauth/code/callback",
        "scopes": ("org:create_api_key", "user:profile", "user:inference"),
        "token_format": "json",
        "authorize_params": {"code": "true"},  # the page then shows the code to paste
    },
    "gemini": {
        "authorize_url": "https://accounts.google.com/o/oauth2/v2/auth",
        "token_url": "https://oauth2.googleapis.com/token",
        "device_authorization_url": "https://oauth2.googleapis.com/device/code",
        "redirect_uri": "http://127.0.0.1/",
        "scopes": (
            "https://www.googleapis.com/auth/generative-language.peruserquota",
            "https://www.googleapis.com/auth/userinfo.email",
            "https://www.googleapis.com/auth/generative-language.retriever",
        ),
        "authorize_params": {"access_type": "offline", "prompt": "consent"},
    },
    # auth.x.ai/.well-known/openid-configuration
    "xai": {
        "authorize_url": "https://auth.x.ai/oauth2/authorize",
        "token_url": "https://auth.x.ai/oauth2/token",
        "device_authorization_url": "https://auth.x.ai/oauth2/device/code",
        "scopes": ("openid", "profile", "email", "offline_access", "api:access"),
        "flow": "device_code",
        "use_pkce_in_device_flow": True,
        "echo_pkce_in_token_exchange": True,
    },
}

#: Where a program is registered, so that it gets a client id.
ADVICE = {
    "claude": "Anthropic, who register programs on request",
    "gemini": "https://console.cloud.google.com/apis/credentials (OAuth client ID, desktop app)",
    "xai": "xAI, at https://console.x.ai",
    "databricks": "the account console (App connections)",
    "azure-openai": "https://entra.microsoft.com (App registrations)",
}
