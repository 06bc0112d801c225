"""Config, environment -> the variables that programs of others may see: none of our secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from loki.config.build_config import variable_prefix
from loki.config.setting_names import CREDENTIALS, SENSITIVE
from loki.edge.auth.secrets import NAME
from loki.edge.config_cache import read_config
from loki.edge.files import ADDED, config_file, without_env_file
from loki.json_text import Json
from loki.providers import KNOWN, PROVIDERS
from loki.records import Client, Config
from loki.redaction.redactor import Redactor
from loki.urls import SECRET, userinfo


def child_environment(
    config: Config, environ: Mapping[str, str], redactor: Redactor
) -> dict[str, str]:
    """Return the variables without those of the .env file and those that hold a secret of ours.

    Ours are the credentials of every client and every known provider, what ``{{NAME}}`` refers to,
    and whatever holds a secret that is known by now. A proxy's address is no secret of ours.
    """
    withheld = set(secret_names(config))
    return {
        name: value
        for name, value in without_env_file(environ).items()
        if name not in withheld and (is_proxy(name) or redactor.redact(value) == value)
    }


def register_secrets(config: Config, environ: Mapping[str, str], redactor: Redactor) -> None:
    """Make known what a program could find of our secrets and print, also those not used yet."""
    withheld = {*secret_names(config)}
    of_env_file = environ.keys() - without_env_file(environ).keys() - {ADDED}
    settings = (
        {name: setting.value}
        for client in config.clients
        for name, setting in client.settings.items()
        if setting.source == "literal"
    )
    in_file = read_config(config_file(environ), environ).value_or(None)  # under what variables set
    redactor.add(
        *literal_secrets([*settings, in_file]),
        *(
            environ[name]
            for name in environ.keys() & withheld | {*filter(SENSITIVE.search, of_env_file)}
        ),
    )


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
                hidden = name in LITERALS or (of_headers and bool(SENSITIVE.search(name)))
                yield from literal_secrets(inner, hidden, name == "headers")
        case list():
            for inner in value:
                yield from literal_secrets(inner)
        case str() if is_secret and not NAME.search(value):
            yield from {value: True, value.split(" ")[-1]: True}  # Bearer and the like before it
        case str() if "://" in value:
            yield from filter(None, (userinfo(value), userinfo(value).partition(":")[2]))
            yield from (value[each.end(1) : each.end()] for each in SECRET.finditer(value))


LITERALS = {*CREDENTIALS, "client_secret"}


def is_proxy(name: str) -> bool:
    """Return whether a variable names a proxy, which a program may need."""
    return name.lower().endswith("_proxy")


def secret_names(config: Config) -> Iterator[str]:
    """Yield the names of the variables from which we take secrets."""
    clients = (client.name for client in config.clients)
    for name in (*clients, *PROVIDERS, *KNOWN):
        prefix = variable_prefix(name)
        yield from (f"{prefix}_{setting.upper()}" for setting in CREDENTIALS)
        yield f"{prefix}_OAUTH_CLIENT_SECRET"
    for service in PROVIDERS.values():
        for setting, variables in service.variables.items():
            yield from variables if setting in CREDENTIALS else ()
    for client in config.clients:
        yield from names_in_client(client)


def names_in_client(client: Client) -> Iterator[str]:
    """Yield the names that a client's settings and headers refer to as ``{{NAME}}``."""
    yield from (each.value for each in client.settings.values() if each.source == "name")
    patches = (patch for pairs in client.patches.values() for _, patch in pairs)
    texts = (value or "" for patch in patches for value in patch.headers.values())
    yield from (name for text in texts for name in NAME.findall(text))
