"""1c. Somebody's catalogue of models -> the text that we keep of it; and what is new in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from returns.result import Result, Success
from toolz import keyfilter

from loki.config.setting_names import (
    ABILITY_SETTINGS,
    EFFORTS,
    MODEL_SETTINGS,
    ModelSetting,
)
from loki.json_text import Json, JsonObject
from loki.price import PRICES
from loki.problems import Problem, fail

Clients = Mapping[str, Mapping[str, JsonObject]]


class SyncedCatalogue(NamedTuple):
    """A catalogue that has been looked through."""

    date: str
    sources: Mapping[str, str]
    clients: Clients
    families: Mapping[str, JsonObject] = {}


def parse_catalogue(data: bytes) -> Result[SyncedCatalogue, Problem]:
    """Parse a catalogue of the right shape; of each model only the keys we know are kept.

    >>> text = b'{"date": "2026-12-01", "clients": {"x": {"m": {"type": 1}}}}'
    >>> parse_catalogue(text).failure().message
    'the catalogue is wrong: x:m has no type that is chat, embedding or reranker'
    """
    try:
        value = json.loads(data, parse_float=Decimal, parse_constant=Decimal)
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        return fail("garbled", f"the catalogue is not JSON, as loki/data/models.json is: {reason}")
    wrong = next(find_faults(value), None)
    if wrong is not None:
        return fail("garbled", f"the catalogue is wrong: {wrong}")
    sources = value.get("sources")
    clients = {
        client: {model: known_keys(entry) for model, entry in models.items()}
        for client, models in value["clients"].items()
    }
    result = sources if are_texts(sources) else {}
    return Success(SyncedCatalogue(value["date"], result, clients, value.get("families", {})))


def find_faults(value: Json) -> Iterator[str]:
    """Yield what is wrong with a catalogue."""
    match value:
        case {"date": str(date), "clients": dict(clients)} if clients:
            if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", date):
                yield f"its date is {date[:20]!r}, not YYYY-MM-DD"
            for client, models in clients.items():
                yield from find_model_faults(client, models)
            yield from find_family_faults(value.get("families", {}))
        case _:
            yield "it needs a date, and models by name under clients by name"


def find_model_faults(client: str, models: Json) -> Iterator[str]:
    """Yield what is wrong with a client's models."""
    if not isinstance(models, dict):
        yield f"{client} has no models by name"
        return
    for model, entry in models.items():
        if not isinstance(entry, dict) or entry.get("type") not in TYPES:
            yield f"{client}:{model} has no type that is {', '.join(TYPES[:-1])} or {TYPES[-1]}"
            return
        for key, value in known_keys(entry).items():
            if not key_check(key)(value):
                yield f"{client}:{model} {key} is {str(value)[:40]!r}"


def find_family_faults(families: Json) -> Iterator[str]:
    """Yield what is wrong with the rows of families."""
    if not isinstance(families, dict):
        yield "its families are no rows by name"
        return
    for name, row in families.items():
        if not is_family(row):
            yield f"the family {name} is not a row as in loki/data/families.json"


def is_family(row: Json) -> bool:
    """Return whether a value is a family's row.

    >>> is_family({"clients": [], "models": ["^x"], "tools": True, "reasoning": {"by": "effort"}})
    True
    >>> is_family({"clients": [], "models": ["x"], "api_base": "http://evil.example"})
    False
    """
    match row:
        case {"clients": list(clients), "models": list(models), **settings}:
            reasoning = settings.pop("reasoning", {})
            flags = all(key in FAMILY_FLAGS and is_flag(value) for key, value in settings.items())
            names = all(isinstance(name, str) for name in (*clients, *models))
            return flags and names and is_reasoning(reasoning)
        case _:
            return False


def is_reasoning(value: Json) -> bool:
    """Return whether a value says how a family is asked to think."""
    return isinstance(value, dict) and all(
        key in REASONING and REASONING[key](part) for key, part in value.items()
    )


def known_keys(entry: JsonObject) -> JsonObject:
    """Return the keys of an entry that we read."""
    read: JsonObject = keyfilter(lambda key: key in RULES or key.startswith(ABLE), entry)
    return read


def key_check(key: str) -> Callable[[Any], bool]:
    """Return the test of a key's value."""
    return RULES.get(key, is_flag)


def is_count(value: Json) -> bool:
    """Return whether a value is a number of tokens, texts or dimensions."""
    return type(value) is int and 0 < value < 10**12


def is_flag(value: Json) -> bool:
    """Return whether a value is true or false."""
    return isinstance(value, bool)


