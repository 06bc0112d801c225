"""Models -> a table for people or JSON for programs, and which of them a command line selects."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from glob import escape
from typing import Any

from loki.cli.console import Console
from loki.columns import fit_columns
from loki.config.setting_names import MODEL_SETTINGS, ModelSetting
from loki.json_text import JsonObject
from loki.price import PRICES
from loki.records import Client, Config, Model


def print_table(rows: Sequence[tuple[Client, Model]], console: Console) -> None:
    """Print models for people; at a terminal with a head, and as many columns as it has room."""
    head, width = [], None
    if console.stdout_is_terminal:
        head, width = [HEAD], shutil.get_terminal_size().columns
    lines = fit_columns([*head, *map(model_row, rows)], NUMBERS, SPARE, width)
    console.write("".join(f"{line}\n" for line in lines))


def is_selected(name: str, prefix: str, patterns: Sequence[str]) -> bool:
    """Return whether a model is wanted: its name has the prefix, and meets every pattern.

    >>> is_selected("claude:claude-haiku-4-5", "claude", ["Haiku", "claude:*-4-5"])
    True
    >>> is_selected("claude:claude-haiku-4-5", "", ["haiku", "claude:*-4"])
    False
    """
    low = name.lower()
    globs = (text.lower() if "*" in text else f"*{escape(text.lower())}*" for text in patterns)
    return name.startswith(prefix) and all(fnmatchcase(low, glob) for glob in globs)


def model_json(config: Config, client: Client, model: Model) -> JsonObject:
    """Return a model for programs, prices in US dollars a million tokens, a search or a call."""
    known = config.catalogue.entries(client).get(model.real_name, {})
    settings = {each.name: setting_of(model, each, known) for each in MODEL_SETTINGS if each.listed}
    return {
        "model": f"{client.name}:{model.name}",
        "real_name": model.real_name,
        "type": model.type,
        "endpoint": model.endpoint or None,
        **settings,
        **{f"{kind}_price": to_json_value(getattr(model.price, kind)) for kind in PRICES},
        "variants": to_json_value(dict(model.price.variants)),
        "origin": model.origin,
    }


def setting_of(model: Model, setting: ModelSetting, entry: JsonObject) -> Any:
    """Return the value of a model's setting, None where nobody knows it."""
    match setting:
        case ModelSetting(name="reasoning_levels"):
            return reasoning_levels(model)
        case ModelSetting(name=name, field="="):
            return getattr(model, name)
        case ModelSetting(field=""):
            return entry.get(setting.name)
        case _:
            return getattr(model.abilities, setting.field)


def reasoning_levels(model: Model) -> list[str] | None:
    """Return the values of ``--reasoning`` that a model is known to have."""
    known = model.abilities.reasoning
    if not known.by or known.by == "none":
        return None
    return [*(["none"] if known.off is not None else []), *known.efforts]


def to_json_value(value: Any) -> Any:
    """Return a price, or several, as JSON numbers.

    >>> to_json_value({"flex": Decimal("0.5"), ">272000": {"input": 4}}), to_json_value(None)
    ({'flex': 0.5, '>272000': {'input': 4}}, None)
    """
    if isinstance(value, dict):
        return {key: to_json_value(price) for key, price in value.items()}
    return float(value) if isinstance(value, Decimal) else value


def model_row(row: tuple[Client, Model]) -> tuple[str, ...]:
    """Return the cells of a model for people."""
    client, model = row
    price = model.price
    able = {"vision": model.supports_vision, "tools": model.supports_function_calling}
    fees = {"search": price.search, "call": price.request}
    return (
        f"{client.name}:{model.name}",
        model.type,
        format_tokens(model.max_input_tokens),
        format_tokens(model.max_output_tokens if model.type == "chat" else 0),
        format_price(price.input) if price.search is None or model.type == "chat" else "",
        format_price(price.output) if model.type == "chat" else "",
        format_price(price.cache_read) if model.type == "chat" and not price.is_flat else "",
        ", ".join(
            [
                *(name for name, is_able in able.items() if is_able),
                *(f"{format_price(fee)} a {name}" for name, fee in fees.items() if fee),
                *(["more when long"] if any(key[0] == ">" for key in price.variants) else []),
            ]
        ),
    )


def format_tokens(tokens: int | None) -> str:
    """Return a number of tokens for people; nothing for a model that writes none.

    >>> format_tokens(128000), format_tokens(None), format_tokens(0)
    ('128,000', '?', '')
    """
    return "?" if tokens is None else f"{tokens:,}" if tokens else ""


def format_price(amount: Decimal | None) -> str:
    """Return a price for people.

    >>> format_price(Decimal("2.50")), format_price(None)
    ('$2.5', '?')
    """
    return "?" if amount is None else f"${amount.normalize():f}"


#: The columns that are flush right, and those that a narrow terminal can do without.
NUMBERS = range(2, 7)
SPARE = (7, 6, 1, 3, 2)  # the first goes first
HEAD = ("MODEL", "TYPE", "INPUT", "OUTPUT", "$/M IN", "$/M OUT", "CACHED", "ABILITIES")
