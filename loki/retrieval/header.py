"""The header of a store: its version, its model, and all else that decides what a vector is."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import blake2b
from typing import Literal

from returns.result import Result

from loki.json_text import JsonObject, compact
from loki.problems import Problem, fail
from loki.record import record, replace
from loki.records import Patch, Target
from loki.stages.draft import draft
from loki.stages.patch import patch

#: Of the stores that are written; one that is higher was written by a later loki.
VERSION = 1


@record
class EmbeddingSettings:
    """What beside a text decides its vector: vectors of two signatures cannot be compared."""

    name: str  # of the model, as its provider knows it
    dimensions: int | None = None  # as asked for; None is what the model gives by itself
    purpose: Literal["query", "document"] | None = None
    patch: str = ""  # a hash of what the user's patches change in the body


@record
class Header:
    """What a store says of itself."""

    model: str  # client:model that it was begun with
    settings: EmbeddingSettings
    made: float  # seconds since the epoch
    version: int = VERSION


def embedding_settings(
    target: Target, patches: tuple[Patch, ...]
) -> Result[EmbeddingSettings, Problem]:
    """Return the signature of the vectors that a target gives."""
    ask = target.ask
    drafted = draft(replace(target, ask=replace(ask, texts=("a",))))
    return drafted.map(
        lambda plain: EmbeddingSettings(
            target.model.real_name,
            ask.dimensions,
            ask.purpose,
            hash_changes(plain.body, patch(patches)(plain).body),
        )
    )


def hash_changes(body: JsonObject, patched: JsonObject) -> str:
    """Return a hash of the fields that differ; a hash, because a patch may hold a secret.

    >>> hash_changes({"a": 1}, {"a": 1}), hash_changes({"a": 1}, {"a": 2})
    ('', 'd6f6f07188588b39')
    """
    names = sorted(body.keys() | patched.keys())
    changes = [[name, patched.get(name)] for name in names if body.get(name) != patched.get(name)]
    return blake2b(compact(changes).encode(), digest_size=8).hexdigest() if changes else ""


def make_key_function(signature: EmbeddingSettings) -> Callable[[str], int]:
    """Return what makes the key of a text: 64 bits of a hash of it and the signature.

    >>> make_key_function(EmbeddingSettings("m"))("Hi")
    5635916472634581525
    >>> make_key_function(EmbeddingSettings("n"))("Hi")
    -8238767466706247248
    """
    start = blake2b(compact(settings_json(signature)).encode() + b"\0", digest_size=8)

    def key(text: str) -> int:
        hashed = start.copy()
        hashed.update(text.encode("utf-8", "surrogatepass"))
        return int.from_bytes(hashed.digest(), "big", signed=True)

    return key


def settings_json(signature: EmbeddingSettings) -> JsonObject:
    """Return a signature as a JSON object."""
    return {
        "name": signature.name,
        "dimensions": signature.dimensions,
        "task": signature.purpose,
        "patch": signature.patch,
    }


def write_header(header: Header) -> str:
    """Return a header as JSON, as a store keeps it."""
    return compact(
        {
            "version": header.version,
            "model": header.model,
            "made": header.made,
            "options": settings_json(header.settings),
        }
    )


def read_header(text: str | bytes) -> Result[Header, Problem]:
    """Return the header of a store; its problem says what is wrong, and not where.

    >>> header = Header("local:m", EmbeddingSettings("m", 2, "document"), 5.0)
    >>> read_header(write_header(header)).unwrap() == header
    True
    >>> read_header('{"version": 2}').failure().message
    'a later loki made it (version 2; this one reads 1): upgrade loki'
    """
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        header = None
    match header:
        case {"version": int(version)} if version > VERSION:
            made_by = f"a later loki made it (version {version}; this one reads {VERSION})"
            return fail("input", f"{made_by}: upgrade loki")
        case {"version": int(version), "model": str(model), "made": int() | float() as made} if (
            signature := read_settings(header.get("options"))
        ):
            return Result.from_value(Header(model, signature, made, version))
        case _:
            return fail("input", "it was not made by loki-embed --into")


def read_settings(options: object) -> EmbeddingSettings | None:
    """Return the signature in a JSON object, None if there is none."""
    match options:
        case {
            "name": str(name),
            "dimensions": int() | None as dimensions,
            "task": "query" | "document" | None as purpose,
            "patch": str(patched),
        }:
            return EmbeddingSettings(name, dimensions, purpose, patched)
    return None


def describe(header: Header, dimensions: int) -> str:
    """Return what vectors a store has, for messages.

    >>> describe(Header("local:m", EmbeddingSettings("m", None, "document", "ab"), 0.0), 384)
    'local:m (384 numbers, task document, patched)'
    """
    task, patched = header.settings.purpose, header.settings.patch
    parts = (f"{dimensions:,} numbers", task and f"task {task}", patched and "patched")
    return f"{header.model} ({', '.join(part for part in parts if part)})"


def describe_difference(own: EmbeddingSettings, other: EmbeddingSettings) -> str:
    """Return what another signature has that differs, for messages; nothing where none does.

    >>> own = EmbeddingSettings("m", None, "document")
    >>> describe_difference(own, EmbeddingSettings("m", 256, "document"))
    '256 dimensions'
    >>> describe_difference(EmbeddingSettings("m"), EmbeddingSettings("n"))
    'the model n'
    """
    if own.name != other.name:
        return f"the model {other.name}"
    if own.dimensions != other.dimensions:
        return f"{other.dimensions or 'no'} dimensions"
    if own.purpose != other.purpose:
        return f"the task {other.purpose}" if other.purpose else "no task"
    return "" if own.patch == other.patch else "another patch"
