"""The providers, one a file: where each lives, what it speaks, how it is authenticated to."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from loki.lazy import LazyTable
from loki.providers.base import SECRET_BASE, Provider, Route
from loki.providers.compatible import KNOWN, known_name
from loki.record import replace
from loki.records import Client, Target
from loki.wire import wire
from loki.wire.protocol import TextsWire, Wire

__all__ = [
    "ALIASES",
    "KNOWN",
    "SECRET_BASE",
    "TYPES",
    "Route",
    "Provider",
    "base_of",
    "find_provider",
    "known_name",
    "route_of",
    "service_of",
    "type_of",
    "wire_name",
    "wire_of",
]

#: The types of clients; a call loads the one that it talks to.
PROVIDERS: LazyTable[Provider] = LazyTable(
    {
        "openai": "loki.providers.openai:OPENAI",
        "openai-compatible": "loki.providers.compatible:COMPATIBLE",
        "azure-openai": "loki.providers.azure:AZURE",
        "cohere": "loki.providers.cohere:COHERE",
        "claude": "loki.providers.anthropic:ANTHROPIC",
        "gemini": "loki.providers.gemini:GEMINI",
        "vertexai": "loki.providers.vertexai:VERTEXAI",
        "bedrock": "loki.providers.bedrock:BEDROCK",
    }
)

#: Every type that a configuration may name.
TYPES = tuple(PROVIDERS)

#: Other names that people know a type by.
ALIASES = {"anthropic": "claude", "google": "gemini"}


def type_of(name: str) -> str:
    """Return the type that a name of a type, or another name for it, means.

    >>> type_of("anthropic"), type_of("claude")
    ('claude', 'claude')
    """
    return ALIASES.get(name, name)


def provider_of(client: Client) -> Provider | None:
    """Return the client's provider, None for an unknown type.

    >>> provider_of(Client("groq", "openai-compatible", {})).api_base
    'https://api.groq.com/openai/v1'
    """
    return find_provider(client.type, client.name)


@lru_cache(256)
def find_provider(type_: str, name: str) -> Provider | None:
    """Return the provider of a client type, or the known one of a compatible client's name."""
    service = PROVIDERS.get(type_)
    known = KNOWN.get(known_name(name)) if type_ == "openai-compatible" else None
    if service is None or known is None:
        return service
    return replace(
        service,
        api_base=known.api_base,
        dialect=known.dialect,
        routes={**service.routes, **known.routes},
        model_lists=known.model_lists,
        batch=known.batch,
        other_names=known.other_names,
        variables=known.variables if name in KNOWN else {},  # groq-work has an account of its own
    )


def route_of(target: Target) -> Route | None:
    """Return the route of the target's task, None if its client cannot do it."""
    service = provider_of(target.client)
    return service.routes.get(target.model.type) if service else None


def wire_name(target: Target) -> str:
    """Return the name of the wire of a target that has a route, as whatever was drafted has."""
    route = route_of(target)
    assert route is not None, f"{target.client.type} cannot {target.model.type}"
    return route.wire(target)


def vendor_of(target: Target) -> str:
    """Return whose thoughts a target's answers carry, as ``provider/wire``: nobody else's fit.

    A compatible server goes by its client's name, for each of them is a provider of its own.
    """
    client = target.client
    provider = client.name if client.type == "openai-compatible" else client.type
    return f"{provider}/{wire_name(target)}"


def wire_of(target: Target) -> Wire | TextsWire[Any]:
    """Return the wire of a target that has a route."""
    return wire(target.model.type, wire_name(target))


def base_url_of(client: Client, service: Provider) -> str:
    """Return scheme, host and path prefix, without a slash at the end; empty if nothing is set."""
    setting = client.settings.get("api_base")
    if setting is None:
        return service.api_base
    return setting.value.rstrip("/") if setting.source == "literal" else SECRET_BASE
