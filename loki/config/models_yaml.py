"""1c. The original's list of models, in YAML -> a catalogue: ours, with what is new there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from returns.result import Result, Success

from loki.config import yaml_schema as yaml
from loki.config.catalogue_update import Clients, SyncedCatalogue, find_faults, known_keys
from loki.config.yaml_reader import read_yaml
from loki.json_text import Json, JsonObject
from loki.problems import Problem, fail

#: Where the original's successor keeps its list: the models that are new go in there first.
DEFAULT_URL = "https://raw.githubusercontent.com/Dark-Alex-17/coyote/refs/heads/main/models.yaml"

PROVIDERS = yaml.sequence(
    yaml.mapping(
        {"provider": yaml.text, "models": yaml.sequence(yaml.json_object)},
        required=("provider", "models"),
    )
)


def is_models_yaml(data: bytes) -> bool:
    r"""Return whether a text is a list of providers in YAML.

    >>> is_models_yaml(b"# generated\n- provider: openai\n"), is_models_yaml(b"<html>")
    (True, False)
    """
    return re.match(rb"\s*(?:(?:#[^\n]*|---)\s*\n\s*)*-\s+provider\s*:", data) is not None


def parse_models_yaml(
    data: bytes, ours: SyncedCatalogue, today: str
) -> Result[SyncedCatalogue, Problem]:
    """Return our catalogue with the models of a list: those we lack, and what we lack of others.

    A model whose price for input or output is another there has the prices of the list alone.
    """
    providers, complaints = read_yaml(data.decode("utf-8", "replace"), PROVIDERS)
    if complaints:
        (line, column), message = complaints[0]
        return fail("garbled", f"the list of models is wrong: {line}:{column}: {message}")
    listed = {row["provider"]: catalogue_entries(row["models"]) for row in providers}
    date = max(today, ours.date)
    wrong = next(find_faults({"date": date, "clients": listed}), None)
    if wrong is not None:
        return fail("garbled", f"the list of models is wrong: {wrong}")
    return Success(SyncedCatalogue(date, ours.sources, merge_clients(ours.clients, listed)))


def catalogue_entries(models: list[JsonObject]) -> dict[str, JsonObject]:
    """Return the entries of a provider's models by name.

    An alias, which is sent by another name and with a patch, is the other program's own.
    """
    return {
        str(model.get("name", "")): known_keys(
            {key: floats_to_decimals(value) for key, value in model.items() if value is not None}
        )
        for model in models
        if "real_name" not in model
    }


def floats_to_decimals(value: Json) -> Json:
    """Return a value whose fractions are decimal, as they were written."""
    return Decimal(str(value)) if isinstance(value, float) else value


def merge_clients(ours: Clients, listed: Clients) -> dict[str, dict[str, JsonObject]]:
    """Return the entries of both, by client and model."""
    return {
        client: {
            **ours.get(client, {}),
            **{
                name: merge_entries(ours.get(client, {}).get(name, {}), entry)
                for name, entry in listed.get(client, {}).items()
            },
        }
        for client in [*ours, *(client for client in listed if client not in ours)]
    }


def merge_entries(ours: Mapping[str, Any], listed: Mapping[str, Any]) -> JsonObject:
    """Return an entry of ours with what it lacks; its prices are of one source.

    >>> merge_entries({"input_price": 1, "variants": {}}, {"input_price": 2, "type": "chat"})
    {'input_price': 2, 'type': 'chat'}
    >>> merge_entries({"input_price": 1, "variants": {}}, {"input_price": 1, "type": "chat"})
    {'input_price': 1, 'type': 'chat', 'variants': {}}
    """
    result = [key for key in ("input_price", "output_price") if key in listed]
    if all(ours.get(key) == listed[key] for key in result):
        return {**listed, **ours}
    kept = {key: value for key, value in ours.items() if not is_price_key(key)}
    return {**listed, **kept}


def is_price_key(key: str) -> bool:
    """Return whether a key of an entry is about its price."""
    return key.endswith("_price") or key == "variants"
