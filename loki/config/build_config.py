"""1. plain values, environment -> Config: the configuration, with its variables."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import inf
from typing import Any, cast

from returns.result import Result, Success

from loki.config.catalogue import Catalogue
from loki.config.patches import patch_from_object, read_patches
from loki.config.setting_names import (
    CREDENTIALS,
    LIMITS,
    PATCH_KINDS,
    SECRETS_PROVIDERS,
    SETTINGS,
    TOP,
    is_reference,
)
from loki.json_text import JsonObject
from loki.problems import Problem, fail, suggest_nearest
from loki.providers import ALIASES, KNOWN, TYPES, find_provider, type_of
from loki.railway import gather
from loki.records import Client, Config, Limits, Patch, Setting


def build_config(
    plain: JsonObject | None,
    path: str,
    environ: Mapping[str, str],
    catalogue: str = "",
    families: str = "",
) -> Result[Config, Problem]:
    """Return the whole configuration; without a file (None) every known provider is a client.

    ``catalogue`` is the text of data/models.json, ``families`` that of data/families.json.
    """
    entries = clients_from_environment(environ) if plain is None else plain.get("clients", [])
    return Result.do(
        Config(
            clients=clients,
            catalogue=Catalogue(catalogue, families),
            origin=path if plain is not None else "no configuration file",
            model_variable="LOKI_MODEL" if environ.get("LOKI_MODEL") else "",
            notes=secrets_notes(plain or {}, path),
            **top_fields(dict(zip(TOP, values, strict=True)), default_client),
        )
        for default_client in default_platform(plain, environ)
        for clients in gather(
            read_client(entry, f"{path} clients[{i}]", environ) for i, entry in enumerate(entries)
        )
        for values in gather(read_top_setting(plain or {}, name, environ) for name in TOP)
    )


def top_fields(values: JsonObject, default_client: str) -> JsonObject:
    """Return the fields of Config that settings of the first level set.

    >>> top_fields({"model": None, "top_p": 0.5, "budget": None}, "openai")
    {'model': 'openai', 'top_p': 0.5, 'budget': {}, 'allow_unpriced': False}
    """
    given = {name: value for name, value in values.items() if value is not None}
    model = {"model": default_client} if default_client else {}
    return {**model, **given, **budget_of(values["budget"] or {})}


def secrets_notes(plain: JsonObject, path: str) -> tuple[str, ...]:
    """Return a note that a place for secrets is not used, with the command that is its like.

    >>> secrets_notes({"secrets_provider": {"type": "gopass"}}, "c.yaml")[0].partition("; ")[2]
    "the same is api_key_cmd: 'gopass show -o NAME'"
    >>> secrets_notes({"secrets_provider": {"type": "local"}}, "c.yaml")
    ()
    """
    kind = plain.get("secrets_provider", {}).get("type", "local")
    if kind not in SECRETS_PROVIDERS:
        return ()
    command = f"api_key_cmd: {SECRETS_PROVIDERS[kind]!r}"
    return (f"{path}: secrets_provider {kind} has no effect; the same is {command}",)


def default_platform(plain: JsonObject | None, environ: Mapping[str, str]) -> Result[str, Problem]:
    """Return the client that LOKI_PLATFORM names; a configuration file goes before it."""
    name = environ.get("LOKI_PLATFORM", "")
    if plain is not None or not name or name in (*KNOWN, *TYPES, *ALIASES):
        return Success(type_of(name) if plain is None else "")
    return fail(
        "config", f"LOKI_PLATFORM: no platform {name!r}{suggest_nearest(name, [*TYPES, *KNOWN])}"
    )


def clients_from_environment(environ: Mapping[str, str]) -> list[JsonObject]:
    """Return the clients there are without a configuration file, the named platform first."""
    types = [{"type": name} for name in TYPES]
    known: list[JsonObject] = [{"type": "openai-compatible", "name": name} for name in KNOWN]
    first = type_of(environ.get("LOKI_PLATFORM", ""))
    return sorted([*types, *known], key=lambda entry: entry.get("name", entry["type"]) != first)


def read_top_setting(
    top: JsonObject, name: str, environ: Mapping[str, str]
) -> Result[Any, Problem]:
    """Return a setting of the first level; LOKI_<NAME> goes before the file."""
    text = environ.get(f"LOKI_{name.upper()}")
    if not text and name == "vault_password_file":
        return Success(top.get(name, top.get("secrets_provider", {}).get("password_file")))
    if not text:
        return Success(top.get(name))
    if name == "budget":
        return read_budget(text)
    if name == "stream":
        text = {"0": "false", "1": "true"}.get(text, text)  # as variables often say it
    wrong: list[str] = []
    from loki.config.grammar import TOP_RULES  # with all that reads YAML

    value = TOP_RULES[name](text, (0, 0), lambda spot, message: wrong.append(message))
    return fail("config", f"LOKI_{name.upper()}: {wrong[0]}") if wrong else Success(value)


def budget_of(budget: JsonObject) -> JsonObject:
    """Return the fields of Config that ``budget`` sets.

    >>> budget_of({"per_day": "1", "allow_unpriced": True})
    {'budget': {'per_day': '1'}, 'allow_unpriced': True}
    """
    limits = {name: amount for name, amount in budget.items() if name in BUDGETS}
    return {"budget": limits, "allow_unpriced": budget.get("allow_unpriced", False)}


def read_budget(text: str) -> Result[JsonObject, Problem]:
    """Parse LOKI_BUDGET, which is JSON.

    >>> read_budget('{"per_day": 1.50, "allow_unpriced": true}').unwrap()
    {'per_day': '1.50', 'allow_unpriced': True}
    >>> read_budget('{"per_week": 1}').failure().message.partition(" US")[0]
    'LOKI_BUDGET: expected {"per_day":'
    """
    try:
        budget = json.loads(text, parse_float=str, parse_int=str)
    except ValueError:
        budget = None
    if isinstance(budget, dict) and all(fits_budget(*pair) for pair in budget.items()):
        return Success(budget)
    shape = '{"per_day": US dollars, "per_month": US dollars, "allow_unpriced": true or false}'
    return fail("config", f"LOKI_BUDGET: expected {shape}")


def fits_budget(name: str, value: Any) -> bool:
    """Return whether a part of LOKI_BUDGET is as it should be; numbers are texts."""
    if name == "allow_unpriced":
        return isinstance(value, bool)
    amount = isinstance(value, str) and re.fullmatch(r"\d{1,12}(\.\d{1,12})?", value)
    return name in BUDGETS and bool(amount)


def read_client(
    entry: JsonObject, place: str, environ: Mapping[str, str]
) -> Result[Client, Problem]:
    """Return one client; for every setting {CLIENT}_{SETTING} goes before the file."""
    name = str(entry.get("name", entry["type"]))
    prefix = variable_prefix(name)
    settings = {
        setting: value
        for setting in SETTINGS
        if (value := find_setting(entry, setting, prefix, place, environ)) is not None
    }
    for setting, value in settings.items():
        if value.source == "name" and setting not in ("api_base", *CREDENTIALS):
            return fail("config", f"{value.origin}: no environment variable {value.value}")
    extra = {**entry.get("extra", {})}
    if f"{prefix}_PROXY" in environ:
        extra["proxy"] = environ[f"{prefix}_PROXY"]
    return client_patches(entry, prefix, place, environ).map(
        lambda patches: Client(
            name=name,
            type=type_of(entry["type"]),
            settings=settings,
            models=tuple(entry.get("models", ())),
            patches=patches,
            limits=read_limits(extra),
            oauth=oauth_settings(entry, prefix, environ),
        )
    )


def read_limits(extra: JsonObject) -> Limits:
    """Return the limits of ``extra``; a read_timeout of 0 is none, and idle_timeout goes before it.

    >>> read_limits({"read_timeout": 0.0}).idle, read_limits({"idle_timeout": 5.0}).idle
    (inf, 5.0)
    """
    given = {LIMITS[key]: extra[key] for key in LIMITS if key in extra}
    if given.get("idle") == 0 and "idle_timeout" not in extra:
        given["idle"] = inf
    return Limits(**given)


def variable_prefix(name: str) -> str:
    """Return a client's name as the names of environment variables begin with it.

    >>> variable_prefix("my-claude.2")
    'MY_CLAUDE_2'
    """
    return re.sub(r"[^A-Za-z0-9]", "_", name).upper()


def find_setting(
    entry: JsonObject, name: str, prefix: str, place: str, environ: Mapping[str, str]
) -> Setting | None:
    """Return a setting, of the environment or the file: the value, or where to get it."""
    variable_name = f"{prefix}_{name.upper()}"
    if environ.get(variable_name) and is_reference(environ[variable_name]):
        return resolve_reference(
            environ[variable_name].strip()[2:-2].strip(), name, variable_name, environ
        )
    for end, form in FORMS.items():
        value = environ.get(variable_name + end.upper(), "")
        if value and (not end or name in ("api_base", *CREDENTIALS)):
            return Setting(value, cast(Any, form), variable_name + end.upper())
    if not entry.get(name, "?").strip():
        return None  # nothing between the quotes is not a key
    if name in entry and is_reference(entry[name]):
        return resolve_reference(
            entry[name].strip()[2:-2].strip(), name, f"{place}.{name}", environ
        )
    given = [(f"{name}{end}", form) for end, form in FORMS.items() if f"{name}{end}" in entry]
    if not given:
        return provider_setting(entry, name, environ)
    key, form = given[0]
    return Setting(entry[key], cast(Any, form), f"{place}.{key}")


def resolve_reference(
    variable_prefix: str, name: str, place: str, environ: Mapping[str, str]
) -> Setting:
    """Return a ``{{NAME}}``: looked up late if it is a secret or an address, else at once."""
    if name in ("api_base", *CREDENTIALS) or not environ.get(variable_prefix):
        return Setting(variable_prefix, "name", place)
    return Setting(environ[variable_prefix], "literal", variable_prefix)


def provider_setting(entry: JsonObject, name: str, environ: Mapping[str, str]) -> Setting | None:
    """Return a setting from a variable that the provider's own programs read."""
    service = find_provider(type_of(entry["type"]), str(entry.get("name", entry["type"])))
    variables = service.variables.get(name, ()) if service else ()
    name_set = next(
        (variable_prefix for variable_prefix in variables if environ.get(variable_prefix)), None
    )
    return Setting(environ[name_set], "literal", name_set) if name_set else None


