"""1. plain values, environment -> Config: the configuration, with its variables."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from returns.result import Result, Success

from loki.config.patterns import bad_pattern
from loki.config.setting_names import CREDENTIALS, LIMITS, PATCH_KINDS, SETTINGS, TOP, is_reference
from loki.json_text import parse_strict
from loki.problems import Problem, fail, nearest
from loki.providers import KNOWN, SERVICES, TYPES
from loki.railway import gather
from loki.records import Client, Config, JsonObject, Limits, Patch, Setting


def configure(
    plain: JsonObject | None, path: str, environ: Mapping[str, str], catalogue: str = ""
) -> Result[Config, Problem]:
    """The whole configuration; without a file (None) every known provider is a client."""
    entries = implied(environ) if plain is None else plain.get("clients", [])
    clients = gather(
        client(entry, f"{path} clients[{i}]", environ) for i, entry in enumerate(entries)
    )
    top = gather(top_level(plain or {}, name, environ) for name in TOP)
    return gather((platform(plain, environ), clients, top)).map(
        lambda found: Config(
            clients=found[1],
            origin=path if plain is not None else "no configuration file",
            catalogue=catalogue,
            **{
                **({"model": found[0]} if found[0] else {}),
                **{
                    name: value
                    for name, value in zip(TOP, found[2], strict=True)
                    if value is not None
                },
                **budget_of(found[2][TOP.index("budget")] or {}),
            },
        )
    )


def platform(plain: JsonObject | None, environ: Mapping[str, str]) -> Result[str, Problem]:
    """The client that LOKI_PLATFORM names; with a configuration file it says nothing."""
    name = environ.get("LOKI_PLATFORM", "")
    if plain is not None or not name or name in KNOWN or name in TYPES:
        return Success(name if plain is None else "")
    return fail("config", f"LOKI_PLATFORM: no platform {name!r}{nearest(name, [*TYPES, *KNOWN])}")


def implied(environ: Mapping[str, str]) -> list[JsonObject]:
    """The clients there are without a configuration file, the named platform first."""
    types = [{"type": name} for name in TYPES]
    known: list[JsonObject] = [{"type": "openai-compatible", "name": name} for name in KNOWN]
    first = environ.get("LOKI_PLATFORM")
    return sorted([*types, *known], key=lambda entry: entry.get("name", entry["type"]) != first)


def top_level(top: JsonObject, name: str, environ: Mapping[str, str]) -> Result[Any, Problem]:
    """A setting of the first level; LOKI_<NAME> wins."""
    said = environ.get(f"LOKI_{name.upper()}")
    if not said:
        return Success(top.get(name))
    if name == "budget":
        return read_budget(said)
    if name == "stream":
        said = {"0": "false", "1": "true"}.get(said, said)  # as variables often say it
    wrong: list[str] = []
    from loki.config.grammar import TOP_RULES  # with all that reads YAML

    value = TOP_RULES[name](said, (0, 0), lambda spot, message: wrong.append(message))
    return fail("config", f"LOKI_{name.upper()}: {wrong[0]}") if wrong else Success(value)


def budget_of(told: JsonObject) -> JsonObject:
    """Return the fields of Config that ``budget`` sets.

    >>> budget_of({"per_day": "1", "allow_unpriced": True})
    {'budget': {'per_day': '1'}, 'allow_unpriced': True}
    """
    limits = {name: amount for name, amount in told.items() if name in BUDGETS}
    return {"budget": limits, "allow_unpriced": told.get("allow_unpriced", False)}


def read_budget(words: str) -> Result[JsonObject, Problem]:
    """LOKI_BUDGET, in JSON.

    >>> read_budget('{"per_day": 1.50, "allow_unpriced": true}').unwrap()
    {'per_day': '1.50', 'allow_unpriced': True}
    >>> read_budget('{"per_week": 1}').failure().message.partition(" US")[0]
    'LOKI_BUDGET: expected {"per_day":'
    """
    try:
        told = json.loads(words, parse_float=str, parse_int=str)
    except ValueError:
        told = None
    if isinstance(told, dict) and all(fits_budget(*pair) for pair in told.items()):
        return Success(told)
    shape = '{"per_day": US dollars, "per_month": US dollars, "allow_unpriced": true or false}'
    return fail("config", f"LOKI_BUDGET: expected {shape}")


def fits_budget(name: str, value: Any) -> bool:
    """Return whether a part of LOKI_BUDGET is as it should be; numbers are texts."""
    if name == "allow_unpriced":
        return isinstance(value, bool)
    amount = isinstance(value, str) and re.fullmatch(r"\d{1,12}(\.\d{1,12})?", value)
    return name in BUDGETS and bool(amount)


def client(entry: JsonObject, place: str, environ: Mapping[str, str]) -> Result[Client, Problem]:
    """One client; for every setting {CLIENT}_{SETTING} wins."""
    name = str(entry.get("name", entry["type"]))
    prefix = variable(name)
    settings = {
        setting: found
        for setting in SETTINGS
        if (found := find_setting(entry, setting, prefix, place, environ)) is not None
    }
    for setting, found in settings.items():
        if found.form == "name" and setting not in ("api_base", *CREDENTIALS):
            return fail("config", f"{found.origin}: no environment variable {found.value}")
    extra = {**entry.get("extra", {})}
    if f"{prefix}_PROXY" in environ:
        extra["proxy"] = environ[f"{prefix}_PROXY"]
    return client_patches(entry, prefix, place, environ).map(
        lambda patches: Client(
            name=name,
            type=entry["type"],
            settings=settings,
            models=tuple(entry.get("models", ())),
            patches=patches,
            limits=Limits(**{LIMITS[key]: value for key, value in extra.items()}),
            oauth=oauth_settings(entry, prefix, environ),
        )
    )


def variable(name: str) -> str:
    """A client's name in the names of environment variables.

    >>> variable("my-claude.2")
    'MY_CLAUDE_2'
    """
    return re.sub(r"[^A-Za-z0-9]", "_", name).upper()


def find_setting(
    entry: JsonObject, name: str, prefix: str, place: str, environ: Mapping[str, str]
) -> Setting | None:
    """A setting from the environment, else the file: itself, or where it is to be had."""
    told = f"{prefix}_{name.upper()}"
    if environ.get(told) and is_reference(environ[told]):
        return referred(environ[told].strip()[2:-2].strip(), name, told, environ)
    for end, form in FORMS.items():
        said = environ.get(told + end.upper(), "")
        if said and (not end or name in ("api_base", *CREDENTIALS)):
            return Setting(said, cast(Any, form), told + end.upper())
    if not entry.get(name, "?").strip():
        return None  # nothing between the quotes is not a key
    if name in entry and is_reference(entry[name]):
        return referred(entry[name].strip()[2:-2].strip(), name, f"{place}.{name}", environ)
    found = [(f"{name}{end}", form) for end, form in FORMS.items() if f"{name}{end}" in entry]
    if not found:
        return provider_setting(entry["type"], name, environ)
    key, form = found[0]
    return Setting(entry[key], cast(Any, form), f"{place}.{key}")


def referred(variable: str, name: str, place: str, environ: Mapping[str, str]) -> Setting:
    """A ``{{NAME}}``: looked up late if it is a secret or an address, else at once."""
    if name in ("api_base", *CREDENTIALS) or not environ.get(variable):
        return Setting(variable, "name", place)
    return Setting(environ[variable], "literal", variable)


def provider_setting(kind: str, name: str, environ: Mapping[str, str]) -> Setting | None:
    """A setting from a variable that the provider's own programs read."""
    service = SERVICES.get(kind)
    variables = service.variables.get(name, ()) if service else ()
    said = next((each for each in variables if environ.get(each)), None)
    return Setting(environ[said], "literal", said) if said else None


