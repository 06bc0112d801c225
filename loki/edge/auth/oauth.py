"""Client -> an access token of its login, refreshed before it expires (OAuth 2.0)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from returns.result import Result, Success

from loki.config.build_config import FORMS, variable_prefix
from loki.config.setting_names import is_reference
from loki.edge import files
from loki.edge.auth import token_cache
from loki.edge.auth.auth_context import AuthContext
from loki.edge.auth.oauth_flow import refresh, request_machine_token
from loki.edge.auth.oauth_profiles import profile_of, registration_advice
from loki.edge.auth.registration import read_registration
from loki.edge.auth.secrets import expand_references, look_up
from loki.edge.auth.token_cache import Token
from loki.edge.auth.token_endpoint import OAuthClient, login_command
from loki.edge.http.deadline import deadline_of
from loki.problems import Problem, fail
from loki.railway import gather
from loki.records import Client, Setting
from loki.urls import is_loopback, mask_url, may_carry_secrets


def token(client: Client, context: AuthContext, refused: str) -> Result[str, Problem]:
    """Return an access token that is good now, and not the refused one."""

    def renew(old: Token | None) -> Result[Token, Problem]:
        return refresh_login(client, context, old)

    path = token_cache_file(client.name, context.environ)
    end = deadline_of(client.limits)
    valid = token_cache.valid_token(path, renew, context.unwritten, refused, end)
    return valid.map(lambda found: found.access)


def refresh_login(
    client: Client, context: AuthContext, old: Token | None
) -> Result[Token, Problem]:
    """Return a new token for the old one of a login; fail where there is none to refresh.

    A machine needs no old one: it proves itself each time with its secret.
    """
    if profile_of(client)["flow"] == "client_credentials":
        return oauth_client_of(client, context).bind(request_machine_token)
    advice = login_command(client.name)
    if old is None:
        return fail("auth", f"client {client.name!r} is not logged in: {advice}")
    if not old.refresh:
        over = "the login is over and cannot be renewed"
        return fail("auth", f"client {client.name!r}: {over}: {advice}")
    return oauth_client_of(client, context).bind(lambda oauth_client: refresh(oauth_client, old))


def token_cache_file(client: str, environ: Mapping[str, str]) -> str:
    """Return the path of a client's token."""
    return f"{files.directory('cache', environ)}/oauth/{client.replace('/', '%2F')}.json"


# ---- the authorization server ------------------------------------------------------------------


def oauth_client_of(client: Client, context: AuthContext) -> Result[OAuthClient, Problem]:
    """Return the client's ``oauth``, with the defaults of the client's type under it."""
    merged = profile_of(client)
    return Result.do(
        OAuthClient(
            client=client.name,
            client_id=id,
            client_secret=secret,
            **urls,
            redirect_uri=redirect_uri,
            scopes=tuple(merged["scopes"]),
            flow=merged["flow"],
            token_format=merged["token_format"],
            authorize_params=without_none(merged["authorize_params"]),
            token_headers=headers,
            limits=client.limits,
            issuer=merged["issuer"],
            echo_challenge=merged["echo_pkce_in_token_exchange"],
            device_challenge=merged["use_pkce_in_device_flow"],
            send_state=merged["include_state_in_token_exchange"],
            redactor=context.redactor,
        )
        for id in client_id(client, context)
        for secret in client_secret(client, context)
        for urls in endpoints(client, merged)
        for redirect_uri in redirect_address(client, merged)
        for headers in expand_references(
            without_none({**merged["request_headers"], **merged["token_headers"]}),
            context,
            deadline_of(client.limits),
        )
    )


def client_id(client: Client, context: AuthContext) -> Result[str, Problem]:
    """Return the id of the user's own registration with the provider; none is built in."""
    configured = client.oauth.get("client_id", "")
    if is_reference(configured):
        return look_up(
            secret_reference(client, "client_id", configured), context, deadline_of(client.limits)
        )
    if configured:
        return Success(configured)  # no secret: the address to open shows it
    return read_registration(client.name, context).bind(
        lambda kept: Success(kept.client_id) if kept.client_id else fail_without_client_id(client)
    )


