"""Client -> how it authenticates: the method in force, the settings it reads, its functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from returns.result import Result, Success

from loki.config.build_config import variable_prefix
from loki.edge.auth.auth_context import AuthContext
from loki.lazy import LazyTable
from loki.problems import Problem, fail
from loki.providers import Provider, provider_of
from loki.records import Client, Draft
from loki.stages.build import header_fault

#: A client, the context, a token that was refused ("" if none) -> a token that is good now.
TokenSource = Callable[[Client, AuthContext, str], Result[str, Problem]]
#: A client, the context -> the parts of a signature, by the names of their settings.
KeySource = Callable[[Client, AuthContext], Result[dict[str, str], Problem]]


#: Sources of tokens that can be renewed, by the setting ``auth`` or a service's ambient method.
TOKENS: Mapping[str, TokenSource] = LazyTable(
    {
        "oauth": "loki.edge.auth.oauth:token",
        "entra": "loki.edge.auth.entra:token",
        "google": "loki.edge.auth.google:token",
    }
)
#: Sources of keys to sign with, likewise.
KEYS: Mapping[str, KeySource] = LazyTable({"aws": "loki.edge.auth.aws:keys"})

#: Of a pair to sign with; one of them alone is a mistake, not a reason to look elsewhere.
SECRET_KEYS = ("access_key_id", "secret_access_key")


def variable_names(client: Client, service: Provider, setting: str) -> str:
    """Return the environment variables that give a client a setting: ours, its provider's own.

    >>> claude = Client("claude", "claude", {})
    >>> variable_names(claude, provider_of(claude), "api_key")
    'CLAUDE_API_KEY or ANTHROPIC_API_KEY'
    """
    own = f"{variable_prefix(client.name)}_{setting.upper()}"
    return " or ".join(dict.fromkeys((own, *service.variables.get(setting, ())[:1])))


def auth_method(client: Client, service: Provider) -> str:
    """Return the key of TOKENS or KEYS that is in force, empty where a credential is set.

    A ``profile`` of the client goes before the environment's keys, not before the client's own.
    """
    configured = client.settings.get("auth")
    if configured is not None:
        return configured.value
    keys = [key for key in (*service.auth_headers, *SECRET_KEYS) if key in client.settings]
    if "profile" in client.settings:
        keys = [key for key in keys if not is_from_environment(client, service, key)]
    return "" if keys else service.ambient_credentials


def credential_name(client: Client, service: Provider) -> str | None:
    """Return the first of the service's credentials that is set."""
    return next((name for name in service.auth_headers if name in client.settings), None)


def needs_key(client: Client, service: Provider) -> bool:
    """Return whether a client's provider answers nobody without a key.

    A known service does not where it is hosted; a server of one's own may.
    """
    is_hosted = "api_base" not in client.settings and service.api_base.startswith("https://")
    return is_hosted or not service.needs_no_key


def may_go_without(draft: Draft, service: Provider) -> bool:
    """Return whether a request may leave without a credential of the client.

    It may to a server of one's own, for a list of models, and where a patch proves who asks or
    sends it elsewhere.
    """
    has_proof = "authorization" in {*map(str.lower, draft.headers), *draft.dropped}
    is_elsewhere = not draft.url.startswith(service.api_base)
    is_free = draft.method == "GET" or has_proof or is_elsewhere
    return service.needs_no_key and (is_free or not needs_key(draft.target.client, service))


def check_credential(client: Client) -> Callable[[str], Result[str, Problem]]:
    """Return a stage that refuses a credential that no header can carry, such as ``…``."""

    def stage(secret: str) -> Result[str, Problem]:
        if not header_fault("Authorization", secret):
            return Success(secret)
        wrong = "the key has a line break or a character outside ASCII"
        return fail("config", f"{wrong}{describe_credential(client)}")

    return stage


def describe_credential(client: Client) -> str:
    """Return the end of a message about a credential that was refused: whose, and from where.

    >>> from loki.records import Setting
    >>> setting = Setting("OPENAI_API_KEY", "name", "config.yaml clients[0].api_key")
    >>> describe_credential(Client("work", "openai", {"api_key": setting}))
    "; client 'work', api_key from {{OPENAI_API_KEY}}"
    """
    service = provider_of(client)
    name = credential_name(client, service) if service else None
    setting = client.settings.get(name or "")
    if setting is None:
        return f"; client {client.name!r}"
    origin = f"{{{{{setting.value}}}}}" if setting.source == "name" else setting.origin
    return f"; client {client.name!r}, {name} from {origin}"


def signing_region(client: Client, service: Provider) -> Result[str, Problem]:
    """Return the region of a client whose keys come from a chain; fail if it signs nothing."""
    method, region = auth_method(client, service), client.settings.get("region")
    if service.sign is None:
        return fail("config", f"client {client.name!r}: auth: {method} is not for {client.type}")
    if region is None or region.source != "literal":
        return fail("config", f"client {client.name!r} needs a region: set `region`, or AWS_REGION")
    return Success(region.value)


def matching_session_token(client: Client, service: Provider) -> list[str]:
    """Return the other keys that belong to the signing keys.

    A session token of the environment fits only signing keys of the environment.
    """
    keys = [key for key in service.more_keys if key in client.settings]
    first = is_from_environment(client, service, service.keys[0])
    return [key for key in keys if first or not is_from_environment(client, service, key)]


def is_from_environment(client: Client, service: Provider, key: str) -> bool:
    """Return whether a setting came from one of the provider's own variables."""
    return client.settings[key].origin in service.variables.get(key, ())


def extra_oauth_headers(client: Client, service: Provider) -> dict[str, str]:
    """Return the client's ``oauth.request_headers``, without nulls and without Authorization.

    That one is for the token endpoint.
    """
    if auth_method(client, service) != "oauth":
        return {}
    headers: Mapping[str, str | None] = client.oauth.get("request_headers", {})
    return {
        name: value
        for name, value in headers.items()
        if value is not None and name.lower() != "authorization"
    }
