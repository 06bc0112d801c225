"""JSON -> Patch: a user's change to requests, by the pattern of a model's name."""

from __future__ import annotations

from typing import Any

from returns.result import Result, Success

from loki.config.patterns import find_pattern_fault
from loki.json_text import JsonObject, parse_strict
from loki.problems import Problem, fail, suggest_nearest
from loki.railway import gather
from loki.records import Patch


def read_patches(text: str, name: str) -> Result[tuple[tuple[str, Patch], ...], Problem]:
    """Parse patterns and their patches, in JSON; ``name`` is for messages."""
    try:
        patches = parse_strict(text)
    except (ValueError, RecursionError) as error:
        return fail("config", f"{name}: not JSON: {str(error)[:100]}")
    if not isinstance(patches, dict):
        return fail("config", f'{name}: expected {{"pattern": {{"body": …}}}}')
    bad = next((reason for pattern in patches if (reason := find_pattern_fault(pattern))), "")
    if bad:
        return fail("config", f"{name}: {bad}")
    return gather(read_patch(raw, f"{name} {pattern!r}") for pattern, raw in patches.items()).map(
        lambda values: tuple(zip(patches, values, strict=True))
    )


def read_patch(raw: Any, origin: str) -> Result[Patch, Problem]:
    """Return a patch given as JSON: url, body and headers, each of the right type.

    >>> read_patch({"bdy": {}}, "--patch").failure().message
    "--patch: unknown key 'bdy'; did you mean 'body'?"
    """
    if not isinstance(raw, dict):
        return fail("config", f"{origin}: {PATCH_SHAPE}")
    for key, value in raw.items():
        if key not in PATCH_PARTS:
            return fail(
                "config", f"{origin}: unknown key {key!r}{suggest_nearest(key, [*PATCH_PARTS])}"
            )
        if value is not None and not isinstance(value, PATCH_PARTS[key]):
            return fail("config", f"{origin}: {PATCH_SHAPE}")
    for name, value in (raw.get("headers") or {}).items():
        if isinstance(value, bool) or not isinstance(value, (str, int, float, type(None))):
            return fail("config", f"{origin}: header {name!r} is neither text nor null")
    return Success(patch_from_object(raw, origin))


def read_param(text: str) -> Result[Patch, Problem]:
    """Return the patch of ``--param NAME=VALUE``; a dot in NAME leads into an object.

    >>> read_param("thinking.budget=9").unwrap().body, read_param("user=me").unwrap().body
    ({'thinking': {'budget': 9}}, {'user': 'me'})
    """
    name, equals, words = text.partition("=")
    if not equals or not all(name.split(".")):
        shown = f" {name[:60]!r}" if equals else ""  # else it may be a value, and a secret
        return fail("usage", f"--param{shown}: expected NAME=VALUE, as in top_k=40")
    try:
        value = parse_strict(words)
    except (ValueError, RecursionError):
        value = words
    return Success(patch_from_params({name: value}, f"--param {name}"))


def patch_from_params(params: JsonObject, origin: str) -> Patch:
    """Return the patch that puts parameters into the body, by their dotted names.

    >>> patch_from_params({"a.b": 1, "a.c": 2}, "").body
    {'a': {'b': 1, 'c': 2}}
    """
    body: JsonObject = {}
    for name, value in params.items():
        body = set_in(body, name.split("."), value)
    return Patch(body=body, origin=origin)


def set_in(target: Any, keys: list[str], value: Any) -> JsonObject:
    """Return an object with a value set deep within it; what is no object gives way."""
    old = target if isinstance(target, dict) else {}
    first, *others = keys
    return {**old, first: set_in(old.get(first), others, value) if others else value}


def patch_from_object(raw: JsonObject, origin: str) -> Patch:
    """Return a patch whose shape is known to be right."""
    headers = raw.get("headers") or {}
    return Patch(
        url=raw.get("url") or None,
        body=raw.get("body"),
        headers={name: None if v is None else str(v) for name, v in headers.items()},
        origin=origin,
    )


PATCH_PARTS: dict[str, type] = {"url": str, "body": dict, "headers": dict}
PATCH_SHAPE = 'expected {"url": "…", "body": {…}, "headers": {…}}'