def fail_without_client_id(client: Client) -> Result[str, Problem]:
    """Return the failure of a client without a client id, with the line to write."""
    name = f"{variable_prefix(client.name)}_OAUTH_CLIENT_ID"
    where = f"one is had from {registration_advice(client)}"
    how = f"write `oauth: {{client_id: ID}}` at the client, or set {name}"
    return fail("config", f"client {client.name!r} has no OAuth client id: {where}; then {how}")


def client_secret(client: Client, context: AuthContext) -> Result[str, Problem]:
    """Return the secret that some providers give with a client id; empty where there is none."""
    keys = (f"client_secret{end}" for end in FORMS)
    key = next((key for key in keys if client.oauth.get(key)), None)
    if key is None and client.oauth.get("client_id"):
        return Success("")
    if key is None:
        return read_registration(client.name, context).map(lambda kept: kept.client_secret)
    return look_up(
        secret_reference(client, key, client.oauth[key]), context, deadline_of(client.limits)
    )


def secret_reference(client: Client, key: str, value: str) -> Setting:
    """Return a value of ``oauth`` as a setting, which says where the value is found."""
    origin = f"client {client.name!r} oauth.{key}"
    if is_reference(value):
        return Setting(value.strip()[2:-2].strip(), "name", origin)
    forms: dict[str, Any] = {f"client_secret{end}": form for end, form in FORMS.items()}
    return Setting(value, forms.get(key, "literal"), origin)


def endpoints(client: Client, merged: Mapping[str, Any]) -> Result[dict[str, str], Problem]:
    """Return the addresses that the client's flow needs, by their names; all others are empty."""
    needed = ENDPOINTS[merged["flow"]]
    found = gather(endpoint(client, merged, key) for key in needed)
    nothing = dict.fromkeys(ENDPOINT_NAMES, "")
    return found.map(lambda urls: {**nothing, **dict(zip(needed, urls, strict=True))})


def endpoint(client: Client, merged: Mapping[str, Any], key: str) -> Result[str, Problem]:
    """Return an address of the authorization server; without TLS only on this machine."""
    url = merged.get(key, "")
    if not url:
        how = f"set oauth.{key} or {variable_prefix(client.name)}_OAUTH_{key.upper()}"
        return fail("config", f"client {client.name!r} has no {key} to log in with: {how}")
    if not may_carry_secrets(url):
        shown = repr(mask_url(url))
        return fail("config", f"client {client.name!r}: oauth.{key}: {shown} is not https")
    return Success(url)


def redirect_address(client: Client, merged: Mapping[str, Any]) -> Result[str, Problem]:
    """Return where the browser ends, with ``redirect_port`` on this machine.

    Fail for plain http elsewhere, where others can read the code along (RFC 9700, section 2.6).
    """
    address: str = merged["redirect_uri"]
    if is_loopback(address) and merged.get("redirect_port"):
        parts = urlsplit(address)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return Success(parts._replace(netloc=f"{host}:{merged['redirect_port']}").geturl())
    if address.lower().startswith("http:") and not is_loopback(address):
        shown = repr(mask_url(address))
        how = "is not https, nor on this machine (http://127.0.0.1/callback)"
        return fail("config", f"client {client.name!r}: oauth.redirect_uri: {shown} {how}")
    return Success(address)


def without_none(pairs: Mapping[str, str | None]) -> dict[str, str]:
    """Return the pairs whose value is not None."""
    return {name: value for name, value in pairs.items() if value is not None}


#: The addresses that each flow needs.
ENDPOINTS = {
    "pkce": ("authorize_url", "token_url"),
    "client_credentials": ("token_url",),
    "device_code": ("device_authorization_url", "token_url"),
}
ENDPOINT_NAMES = ("authorize_url", "token_url", "device_authorization_url")
