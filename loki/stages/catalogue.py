"""The catalogue's text, a client -> its models: what is built in about them, and its date."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cache

from loki.clients import KNOWN
from loki.records import Client, JsonObject, Model, Patch, Price, Task
from loki.stages.configure import patch_of


@cache
def section(text: str, name: str) -> Mapping[str, JsonObject]:
    r"""One client's models; only its lines are parsed: all of them would take much longer.

    >>> section('{\n"clients": {\n"x": {\n"m": {"type": "chat"}\n},\n"y": {\n}\n}\n}\n', "x")
    {'m': {'type': 'chat'}}
    """
    start = text.find(f'\n"{name}": {{\n') if name else -1
    if start < 0:
        return {}
    opening = text.index("{", start)
    found: Mapping[str, JsonObject] = json.loads(text[opening : text.index("\n}", opening) + 2])
    return found


def about(text: str) -> JsonObject:
    """The catalogue's date and sources."""
    head = text[: text.find('"clients"')].rstrip().rstrip(",")
    return dict(json.loads(head + "}")) if head else {}


def section_of(client: Client) -> str:
    """The name of a client's section, empty where it has none."""
    if client.type != "openai-compatible":
        return client.type
    return client.name if client.name in KNOWN else ""


@cache
def catalogued(text: str, name: str) -> tuple[Model, ...]:
    """Every model of a section."""
    entries = section(text, name).items()
    return tuple(model(each, entry, "catalogue") for each, entry in entries)


def models_of(text: str, client: Client) -> tuple[Model, ...]:
    """A client's models: those the configuration lists, else the catalogue's."""
    if not client.models:
        return catalogued(text, section_of(client))
    known = section(text, section_of(client))
    return tuple(configured(entry, known, client) for entry in client.models)


def configured(
    entry: Mapping[str, object], known: Mapping[str, JsonObject], client: Client
) -> Model:
    """A listed model, over what the catalogue says; abilities that nobody tells are none."""
    name = str(entry["name"])
    base = known.get(str(entry.get("real_name", name)), {})
    abilities = {"supports_vision": False, "supports_function_calling": False}
    origin = f"models of client {client.name}" + (" and catalogue" if base else "")
    return model(name, {**(base or abilities), **entry}, origin)


def model(name: str, entry: Mapping[str, object], origin: str) -> Model:
    """A model from its settings; where no ability is told at all, none is denied.

    >>> model("m", {"supports_vision": True}, "").supports_function_calling
    False
    >>> model("m", {}, "").supports_function_calling is None
    True
    """
    e = dict(entry)
    told = any(key.startswith("supports_") for key in e)
    raw_patch = e.get("patch")
    patch: Patch | None = (
        patch_of(raw_patch, "patch of the model") if isinstance(raw_patch, dict) else None
    )
    task: Task = e.get("type", "chat")  # type: ignore[assignment]  # the grammar has seen to it
    return Model(
        name=name,
        real_name=str(e.get("real_name", name)),
        type=task,
        price=Price(*(amount(e.get(f"{kind}_price")) for kind in Price.__slots__)),
        patch=patch,
        supports_vision=e.get("supports_vision", False if told else None),  # type: ignore[arg-type]
        supports_function_calling=e.get("supports_function_calling", False if told else None),  # type: ignore[arg-type]
        origin=origin,
        **{key: e[key] for key in PLAIN if key in e},  # type: ignore[arg-type]
    )


def amount(value: object) -> Decimal | None:
    """US dollars a million tokens, exactly as written.

    >>> amount(0.15), amount(None)
    (Decimal('0.15'), None)
    """
    return None if value is None else Decimal(str(value))


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
