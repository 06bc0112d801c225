"""1d. The catalogue's text, a client -> its models: what is built in about them, and its date."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from loki.abilities import Abilities
from loki.config.families import abilities_of, family_rows_of
from loki.config.model_prices import (
    NO_PRICE,
    PRICE_SETTINGS,
    add_regional_surcharge,
    fill_derived_prices,
    is_regional,
    merge_prices,
    read_prices,
    with_regional_prices,
)
from loki.config.patches import patch_from_object
from loki.config.setting_names import MODEL_FIELDS
from loki.json_text import JsonObject
from loki.price import Price
from loki.providers import known_name, provider_of
from loki.record import replace
from loki.records import Client, Model, Patch, Task

NO_ABILITIES = Abilities()


class Catalogue:
    """The catalogue of models of one configuration.

    Each section of the text is parsed, and the models of each client are made, when they are
    first asked for, and one alone where only one is: all would take longer than a start may.
    """

    def __init__(self, text: str, families: str = "") -> None:
        self.text, self.families = text, families
        self._sections: dict[str, Mapping[str, JsonObject]] = {}
        self._models: dict[str, tuple[Client, tuple[Model, ...]]] = {}
        self._found: dict[tuple[str, str], tuple[Client, Model | None]] = {}

    def models(self, client: Client) -> tuple[Model, ...]:
        """Return a client's models: those the configuration lists, else the catalogue's."""
        owner, models = self._models.get(client.name, (None, ()))
        if owner is not client:  # a changed copy of a client may have other models
            models = build_models(self.entries(client), client, self.family_rows(client))
            self._models[client.name] = client, models
        return models

    def find_model(self, client: Client, name: str) -> Model | None:
        """Return a client's model by its name; of the catalogue's only that one is made."""
        if client.models:
            return next((known for known in self.models(client) if known.name == name), None)
        owner, model = self._found.get((client.name, name), (None, None))
        if owner is not client:
            entries = self.entries(client)
            entry = {name: entries[name]} if name in entries else {}
            model = next(iter(build_models(entry, client, self.family_rows(client))), None)
            self._found[client.name, name] = client, model
        return model

    def first_model(self, client: Client, task: Task) -> Model | None:
        """Return a client's first model for a task."""
        if client.models:
            return next((known for known in self.models(client) if known.type == task), None)
        entries = self.entries(client).items()
        name = next((name for name, entry in entries if entry.get("type") == task), None)
        return None if name is None else self.find_model(client, name)

    def entries(self, client: Client) -> Mapping[str, JsonObject]:
        """Return the catalogue's entries for a client, by the name of the model."""
        name = section_name(client)
        if name not in self._sections:
            self._sections[name] = parse_section(self.text, name)
        return self._sections[name]

    def family_rows(self, client: Client) -> tuple[JsonObject, ...]:
        """Return the rows of families for a client: those that came with the catalogue, if any."""
        if FAMILIES not in self._sections:
            own = parse_section(self.text, FAMILIES)
            self._sections[FAMILIES] = own or parse_section(self.families, FAMILIES)
        return family_rows_of(self._sections[FAMILIES], section_name(client))

    def assume_model(self, client: Client, name: str, task: Task) -> Model:
        """Return a model of a client that nobody lists, by its name alone.

        A name that its provider does not know, and another one does mean, is that model.
        """
        if (meant := meaning_of(client, name)) is not None:
            real_name, effort = meant
            model = self.find_model(client, real_name) or self.assume_model(client, real_name, task)
            origin = f"{model.origin}, for {name}"
            return replace(model, name=name, default_reasoning_effort=effort, origin=origin)
        known = tuple(filter(None, (self.find_model(client, base) for base in base_names(name))))
        return build_unlisted(name, task, known, self.family_rows(client))


def meaning_of(client: Client, name: str) -> tuple[str, str | None] | None:
    """Return the name that a provider knows in the place of another, and how it is to think.

    >>> meaning_of(Client("claude", "claude", {}), "claude-opus-4-6:thinking")
    ('claude-opus-4-6', 'medium')
    >>> meaning_of(Client("github", "openai-compatible", {}), "o3-mini-high")
    ('openai/o3-mini', 'high')
    """
    provider = provider_of(client)
    for other in provider.other_names if provider else ():
        if match := re.fullmatch(other.pattern, name):
            return match.expand(other.real_name), other.effort
    return None


#: The section with the rows of families, in the text of a catalogue or in data/families.json.
FAMILIES = "families"


def parse_section(text: str, name: str) -> Mapping[str, JsonObject]:
    r"""Parse one client's models; only its lines are read.

    >>> parse_section('{\n"clients": {\n"x": {\n"m": {"type": "chat"}\n},\n"y": {\n}\n}\n}\n', "x")
    {'m': {'type': 'chat'}}
    """
    start = text.find(f'\n"{name}": {{\n') if name else -1
    if start < 0:
        return {}
    opening = text.index("{", start)
    lines = text[opening : text.index("\n}", opening) + 2]
    entries: Mapping[str, JsonObject] = json.loads(lines, parse_float=Decimal)  # exact, as written
    return entries