def oauth_settings(entry: JsonObject, prefix: str, environ: Mapping[str, str]) -> Mapping[str, Any]:
    """The client's ``oauth``; for its texts {CLIENT}_OAUTH_{SETTING} wins.

    >>> oauth_settings({"oauth": {"client_id": "a"}}, "X", {"X_OAUTH_CLIENT_ID": "b"})
    {'client_id': 'b'}
    """
    told = {name: environ.get(f"{prefix}_OAUTH_{name.upper()}") for name in OAUTH_TEXTS}
    return {**entry.get("oauth", {}), **{name: said for name, said in told.items() if said}}


def client_patches(
    entry: JsonObject, prefix: str, place: str, environ: Mapping[str, str]
) -> Result[dict[str, tuple[tuple[str, Patch], ...]], Problem]:
    """The client's patches by kind of request; LOKI_PATCH_… replaces those of its kind."""
    kinds = entry.get("patch", {})
    listed = {
        kind: tuple((p, patch_of(raw, f"{place}.patch.{kind}.{p!r}")) for p, raw in pairs)
        for kind, pairs in kinds.items()
    }
    named = {kind: f"LOKI_PATCH_{prefix}_{kind.upper()}" for kind in PATCH_KINDS}
    told = {kind: name for kind, name in named.items() if environ.get(name)}
    return gather(read_patches(environ[name], name) for name in told.values()).map(
        lambda replaced: {**listed, **dict(zip(told, replaced, strict=True))}
    )