def oauth_settings(entry: JsonObject, prefix: str, environ: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the client's ``oauth``; {CLIENT}_OAUTH_{SETTING} goes before its texts.

    >>> oauth_settings({"oauth": {"client_id": "a"}}, "X", {"X_OAUTH_CLIENT_ID": "b"})
    {'client_id': 'b'}
    """
    variables = {name: environ.get(f"{prefix}_OAUTH_{name.upper()}") for name in OAUTH_TEXTS}
    return {**entry.get("oauth", {}), **{name: value for name, value in variables.items() if value}}


def client_patches(
    entry: JsonObject, prefix: str, place: str, environ: Mapping[str, str]
) -> Result[dict[str, tuple[tuple[str, Patch], ...]], Problem]:
    """Return the client's patches by kind of request; LOKI_PATCH_… replaces those of its kind."""
    kinds = entry.get("patch", {})
    listed = {
        kind: tuple((p, patch_from_object(raw, f"{place}.patch.{kind}.{p!r}")) for p, raw in pairs)
        for kind, pairs in kinds.items()
    }
    named = {kind: f"LOKI_PATCH_{prefix}_{kind.upper()}" for kind in PATCH_KINDS}
    replacing = {kind: name for kind, name in named.items() if environ.get(name)}
    return gather(read_patches(environ[name], name) for name in replacing.values()).map(
        lambda replaced: {**listed, **dict(zip(replacing, replaced, strict=True))}
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
    "device_authorization_url",
    "redirect_uri",
)

#: The ends of a setting's name, and what they say about its value.
FORMS = {"": "literal", "_cmd": "cmd", "_file": "file"}