def catalogue_facts(text: str) -> JsonObject:
    """Return the catalogue's date and sources."""
    head = text[: text.find('"clients"')].rstrip().rstrip(",")
    return dict(json.loads(head + "}")) if head else {}


def section_name(client: Client) -> str:
    """Return the name of a client's section, empty where it has none."""
    if client.type != "openai-compatible":
        return client.type
    return known_name(client.name)


def build_models(
    entries: Mapping[str, JsonObject], client: Client, rows: Sequence[JsonObject] = ()
) -> tuple[Model, ...]:
    """Return every model of a client, given the catalogue's entries and the families for it."""
    if client.models:
        return tuple(build_configured(each, entries, client, rows) for each in client.models)
    models = build_catalogued(entries, section_name(client), rows)
    return tuple(map(with_regional_prices, models)) if is_regional(client) else models


def build_catalogued(
    entries: Mapping[str, JsonObject], section: str, rows: Sequence[JsonObject] = ()
) -> tuple[Model, ...]:
    """Return the models of a section of the catalogue."""
    return tuple(
        build_model(
            name,
            entry,
            "catalogue",
            fill_derived_prices(read_prices(entry), section, name, own=False),
            abilities_of(rows, name, entry),
        )
        for name, entry in entries.items()
    )


def build_configured(
    settings: Mapping[str, object],
    entries: Mapping[str, JsonObject],
    client: Client,
    rows: Sequence[JsonObject] = (),
) -> Model:
    """Return a model that the configuration lists: its settings over the catalogue's entry."""
    name = str(settings["name"])
    real_name = str(settings.get("real_name", name))
    entry = entries.get(real_name, {})
    origin = f"models of client {client.name}" + (" and catalogue" if entry else "")
    price = configured_price(settings, entry, real_name, client)
    abilities = abilities_of(rows, real_name, entry, settings)
    return build_model(name, {**entry, **settings}, origin, price, abilities)


def configured_price(
    settings: Mapping[str, object], entry: JsonObject, real_name: str, client: Client
) -> Price:
    """Return the price of a model that the configuration lists."""
    own = "api_base" in client.settings and client.type != "azure-openai" and not entry
    known = read_prices(entry)
    base = add_regional_surcharge(known) if is_regional(client) else known
    merged = merge_prices(base, read_prices(settings))
    price = fill_derived_prices(merged, section_name(client), real_name, own)
    return replace(price, is_configured=not PRICE_SETTINGS.keys().isdisjoint(settings))


def build_model(
    name: str,
    settings: Mapping[str, object],
    origin: str,
    price: Price = NO_PRICE,
    abilities: Abilities = NO_ABILITIES,
) -> Model:
    """Return a model by its settings, its price and what it can do.

    >>> build_model("m", {"real_name": "r", "max_output_tokens": 9}, "").max_output_tokens
    9
    """
    raw_patch = settings.get("patch")
    patch: Patch | None = (
        patch_from_object(raw_patch, "patch of the model") if isinstance(raw_patch, dict) else None
    )
    task: Any = settings.get("type", "chat")  # as the grammar permits
    fields: Any = {key: settings[key] for key in MODEL_FIELDS if key in settings}
    if "default_reasoning_level" in settings:
        fields.setdefault("default_reasoning_effort", settings["default_reasoning_level"])
    return Model(
        name=name,
        real_name=str(settings.get("real_name", name)),
        type=task,
        price=price,
        patch=patch,
        abilities=abilities,
        origin=origin,
        **fields,
    )


def build_unlisted(
    name: str, task: Task, models: tuple[Model, ...], rows: Sequence[JsonObject] = ()
) -> Model:
    """Return a model that the catalogue does not list: as able as its base, at an unknown price.

    A fine-tune costs more than its base, and models of other dates have cost otherwise. A model
    without a base that is known is as able as its family.
    """
    listed = {model.name: model for model in models if model.type == task}
    base = next((listed[known] for known in base_names(name) if known in listed), None)
    if base is None:
        abilities = abilities_of(rows, name, {})
        return build_model(name, {"type": task}, "as given", abilities=abilities)
    origin = f"as given, like {base.name}"
    return replace(base, name=name, real_name=name, price=NO_PRICE, origin=origin)


def base_names(name: str) -> tuple[str, str]:
    """Return what a fine-tuned model is named after, and the same without its date.

    >>> base_names("ft:gpt-9-2030-01-02:org::id"), base_names("claude-x@20300102")[1]
    (('gpt-9-2030-01-02', 'gpt-9'), 'claude-x')
    """
    tuned = re.fullmatch("ft:([^:]+):.*", name)
    base = tuned[1] if tuned else name
    return base, re.sub(r"[-@](\d{8}|\d{4}-\d\d-\d\d)$", "", base)
