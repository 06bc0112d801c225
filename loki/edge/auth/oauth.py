"""IMPURE. Client -> an access token of its login, renewed when its time has come (OAuth 2.0)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from returns.result import Result, Success

from loki.config.read import FORMS, variable
from loki.config.setting_names import is_reference
from loki.edge import files
from loki.edge.auth import token_cache
from loki.edge.auth.oauth_flow import Authority, command, refreshed
from loki.edge.auth.secrets import expand_references, look_up
from loki.edge.auth.token_cache import Token
from loki.edge.http.deadline import end_of
from loki.problems import Problem, fail
from loki.railway import gather
from loki.records import Client, Setting
from loki.urls import mask_url


def token(client: Client, environ: Mapping[str, str], refused: str) -> Result[str, Problem]:
    """An access token that is good now, and not the refused one."""

    def renew(old: Token | None) -> Result[Token, Problem]:
        if old is None:
            return fail("auth", f"client {client.name!r} is not logged in: {command(client.name)}")
        if not old.refresh:
            over = "the login is over and cannot be renewed"
            return fail("auth", f"client {client.name!r}: {over}: {command(client.name)}")
        return authority_of(client, environ).bind(lambda authority: refreshed(authority, old))

    path = token_file(client.name, environ)
    return token_cache.good(path, renew, refused, end_of(client.limits)).map(
        lambda found: found.access
    )


def token_file(client: str, environ: Mapping[str, str]) -> str:
    """Where a client's token is kept."""
    return f"{files.directory('cache', environ)}/oauth/{client.replace('/', '%2F')}.json"


# ---- whom to ask -------------------------------------------------------------------------------


def authority_of(client: Client, environ: Mapping[str, str]) -> Result[Authority, Problem]:
    """The client's ``oauth``, and under it the profile of the client's type."""
    said: dict[str, Any] = {**PROFILE, **PROFILES.get(client.type, {}), **client.oauth}
    urls = gather(address(client, said, part) for part in ("authorize_url", "token_url"))
    who = gather((client_id(client, environ), client_secret(client, environ)))
    headers = expand_references(present(said["request_headers"]), environ)
    return gather((who, urls, headers)).map(
        lambda found: Authority(
            client=client.name,
            client_id=found[0][0],
            client_secret=found[0][1],
            authorize_url=found[1][0],
            token_url=found[1][1],
            redirect_uri=said["redirect_uri"],
            scopes=tuple(said["scopes"]),
            token_format=said["token_format"],
            authorize_params=present(said["authorize_params"]),
            request_headers=found[2],
            limits=client.limits,
        )
    )


def client_id(client: Client, environ: Mapping[str, str]) -> Result[str, Problem]:
    """The user's own registration with the provider; none is built in."""
    said = client.oauth.get("client_id", "")
    if said:
        return (
            look_up(setting(client, "client_id", said), environ, end_of(client.limits))
            if is_reference(said)
            else (
                Success(said)  # no secret: the address to open shows it
            )
        )
    name = f"{variable(client.name)}_OAUTH_CLIENT_ID"
    how = f"register loki with the provider, then set oauth.client_id or {name}"
    return fail("config", f"client {client.name!r} has no OAuth client id: {how}")


def client_secret(client: Client, environ: Mapping[str, str]) -> Result[str, Problem]:
    """What some providers give out with a client id; empty where there is none."""
    keys = (f"client_secret{end}" for end in FORMS)
    key = next((key for key in keys if client.oauth.get(key)), None)
    if key is None:
        return Success("")
    return look_up(setting(client, key, client.oauth[key]), environ, end_of(client.limits))


def setting(client: Client, key: str, said: str) -> Setting:
    """A text of ``oauth``: itself, or where it is to be had."""
    origin = f"client {client.name!r} oauth.{key}"
    if is_reference(said):
        return Setting(said.strip()[2:-2].strip(), "name", origin)
    forms: dict[str, Any] = {f"client_secret{end}": form for end, form in FORMS.items()}
    return Setting(said, forms.get(key, "literal"), origin)


def address(client: Client, said: Mapping[str, Any], part: str) -> Result[str, Problem]:
    """An address of the authorization server; without TLS only on this machine."""
    url = said.get(part, "")
    if not url:
        how = f"set oauth.{part} or {variable(client.name)}_OAUTH_{part.upper()}"
        return fail("config", f"client {client.name!r} has no {part} to log in with: {how}")
    if not is_safe(url):
        shown = repr(mask_url(url))
        return fail("config", f"client {client.name!r}: oauth.{part}: {shown} is not https")
    return Success(url)


def is_safe(url: str) -> bool:
    """Whether nobody on the way can read along.

    >>> is_safe("https://a.example/token"), is_safe("http://[::1]:8/t"), is_safe("http://a.example")
    (True, True, False)
    """
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.scheme == "https" or is_loopback(url))
    except ValueError:
        return False


def is_loopback(url: str) -> bool:
    """Whether an address in plain http is on this machine.

    >>> is_loopback("http://127.0.0.1:9999/cb"), is_loopback("https://a.example/cb")
    (True, False)
    """
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")


def present(pairs: Mapping[str, str | None]) -> dict[str, str]:
    """What is not null."""
    return {name: value for name, value in pairs.items() if value is not None}


#: What holds where neither the client nor its type says anything.
PROFILE = {
    "redirect_uri": "http://127.0.0.1/callback",  # RFC 8252, section 7.3: on whichever port is free
    "scopes": (),
    "token_format": "form",
    "authorize_params": {},
    "request_headers": {},
}

#: What a client type brings; the client id is always the user's own.
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
