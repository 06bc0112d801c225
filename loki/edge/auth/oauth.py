"""Client -> an access token of its login, refreshed before it expires (OAuth 2.0)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from returns.result import Result, Success

from loki.config.read import FORMS, variable_prefix
from loki.config.setting_names import is_reference
from loki.edge import files
from loki.edge.auth import token_cache
from loki.edge.auth.oauth_flow import refresh
from loki.edge.auth.secrets import expand_references, look_up
from loki.edge.auth.token_cache import Token
from loki.edge.auth.token_endpoint import Authority, login_command
from loki.edge.http.deadline import end_of
from loki.problems import Problem, fail
from loki.records import Client, Setting
from loki.urls import mask_url


def token(client: Client, environ: Mapping[str, str], refused: str) -> Result[str, Problem]:
    """Return an access token that is good now, and not the refused one."""

    def renew(old: Token | None) -> Result[Token, Problem]:
        return refresh_login(client, environ, old)

    path = token_file(client.name, environ)
    return token_cache.valid_token(path, renew, refused, end_of(client.limits)).map(
        lambda valid: valid.access
    )


def refresh_login(
    client: Client, environ: Mapping[str, str], old: Token | None
) -> Result[Token, Problem]:
    """Return a new token for the old one of a login; fail where there is none to refresh."""
    advice = login_command(client.name)
    if old is None:
        return fail("auth", f"client {client.name!r} is not logged in: {advice}")
    if not old.refresh:
        over = "the login is over and cannot be renewed"
        return fail("auth", f"client {client.name!r}: {over}: {advice}")
    return authority_of(client, environ).bind(lambda authority: refresh(authority, old))


def token_file(client: str, environ: Mapping[str, str]) -> str:
    """Return the path of a client's token."""
    return f"{files.directory('cache', environ)}/oauth/{client.replace('/', '%2F')}.json"


# ---- the authorization server ------------------------------------------------------------------


def authority_of(client: Client, environ: Mapping[str, str]) -> Result[Authority, Problem]:
    """Return the client's ``oauth``, with the defaults of the client's type under it."""
    merged: dict[str, Any] = {**DEFAULTS, **PROFILES.get(client.type, {}), **client.oauth}
    return Result.do(
        Authority(
            client=client.name,
            client_id=id,
            client_secret=secret,
            authorize_url=authorize_url,
            token_url=token_url,
            redirect_uri=merged["redirect_uri"],
            scopes=tuple(merged["scopes"]),
            token_format=merged["token_format"],
            authorize_params=without_none(merged["authorize_params"]),
            request_headers=headers,
            limits=client.limits,
        )
        for id in client_id(client, environ)
        for secret in client_secret(client, environ)
        for authorize_url in endpoint(client, merged, "authorize_url")
        for token_url in endpoint(client, merged, "token_url")
        for headers in expand_references(without_none(merged["request_headers"]), environ)
    )


def client_id(client: Client, environ: Mapping[str, str]) -> Result[str, Problem]:
    """Return the id of the user's own registration with the provider; none is built in."""
    configured = client.oauth.get("client_id", "")
    if is_reference(configured):
        return look_up(to_setting(client, "client_id", configured), environ, end_of(client.limits))
    if configured:
        return Success(configured)  # no secret: the address to open shows it
    name = f"{variable_prefix(client.name)}_OAUTH_CLIENT_ID"
    how = f"register loki with the provider, then set oauth.client_id or {name}"
    return fail("config", f"client {client.name!r} has no OAuth client id: {how}")


def client_secret(client: Client, environ: Mapping[str, str]) -> Result[str, Problem]:
    """Return the secret that some providers give with a client id; empty where there is none."""
    keys = (f"client_secret{end}" for end in FORMS)
    key = next((key for key in keys if client.oauth.get(key)), None)
    if key is None:
        return Success("")
    return look_up(to_setting(client, key, client.oauth[key]), environ, end_of(client.limits))


def to_setting(client: Client, key: str, value: str) -> Setting:
    """Return a value of ``oauth`` as a setting, which says where the value is found."""
    origin = f"client {client.name!r} oauth.{key}"
    if is_reference(value):
        return Setting(value.strip()[2:-2].strip(), "name", origin)
    forms: dict[str, Any] = {f"client_secret{end}": form for end, form in FORMS.items()}
    return Setting(value, forms.get(key, "literal"), origin)


def endpoint(client: Client, merged: Mapping[str, Any], key: str) -> Result[str, Problem]:
    """Return an address of the authorization server; without TLS only on this machine."""
    url = merged.get(key, "")
    if not url:
        how = f"set oauth.{key} or {variable_prefix(client.name)}_OAUTH_{key.upper()}"
        return fail("config", f"client {client.name!r} has no {key} to log in with: {how}")
    if not is_safe(url):
        shown = repr(mask_url(url))
        return fail("config", f"client {client.name!r}: oauth.{key}: {shown} is not https")
    return Success(url)


def is_safe(url: str) -> bool:
    """Return whether a request to an address is encrypted, or stays on this machine.

    >>> is_safe("https://a.example/token"), is_safe("http://[::1]:8/t"), is_safe("http://a.example")
    (True, True, False)
    """
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.scheme == "https" or is_loopback(url))
    except ValueError:
        return False


def is_loopback(url: str) -> bool:
    """Return whether an address is in plain http and on this machine.

    >>> is_loopback("http://127.0.0.1:9999/cb"), is_loopback("https://a.example/cb")
    (True, False)
    """
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")


def without_none(pairs: Mapping[str, str | None]) -> dict[str, str]:
    """Return the pairs whose value is not None."""
    return {name: value for name, value in pairs.items() if value is not None}


#: The values where neither the client nor its type has any.
DEFAULTS = {
    "redirect_uri": "http://127.0.0.1/callback",  # RFC 8252, section 7.3: on whichever port is free
    "scopes": (),
    "token_format": "form",
    "authorize_params": {},
    "request_headers": {},
}

#: The values of a client type; the client id is always the user's own.
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
        "redirect_uri": "http://127.0.0.1/",
        "scopes": (
            "https://www.googleapis.com/auth/generative-language.peruserquota",
            "https://www.googleapis.com/auth/userinfo.email",
            "https://www.googleapis.com/auth/generative-language.retriever",
        ),
        "authorize_params": {"access_type": "offline", "prompt": "consent"},
    },
}
