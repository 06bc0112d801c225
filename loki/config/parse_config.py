"""1. text -> plain values: parse the configuration strictly; every complaint has its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from returns.result import Result, Success

from loki.config.grammar import RULES
from loki.config.setting_names import CREDENTIALS, is_public, is_reference, is_sensitive
from loki.config.yaml_reader import read_yaml
from loki.config.yaml_schema import Complaint, Position, Report, position_of
from loki.json_text import Json, JsonObject
from loki.problems import Problem, fail
from loki.urls import find_proxy_fault


class ClientPlace(NamedTuple):
    """Where a client stands, and where each of its models."""

    client: Position
    models: tuple[Position, ...]


def parse_config(text: str, path: str) -> Result[JsonObject, Problem]:
    """Return the plain values of a configuration; fail with the first complaint and its place."""
    plain, complaints = find_complaints(text)
    if not complaints:
        return Success(plain)
    (line, column), message = complaints[0]
    more = f" (and {len(complaints) - 1} more: loki --check)" if len(complaints) > 1 else ""
    return fail("config", f"{path}:{line}:{column}: {message}{more}")


def find_complaints(text: str) -> tuple[JsonObject, tuple[Complaint, ...]]:
    """Return the plain values and all complaints about them.

    >>> find_complaints("modle: x")[1]
    (Complaint(position=(1, 1), message="unknown key 'modle'; did you mean 'model'?"),)
    """
    bare = text.removeprefix("\ufeff")
    if not re.search(r"^\s*(?!#|---|\.\.\.)\S", bare, re.MULTILINE):
        return {}, ()  # comments only
    return read_yaml(bare, RULES)


def client_places(text: str) -> tuple[ClientPlace, ...]:
    r"""Return where each client of a right configuration stands, and where each of its models.

    >>> client_places("clients:\n- type: openai\n  models:\n  - name: m\n")
    (ClientPlace(client=(2, 3), models=((4, 5),)),)
    """

    def rule(node: Any, position: Position, report: Report) -> tuple[ClientPlace, ...]:
        if not isinstance(node, dict):
            return ()  # an empty file, or comments alone
        return tuple(
            ClientPlace(place, positions_in(client.get("models"), place))
            for client, place in zip(
                node.get("clients") or (),
                positions_in(node.get("clients"), position),
                strict=True,
            )
        )

    places: tuple[ClientPlace, ...] = read_yaml(text.removeprefix("\ufeff"), rule)[0]
    return places


def positions_in(items: Any, position: Position) -> tuple[Position, ...]:
    """Return where the items of a list stand."""
    return tuple(position_of(items, i, position) for i in range(len(items or ())))


# ---- literal secrets -----------------------------------------------------------------------------

#: Keys that lead to a text among plain values, and where in the file it begins and ends, in bytes.
Place = tuple[tuple[str | int, ...], int, int]


def secret_positions(plain: JsonObject, data: bytes) -> list[Place] | None:
    """Return where a file holds the texts that no other file may hold; None where that is unclear.

    These are its literal secrets, and every text that repeats one or a long part of one.

    >>> secret_positions({"clients": [{"api_key": "sk-1"}]}, b"clients:\\n- api_key: sk-1")
    [(('clients', 0, 'api_key'), 20, 24)]
    >>> secret_positions({"clients": [{"api_key": "{{KEY}}", "api_key_file": "~/key"}]}, b"...")
    []
    """
    secrets = {*secrets_in(plain)}
    if not secrets:
        return []
    parts = {part for secret in secrets for part in PARTS.split(secret) if len(part) >= LONG}
    pieces = secrets | parts
    if any(piece in key for key in keys_in(plain) for piece in pieces if len(piece) >= SHORT):
        return None
    texts = [(keys, text) for keys, text in texts_in(plain) if any(map(text.__contains__, pieces))]
    places = [(keys, data.find(text.encode()), len(text.encode())) for keys, text in texts]
    if any(start < 0 for _, start, _ in places):  # escaped, folded, or in several lines
        return None
    return [(keys, start, start + length) for keys, start, length in places]


PARTS = re.compile(r"[\s:/@?&#;=,]+")
LONG = 8  # characters of a part of a secret that count as the secret
SHORT = 4  # characters: what is shorter stands in many names, and is no secret


def inner_values(value: Json) -> Iterable[tuple[str | int, Json]]:
    """Return what is in an object or a list, by keys or indexes; nothing is in anything else."""
    match value:
        case dict():
            return value.items()
        case list():
            return enumerate(value)
    return ()


def keys_in(value: Json) -> Iterator[str]:
    """Return all keys of a value and of what is in it."""
    for key, inner in inner_values(value):
        if isinstance(key, str):
            yield key
        yield from keys_in(inner)


def texts_in(value: Json, keys: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, str]]:
    """Return all texts in a value, each with the keys and indexes that lead to it."""
    if isinstance(value, str):
        yield keys, value
    for key, inner in inner_values(value):
        yield from texts_in(inner, (*keys, key))


def secrets_in(value: Json, name: str = "") -> Iterator[str]:
    """Return the secrets in plain sight in a value that stands under a name.

    >>> [*secrets_in([{"api_key": "sk-1", "region": "eu"}])]
    ['sk-1']
    """
    if isinstance(value, str) and is_secret(value, name):
        yield value
    for key, inner in inner_values(value):
        if isinstance(key, int):
            yield from secrets_in(inner, name)
        elif name in ("request_headers", "token_headers"):
            yield from secrets_in(inner, key if is_public(key) else TOKEN)
        elif key not in PUBLIC:
            yield from secrets_in(inner, key)


def is_secret(text: str, name: str) -> bool:
    """Return whether a text under a name is a secret, not a reference to one."""
    if name == "proxy":
        return "@" in text or find_proxy_fault(text) != "" or SECRET_IN_URL.search(text) is not None
    if name in CREDENTIALS:
        return bool(text) and not is_reference(text)
    hides = is_sensitive(name) and not name.endswith(("_cmd", "_file"))
    bare = re.sub(r"(?i)\{\{[^{}]*\}\}|\b(?:bearer|basic|token)\b", "", text).strip()
    return bool((hides and bare) or SECRET_IN_URL.search(text))


#: A sensitive name, for headers of which any may be a secret.
TOKEN = "token"

#: Keys that look sensitive and are not.
PUBLIC = frozenset(
    (
        *("auth", "authorize_url", "authorize_params", "token_url", "token_format"),
        *("device_authorization_url", "secrets_provider"),
    )
)
SECRET_IN_URL = re.compile(r"(?i)://[^/\s@]*@|[?&][^=&\s]*(?:key|token|secret|sig|pass)[^=&]*=")