def read_patches(words: str, name: str) -> Result[tuple[tuple[str, Patch], ...], Problem]:
    """Patterns and patches in JSON."""
    try:
        told = parse_strict(words)
    except (ValueError, RecursionError) as error:
        return fail("config", f"{name}: not JSON: {str(error)[:100]}")
    if not isinstance(told, dict):
        return fail("config", f'{name}: expected {{"pattern": {{"body": …}}}}')
    bad = next((reason for pattern in told if (reason := bad_pattern(pattern))), "")
    if bad:
        return fail("config", f"{name}: {bad}")
    return gather(read_patch(raw, f"{name} {pattern!r}") for pattern, raw in told.items()).map(
        lambda patches: tuple(zip(told, patches, strict=True))
    )


def read_patch(raw: Any, origin: str) -> Result[Patch, Problem]:
    """One patch in JSON: url, body and headers, each as it may be.

    >>> read_patch({"bdy": {}}, "--patch").failure().message
    "--patch: unknown key 'bdy'; did you mean 'body'?"
    """
    if not isinstance(raw, dict):
        return fail("config", f"{origin}: {PATCH_SHAPE}")
    for key, value in raw.items():
        if key not in PATCH_PARTS:
            return fail("config", f"{origin}: unknown key {key!r}{nearest(key, [*PATCH_PARTS])}")
        if value is not None and not isinstance(value, PATCH_PARTS[key]):
            return fail("config", f"{origin}: {PATCH_SHAPE}")
    for name, value in (raw.get("headers") or {}).items():
        if isinstance(value, bool) or not isinstance(value, (str, int, float, type(None))):
            return fail("config", f"{origin}: header {name!r} is neither text nor null")
    return Success(patch_of(raw, origin))


def patch_of(raw: JsonObject, origin: str) -> Patch:
    """A patch whose shape is known to be right."""
    headers = raw.get("headers") or {}
    return Patch(
        url=raw.get("url") or None,
        body=raw.get("body"),
        headers={name: None if v is None else str(v) for name, v in headers.items()},
        origin=origin,
    )


#: The limits of ``budget``.
BUDGETS = ("per_day", "per_month")

OAUTH_TEXTS = (
    "client_id",
    "client_secret",
    "client_secret_cmd",
    "client_secret_file",
    "authorize_url",
    "token_url",
    "redirect_uri",
)

#: The ends of a setting's name, and what they say about its value.
FORMS = {"": "literal", "_cmd": "cmd", "_file": "file"}

PATCH_PARTS: dict[str, type] = {"url": str, "body": dict, "headers": dict}
PATCH_SHAPE = 'expected {"url": "…", "body": {…}, "headers": {…}}'