def is_price(value: Json) -> bool:
    """Return whether a value is US dollars, or a factor.

    >>> is_price(Decimal("0.5")), is_price(0), is_price(-1), is_price(Decimal("NaN"))
    (True, True, False, False)
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return False
    return Decimal(value).is_finite() and 0 <= value < 10**6


def are_variants(value: Json) -> bool:
    """Return whether a value is what other tiers and long prompts cost.

    >>> are_variants({"flex": 0, ">272000": {"input": 4}}), are_variants({">x": {"input": 4}})
    (True, False)
    """
    return isinstance(value, dict) and all(
        re.fullmatch(r"[^>]*(>\d{1,12})?", name) and (is_price(variant) or are_prices(variant))
        for name, variant in value.items()
    )


def are_prices(value: Json) -> bool:
    """Return whether a value is prices by kind."""
    return isinstance(value, dict) and all(
        kind in PRICES and is_price(price) for kind, price in value.items()
    )


def are_levels(value: Json) -> bool:
    """Return whether a value is what ``--reasoning`` may be.

    >>> are_levels(["none", "high"]), are_levels([]), are_levels(["extreme"])
    (True, False, False)
    """
    return isinstance(value, list) and bool(value) and all(level in EFFORTS for level in value)


def are_texts(value: Json) -> bool:
    """Return whether a value is texts by name."""
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


# ---- the text --------------------------------------------------------------------------------


def format_catalogue(catalogue: SyncedCatalogue) -> str:
    """Return the text of a catalogue, a model a line, as config.catalogue reads it."""
    head = (
        f'"date": {dump_json(catalogue.date)},\n"sources": {dump_json(dict(catalogue.sources))},\n'
    )
    families = catalogue.families
    rows = format_section("families", families) + ",\n" if families else ""
    sections = [
        format_section(client, models) for client, models in catalogue.clients.items() if models
    ]
    return "{\n" + head + rows + '"clients": {\n' + ",\n".join(sections) + "\n}\n}\n"


def format_section(name: str, entries: Mapping[str, JsonObject]) -> str:
    """Return a section, an entry a line, so that it can be cut out."""
    lines = (f"{dump_json(key)}: {dump_json(entry)}" for key, entry in entries.items())
    return f"{dump_json(name)}: {{\n" + ",\n".join(lines) + "\n}"


def dump_json(value: Json) -> str:
    """Return a value as JSON, decimals as they were written.

    >>> dump_json({"input_price": Decimal("0.10"), "type": "chat"})
    '{"input_price": 0.10, "type": "chat"}'
    """
    if isinstance(value, dict):
        pairs = (f"{dump_json(key)}: {dump_json(item)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value)


def describe_changes(before: Clients, after: Clients) -> str:
    """Return what has changed, for people.

    >>> before = {"x": {"a": {}, "b": {"input_price": 1}}}
    >>> describe_changes(before, {"x": {"b": {"input_price": 2}, "c": {}}})
    '2 models, 1 new, 1 gone, 1 with other prices'
    """
    old, new = flatten(before), flatten(after)
    priced = sum(prices_in(old[name]) != prices_in(new[name]) for name in old.keys() & new.keys())
    return (
        f"{len(new):,} models, {len(new.keys() - old.keys()):,} new,"
        f" {len(old.keys() - new.keys()):,} gone, {priced:,} with other prices"
    )


def flatten(clients: Clients) -> dict[tuple[str, str], JsonObject]:
    """Return every entry by client and model."""
    return {(c, name): entry for c, models in clients.items() for name, entry in models.items()}


def prices_in(entry: JsonObject) -> JsonObject:
    """Return the prices of an entry."""
    prices: JsonObject = keyfilter(lambda key: key.endswith("_price") or key == "variants", entry)
    return prices


TYPES = ("chat", "embedding", "reranker")
ABLE = "supports_"

#: The tests of values, by the kind of setting; else a value is one of the kind's words.
VALUE_CHECKS: dict[str, Callable[[Any], bool]] = {
    "count": is_count,
    "flag": is_flag,
    "price": is_price,
    "variants": are_variants,
    "levels": are_levels,
}


def value_check(setting: ModelSetting) -> Callable[[Any], bool]:
    """Return the test of a setting's values."""
    words = setting.kind.split()
    return VALUE_CHECKS.get(setting.kind) or (lambda value: value in words)


FAMILY_FLAGS = {"guess", *ABILITY_SETTINGS.values()}
REASONING: dict[str, Callable[[Any], bool]] = {
    "by": lambda value: isinstance(value, str),
    "off": lambda value: value is None or isinstance(value, str),
    "efforts": are_levels,
    "budgets": lambda value: isinstance(value, dict) and all(map(is_count, value.values())),
    "tokens": is_flag,
    "least": is_count,
    "encrypted": is_flag,
}

RULES = {each.name: value_check(each) for each in MODEL_SETTINGS if each.catalogued}
