"""Config, environment -> the variables that programs of others may see: none of our secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from loki.config.build_config import variable_prefix
from loki.config.given_clients import CLIENTS, with_given_clients
from loki.config.setting_names import CREDENTIALS, PATCH_KINDS, SETTINGS, is_reference, is_sensitive
from loki.edge.auth.find_secrets import secrets_in_patch, secrets_in_proxies, secrets_in_url
from loki.edge.auth.secrets import NAME
from loki.edge.config_cache import read_config
from loki.edge.env_file import ADDED, PASSING, without_env_file
from loki.edge.files import config_file
from loki.json_text import Json
from loki.providers import KNOWN, PROVIDERS, provider_of
from loki.records import Client, Config, Patch
from loki.redaction.redactor import Redactor
from loki.urls import SECRET, mask_proxy, userinfo


def child_environment(
    config: Config, environ: Mapping[str, str], redactor: Redactor
) -> dict[str, str]:
    """Return the variables without those of the .env file and those that hold a secret of ours.

    Ours are the credentials of every client and every known provider, what ``{{NAME}}`` refers to,
    and whatever holds a secret that is known by now. A proxy's address goes without its password.
    """
    withheld = {*secret_names(config, read_plain(environ)), *patch_names(config), CLIENTS}
    shared = {
        name: without_password(value) if is_proxy(name) else value
        for name, value in without_env_file(environ).items()
        if name not in withheld
    }
    return {
        name: value
        for name, value in shared.items()
        if redactor.redact(value) == value and not (is_proxy(name) and mask_proxy(value) != value)
    }


def register_secrets(config: Config, environ: Mapping[str, str], redactor: Redactor) -> None:
    """Make known what a program could find of our secrets and print, also those not used yet."""
    in_file = read_plain(environ)
    named = {*secret_names(config, in_file)}
    given = with_given_clients({}, environ).value_or(None)
    of_env_file = environ.keys() - without_env_file(environ).keys() - {ADDED, *PASSING}
    settings = (
        {name: setting.value}
        for client in config.clients
        for name, setting in client.settings.items()
        if setting.source == "literal"
    )
    patches = (patch for client in config.clients for patch in patches_of(client))
    redactor.add(
        *literal_secrets([*settings, in_file, given]),
        *(secret for patch in patches for secret in secrets_in_patch(patch)),
        *secrets_in_proxies(environ),
        *secrets_in_url(environ.get("LOKI_SYNC_MODELS_URL", "")),
        *(environ[name] for name in environ.keys() & named | {*filter(is_sensitive, of_env_file)}),
    )


def read_plain(environ: Mapping[str, str]) -> Json:
    """Return what stands in the configuration file, also where variables go before it."""
    return read_config(config_file(environ), environ).value_or(None)


def literal_secrets(
    value: Json, is_secret: bool = False, of_headers: bool = False
) -> Iterator[str]:
    """Yield the secrets that stand in plain values of a configuration: keys, headers, passwords.

    >>> plain = [{"api_key": "sk-1", "api_base": "https://u:pass@a.example", "name": "n"}]
    >>> [*literal_secrets(plain)]
    ['sk-1', 'u:pass', 'pass']
    """
    match value:
        case dict():
            for name, inner in value.items():
                hidden = name in LITERALS or (of_headers and is_sensitive(name))
                yield from literal_secrets(inner, hidden, name == "headers")
        case list():
            for inner in value:
                yield from literal_secrets(inner)
        case str() if is_secret and not re.search(NAME, value):
            yield from {value: True, value.split(" ")[-1]: True}  # Bearer and the like before it
        case str() if "://" in value:
            yield from filter(None, (userinfo(value), userinfo(value).partition(":")[2]))
            yield from (value[each.end(1) : each.end()] for each in re.finditer(SECRET, value))


LITERALS = {*CREDENTIALS, "client_secret"}


def is_proxy(name: str) -> bool:
    """Return whether a variable names a proxy, which a program may need."""
    return name.lower().endswith("_proxy") and name.lower() != "no_proxy"


def without_password(proxy: str) -> str:
    """Return the address of a proxy without user and password.

    >>> without_password("http://u:p@host:3128"), without_password("u:p@host:3128")
    ('http://host:3128', 'host:3128')
    """
    scheme, separator, address = proxy.partition("://") if "://" in proxy else ("", "", proxy)
    return f"{scheme}{separator}{address.rpartition('@')[2]}"


def secret_names(config: Config, in_file: Json = None) -> Iterator[str]:
    """Yield the names of the variables from which we take secrets, or would by ``in_file``."""
    clients = (client.name for client in config.clients)
    for name in (*clients, *PROVIDERS, *KNOWN):
        prefix = variable_prefix(name)
        yield from (f"{prefix}_{setting.upper()}" for setting in CREDENTIALS)
        yield from (f"{prefix}_OAUTH_CLIENT_SECRET", f"{prefix}_CLIENT_SECRET")
    for service in (*PROVIDERS.values(), *filter(None, map(provider_of, config.clients))):
        for setting, variables in service.variables.items():
            yield from variables if setting in CREDENTIALS else ()
    for client in config.clients:
        yield from names_in_client(client)
    yield from references(in_file)


def patch_names(config: Config) -> Iterator[str]:
    """Yield the names of the variables with the clients' patches, which may have any header."""
    for client in config.clients:
        yield from (
            f"LOKI_PATCH_{variable_prefix(client.name)}_{kind.upper()}" for kind in PATCH_KINDS
        )


def names_in_client(client: Client) -> Iterator[str]:
    """Yield the names that a client's settings and headers refer to as ``{{NAME}}``."""
    yield from (each.value for each in client.settings.values() if each.source == "name")
    texts = (value or "" for patch in patches_of(client) for value in patch.headers.values())
    yield from (name for text in texts for name in re.findall(NAME, text))
    yield from references([*client.models, dict(client.oauth)])


def patches_of(client: Client) -> Iterator[Patch]:
    """Yield a client's own patches, without those of its models."""
    yield from (patch for pairs in client.patches.values() for _, patch in pairs)


def references(value: Json, setting: str = "", of_headers: bool = False) -> Iterator[str]:
    """Yield the names that plain values of a configuration refer to, if for a secret.

    >>> plain = {"api_key": "{{K}}", "region": "{{R}}", "patch": {"headers": {"A": "Bearer {{H}}"}}}
    >>> [*references([plain])]
    ['K', 'H']
    """
    match value:
        case dict():
            for name, inner in value.items():
                yield from references(inner, name, of_headers or name == "headers")
        case list() | tuple():
            for inner in value:
                yield from references(inner, setting, of_headers)
        case str() if setting not in PUBLIC and (of_headers or is_reference(value)):
            yield from re.findall(NAME, value)


#: Settings that are no secrets: a program may need their variables, such as AWS_REGION.
PUBLIC = {*SETTINGS} - {"api_base", *CREDENTIALS}
