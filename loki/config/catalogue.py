"""1d. The catalogue's text, a client -> its models: what is built in about them, and its date."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

from loki.config.read import patch_of
from loki.price import PRICES, Price
from loki.providers import KNOWN
from loki.records import Client, JsonObject, Model, Patch, Task

NOTHING = Price()


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
    lines = text[opening : text.index("\n}", opening) + 2]
    found: Mapping[str, JsonObject] = json.loads(lines, parse_float=Decimal)  # exact, as written
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
    return tuple(
        model(each, entry, "catalogue", completed(prices(entry), name, each, own=False))
        for each, entry in entries
    )


def models_of(text: str, client: Client) -> tuple[Model, ...]:
    """A client's models: those the configuration lists, else the catalogue's."""
    kept = MADE.get(id(client))
    if kept is None or kept[0] is not client or kept[1] is not text:
        kept = MADE[id(client)] = client, text, made(text, client)
    return kept[2]


#: The models of a client, made once; a client is a value, and has no hash for functools.cache.
MADE: dict[int, tuple[Client, str, tuple[Model, ...]]] = {}


def made(text: str, client: Client) -> tuple[Model, ...]:
    """Every model of a client."""
    if not client.models:
        found = catalogued(text, section_of(client))
        return tuple(map(away, found)) if is_away(client) else found
    known = section(text, section_of(client))
    return tuple(configured(entry, known, client) for entry in client.models)


def configured(
    entry: Mapping[str, object], known: Mapping[str, JsonObject], client: Client
) -> Model:
    """A listed model, over what the catalogue says; abilities that nobody tells are none."""
    name = str(entry["name"])
    real = str(entry.get("real_name", name))
    base = known.get(real, {})
    abilities = {"supports_vision": False, "supports_function_calling": False}
    origin = f"models of client {client.name}" + (" and catalogue" if base else "")
    own = "api_base" in client.settings and client.type != "azure-openai" and not base
    known_price = regional(prices(base)) if is_away(client) else prices(base)
    price = completed(over(known_price, prices(entry)), section_of(client), real, own)
    price = replace(price, set=not KEYS.keys().isdisjoint(entry))
    return model(name, {**(base or abilities), **entry}, origin, price)


def model(name: str, entry: Mapping[str, object], origin: str, price: Price = NOTHING) -> Model:
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
        price=price,
        patch=patch,
        supports_vision=e.get("supports_vision", False if told else None),  # type: ignore[arg-type]
        supports_function_calling=e.get("supports_function_calling", False if told else None),  # type: ignore[arg-type]
        origin=origin,
        **{key: e[key] for key in PLAIN if key in e},  # type: ignore[arg-type]
    )


def unlisted(name: str, task: Task, models: tuple[Model, ...]) -> Model:
    """Return a model that the catalogue does not list: as able as its base, at an unknown price.

    A fine-tune costs more than its base, and models of other dates have cost otherwise.
    """
    known = {each.name: each for each in models if each.type == task}
    base = next((known[each] for each in bases(name) if each in known), None)
    if base is None:
        return model(name, {"type": task}, "as given")
    origin = f"as given, like {base.name}"
    return replace(base, name=name, real_name=name, price=NOTHING, origin=origin)


def bases(name: str) -> tuple[str, str]:
    """Return what a fine-tuned model is named after, and the same without its date.

    >>> bases("ft:gpt-9-2030-01-02:org::id"), bases("claude-x@20300102")[1]
    (('gpt-9-2030-01-02', 'gpt-9'), 'claude-x')
    """
    tuned = re.fullmatch("ft:([^:]+):.*", name)
    base = tuned[1] if tuned else name
    return base, re.sub(r"[-@](\d{8}|\d{4}-\d\d-\d\d)$", "", base)


# ---- prices ----------------------------------------------------------------------------------


def prices(entry: Mapping[str, object]) -> Price:
    """The prices of an entry or of a configured model.

    >>> prices({"input_price": "0.15", "variants": {"flex": 0.5}}).input
    Decimal('0.15')
    """
    told: Any = {kind: amount(entry[key]) for key, kind in KEYS.items() if key in entry}
    variants = entry.get("variants")
    return Price(**told, variants=variants) if isinstance(variants, dict) else Price(**told)


def amount(value: object) -> Decimal | None:
    """US dollars a million tokens, exactly as written.

    >>> amount(0.15), amount(None)
    (Decimal('0.15'), None)
    """
    return None if value is None else value if isinstance(value, Decimal) else Decimal(str(value))


def over(known: Price, said: Price) -> Price:
    """Prices that a user has set, over the catalogue's.

    Who sets a price has a contract of their own: what is not set keeps its proportion to the
    price of input, or of output. So the two prices that the original Loki knows are enough, and
    those of the catalogue written out by hand change nothing.

    >>> half = over(Price(Decimal(3), Decimal(15), Decimal("0.3")), Price(Decimal("1.5")))
    >>> half.cache_read, half.output
    (Decimal('0.15'), Decimal('15'))
    """
    if said == NOTHING:
        return known
    if known == NOTHING:
        return replace(said, variants={"*": 1})  # whatever tier it is
    ratios = {kind: ratio(known, said, kind) for kind in PRICES}
    told = {kind: getattr(said, kind) for kind in PRICES if getattr(said, kind) is not None}
    return replace(rescaled(known, ratios), **told)


def is_away(client: Client) -> bool:
    """Whether a client is served from a place of its own choice, which Vertex AI bills."""
    place = client.settings.get("location")
    return client.type == "vertexai" and place is not None and place.value not in ("", "global")


def away(found: Model) -> Model:
    """A model of the catalogue, served from such a place."""
    return replace(found, price=regional(found.price))


def regional(price: Price) -> Price:
    """Prices with what a place of one's own choice adds to them.

    >>> regional(Price(Decimal(2), variants={"regional": Decimal("1.1")})).input
    Decimal('2.2')
    """
    factor = price.variants.get("regional")
    if factor is None:
        return price
    ratios = {kind: Decimal(1) if kind in EACH else factor for kind in PRICES}
    return rescaled(price, ratios)


def ratio(known: Price, said: Price, kind: str) -> Decimal | None:
    """By what a price of the catalogue is multiplied, None where nobody knows.

    >>> ratio(Price(Decimal(0)), Price(Decimal(1)), "cache_read") is None
    True
    """
    lead = "output" if kind.endswith("output") else "input" if kind not in EACH else kind
    for each in (kind, lead):
        before, now = getattr(known, each), getattr(said, each)
        if now is not None:
            return now / before if before else None
    return Decimal(1)


def rescaled(price: Price, ratios: Mapping[str, Decimal | None]) -> Price:
    """A price, each kind of it multiplied, for every tier and size."""
    kept: Any = scaled({kind: getattr(price, kind) for kind in PRICES}, ratios)
    variants = {
        name: scaled(variant, ratios) if isinstance(variant, dict) else variant
        for name, variant in price.variants.items()
    }
    return Price(**kept, variants=variants)


def scaled(told: Mapping[str, Any], ratios: Mapping[str, Decimal | None]) -> dict[str, Decimal]:
    """Prices, each multiplied; those without a multiplier are unknown."""
    known = {kind: (each, ratios[kind]) for kind, each in told.items()}
    return {
        kind: round(Decimal(str(each)) * factor, 12).normalize()
        for kind, (each, factor) in known.items()
        if each is not None and factor is not None
    }


def completed(price: Price, section: str, name: str, own: bool) -> Price:
    """A price with what follows from it: by the provider's rule, or because it is all the same.

    A server of the user's own, and what is free, has one price for input and one for output.

    >>> completed(Price(Decimal(3)), "claude", "claude-new-1", own=False).cache_write
    Decimal('3.75')
    >>> completed(Price(Decimal(3)), "openai", "gpt-new", own=False).cache_read is None
    True
    """
    if price.input is None:
        return price
    if own or not section or not price.input:
        return replace(price, plain=True)
    for sections, letters, multiples in MULTIPLES:
        if section in sections and letters in name:
            blank = [kind for kind in multiples if getattr(price, kind) is None]
            found: Any = {kind: price.input * multiples[kind] for kind in blank}
            return replace(price, **found)
    return price


#: The settings that are prices, and the fields that they set.
KEYS = {f"{kind}_price": kind for kind in PRICES}

#: What is not counted in tokens.
EACH = ("search", "request")

#: Multiples of the input price that a provider documents for all of its models, now and to come.
#: Sections, what is in the model's name, and the multiples.
MULTIPLES = (
    (
        ("claude", "vertexai", "bedrock"),
        "claude",
        {"cache_write": Decimal("1.25"), "cache_write_1h": Decimal(2)},
    ),
)

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
