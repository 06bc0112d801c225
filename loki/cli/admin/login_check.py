"""loki --check: clients -> what is wrong with how they prove who asks, and what is missing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from loki.config.parse_config import ClientPlace
from loki.config.setting_names import CREDENTIALS
from loki.config.yaml_schema import Position
from loki.edge.auth.auth_context import AuthContext
from loki.edge.auth.auth_method import auth_method, credential_name, needs_key, variable_names
from loki.edge.call_faults import messages_of
from loki.json_text import JsonObject
from loki.providers import provider_of
from loki.records import Client, Config

#: Where it stands, and what is wrong.
Found = tuple[Position, str]


def setting_problems(
    config: Config,
    places: Sequence[ClientPlace],
    entries: Sequence[JsonObject],
    context: AuthContext,
) -> list[Found]:
    """Return what is wrong with how clients prove who asks: two keys, a login that cannot be."""
    return [
        (where.client, message)
        for client, where, entry in zip(config.clients, places, entries, strict=True)
        for message in (
            explain_two_forms(client, entry),
            explain_missing_client_id(client, context),
            *login_faults(client),
        )
        if message
    ]


def explain_two_forms(client: Client, entry: JsonObject) -> str:
    """Return which settings of a client say the same twice, empty if none do.

    >>> explain_two_forms(Client("c", "openai", {}), {"api_key": "k", "api_key_cmd": "pass show k"})
    "client 'c': api_key and api_key_cmd are both set: keep one"
    """
    for name in ("api_base", *CREDENTIALS):
        given = [form for form in (name, f"{name}_cmd", f"{name}_file") if form in entry]
        if len(given) > 1:
            return f"client {client.name!r}: {' and '.join(given)} are both set: keep one"
    return ""


def explain_missing_client_id(client: Client, context: AuthContext) -> str:
    """Return that a client that logs in has no client id, nor kept one; empty if it has."""
    if not has_login(client) or client.oauth.get("client_id"):
        return ""
    from loki.edge.auth.registration import read_registration

    kept = read_registration(client.name, context)
    if kept.map(lambda registration: registration.client_id).value_or(""):
        return ""
    missing = "no OAuth client id: set oauth: client_id, or loki --authenticate"
    return f"client {client.name!r}: {missing} {client.name}"


def login_faults(client: Client) -> tuple[str, ...]:
    """Return what is wrong with the addresses of a client's login."""
    if not has_login(client):
        return ()
    from loki.edge.auth.oauth import endpoints, redirect_address
    from loki.edge.auth.oauth_profiles import profile_of

    merged = profile_of(client)
    return (
        *messages_of(endpoints(client, merged)),
        *messages_of(redirect_address(client, merged)),
    )


def has_login(client: Client) -> bool:
    """Return whether a client's calls take the token of a login."""
    service = provider_of(client)
    return service is not None and auth_method(client, service) == "oauth"


def key_notes(config: Config, context: AuthContext) -> list[str]:
    """Return a note for each client for which no key is set, or whose login is still to come."""
    return [
        f"client {client.name!r} {lack}"
        for client in config.clients
        if (lack := missing_key(client) or missing_login(client, context.environ))
    ]


def missing_key(client: Client) -> str:
    """Return what is not set for a client to prove who asks, empty if nothing is missing.

    >>> missing_key(Client("work", "openai", {}))
    'has no key: set api_key, or WORK_API_KEY'
    """
    service = provider_of(client)
    if service is None or not needs_key(client, service) or auth_method(client, service):
        return ""
    if credential_name(client, service) is not None:
        return ""
    unset = [key for key in service.keys or ("api_key",) if key not in client.settings]
    if not unset:
        return ""
    return f"has no key: set {unset[0]}, or {variable_names(client, service, unset[0])}"


def missing_login(client: Client, environ: Mapping[str, str]) -> str:
    """Return that a client is still to be logged in, or has no file of its credentials."""
    adc_file = client.settings.get("adc_file")
    if adc_file and not os.path.exists(os.path.expanduser(adc_file.value)):
        return f"has no key: no file {adc_file.value}"
    if not has_login(client):
        return ""
    from loki.edge.auth.oauth import token_cache_file
    from loki.edge.auth.oauth_profiles import profile_of

    is_machine = profile_of(client)["flow"] == "client_credentials"
    if is_machine or os.path.exists(token_cache_file(client.name, environ)):
        return ""
    from loki.edge.auth.token_endpoint import login_command

    return f"is not logged in: {login_command(client.name)}"
