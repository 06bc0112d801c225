"""1d. The catalogue's text, a client -> its models: what is built in about them, and its date."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from loki.config.model_prices import (
    NO_PRICE,
    PRICE_SETTINGS,
    add_region,
    fill_derived_prices,
    is_regional,
    merge_prices,
    read_prices,
    with_regional_prices,
)
from loki.config.patches import patch_of
from loki.price import Price
from loki.providers import known_name
from loki.records import Client, JsonObject, Model, Patch, Task


class Catalogue:
    """The catalogue of models of one configuration.

    Each section of the text is parsed, and the models of each client are made, when they are
    first asked for: all of them would take much longer than a start may.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._sections: dict[str, Mapping[str, JsonObject]] = {}
        self._models: dict[str, tuple[Client, tuple[Model, ...]]] = {}

    def models(self, client: Client) -> tuple[Model, ...]:
        """Return a client's models: those the configuration lists, else the catalogue's."""
        owner, models = self._models.get(client.name, (None, ()))
        if owner is not client:  # a changed copy of a client may have other models
            models = build_models(self.entries(client), client)
            self._models[client.name] = client, models
        return models

    def entries(self, client: Client) -> Mapping[str, JsonObject]:
        """Return the catalogue's entries for a client, by the name of the model."""
        name = section_of(client)
        if name not in self._sections:
            self._sections[name] = section(self.text, name)
        return self._sections[name]


def section(text: str, name: str) -> Mapping[str, JsonObject]:
    r"""Parse one client's models; only its lines are read.

    >>> section('{\n"clients": {\n"x": {\n"m": {"type": "chat"}\n},\n"y": {\n}\n}\n}\n', "x")
    {'m': {'type': 'chat'}}
    """
    start = text.find(f'\n"{name}": {{\n') if name else -1
    if start < 0:
        return {}
    opening = text.index("{", start)
    lines = text[opening : text.index("\n}", opening) + 2]
    entries: Mapping[str, JsonObject] = json.loads(lines, parse_float=Decimal)  # exact, as written
    return entries


def about(text: str) -> JsonObject:
    """Return the catalogue's date and sources."""
    head = text[: text.find('"clients"')].rstrip().rstrip(",")
    return dict(json.loads(head + "}")) if head else {}


def section_of(client: Client) -> str:
    """Return the name of a client's section, empty where it has none."""
    if client.type != "openai-compatible":
        return client.type
    return known_name(client.name)


def build_models(entries: Mapping[str, JsonObject], client: Client) -> tuple[Model, ...]:
    """Return every model of a client, given the catalogue's entries for it."""
    if client.models:
        return tuple(build_configured(settings, entries, client) for settings in client.models)
    models = build_catalogued(entries, section_of(client))
    return tuple(map(with_regional_prices, models)) if is_regional(client) else models


def build_catalogued(entries: Mapping[str, JsonObject], section: str) -> tuple[Model, ...]:
    """Return the models of a section of the catalogue."""
    return tuple(
        build_model(
            name,
            entry,
            "catalogue",
            fill_derived_prices(read_prices(entry), section, name, own=False),
        )
        for name, entry in entries.items()
    )


def build_configured(
    settings: Mapping[str, object], entries: Mapping[str, JsonObject], client: Client
) -> Model:
    """Return a model that the configuration lists: its settings over the catalogue's entry.

    Abilities default to False where neither says anything.
    """
    name = str(settings["name"])
    real_name = str(settings.get("real_name", name))
    entry = entries.get(real_name, {})
    abilities = {"supports_vision": False, "supports_function_calling": False}
    origin = f"models of client {client.name}" + (" and catalogue" if entry else "")
    price = configured_price(settings, entry, real_name, client)
    return build_model(name, {**(entry or abilities), **settings}, origin, price)


def configured_price(
    settings: Mapping[str, object], entry: JsonObject, real_name: str, client: Client
) -> Price:
    """Return the price of a model that the configuration lists."""
    own = "api_base" in client.settings and client.type != "azure-openai" and not entry
    known = read_prices(entry)
    base = add_region(known) if is_regional(client) else known
    merged = merge_prices(base, read_prices(settings))
    price = fill_derived_prices(merged, section_of(client), real_name, own)
    return replace(price, set=not PRICE_SETTINGS.keys().isdisjoint(settings))


def build_model(
    name: str, entry: Mapping[str, object], origin: str, price: Price = NO_PRICE
) -> Model:
    """Return a model by its settings; where no ability is set at all, none is denied.

    >>> build_model("m", {"supports_vision": True}, "").supports_function_calling
    False
    >>> build_model("m", {}, "").supports_function_calling is None
    True
    """
    e = dict(entry)
    is_described = any(key.startswith("supports_") for key in e)
    raw_patch = e.get("patch")
    patch: Patch | None = (
        patch_of(raw_patch, "patch of the model") if isinstance(raw_patch, dict) else None
    )
    task: Task = e.get("type", "chat")  # type: ignore[assignment]  # as the grammar permits
    return Model(
        name=name,
        real_name=str(e.get("real_name", name)),
        type=task,
        price=price,
        patch=patch,
        supports_vision=e.get("supports_vision", False if is_described else None),  # type: ignore[arg-type]
        supports_function_calling=e.get(
            "supports_function_calling", False if is_described else None
        ),  # type: ignore[arg-type]
        origin=origin,
        **{key: e[key] for key in PLAIN if key in e},  # type: ignore[arg-type]
    )


def unlisted(name: str, task: Task, models: tuple[Model, ...]) -> Model:
    """Return a model that the catalogue does not list: as able as its base, at an unknown price.

    A fine-tune costs more than its base, and models of other dates have cost otherwise.
    """
    listed = {model.name: model for model in models if model.type == task}
    base = next((listed[known] for known in bases(name) if known in listed), None)
    if base is None:
        return build_model(name, {"type": task}, "as given")
    origin = f"as given, like {base.name}"
    return replace(base, name=name, real_name=name, price=NO_PRICE, origin=origin)


def bases(name: str) -> tuple[str, str]:
    """Return what a fine-tuned model is named after, and the same without its date.

    >>> bases("ft:gpt-9-2030-01-02:org::id"), bases("claude-x@20300102")[1]
    (('gpt-9-2030-01-02', 'gpt-9'), 'claude-x')
    """
    tuned = re.fullmatch("ft:([^:]+):.*", name)
    base = tuned[1] if tuned else name
    return base, re.sub(r"[-@](\d{8}|\d{4}-\d\d-\d\d)$", "", base)


#: Settings of a model that are fields of it under the same name.
PLAIN = (
    "max_input_tokens",
    "max_output_tokens",
    "require_max_tokens",
    "no_stream",
    "no_system_message",
    "system_prompt_prefix",
    "max_batch_size",
    "max_tokens_per_chunk",
    "default_chunk_size",
    "endpoint",
)
