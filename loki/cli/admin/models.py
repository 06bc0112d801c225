"""--list-models: the models of the configured clients -> a table, or JSON lines with it all."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from returns.result import Success

from loki.cli import console
from loki.cli.startup import environment, failed
from loki.config.catalogue import about
from loki.edge import files
from loki.edge.env import read
from loki.price import PRICES
from loki.records import Client, Config, JsonObject, Model


def list_models(prog: str, flags: Namespace) -> int:
    """Every model of every client, or those whose name begins with ``-m``."""
    config = read(environment(flags))
    if not isinstance(config, Success):
        return failed(prog, config.failure(), "text")
    known = config.unwrap()
    rows = [
        (client, model)
        for client in known.clients
        for model in known.models(client)
        if not flags.model or f"{client.name}:{model.name}".startswith(flags.model)
    ]
    if flags.output == "text":
        head = sys.stdout.isatty()
        console.out(table([*([HEAD] if head else []), *map(model_row, rows)]))
        if head:
            console.talk(f"catalogue of {about(files.catalogue()).get('date', '?')}")
    else:
        console.out("".join(console.compact(model_json(known, *row)) + "\n" for row in rows))
    return 0


def model_json(config: Config, client: Client, model: Model) -> JsonObject:
    """A model for programs; prices in US dollars a million tokens, or for one search or call."""
    known = config.catalogue.entries(client).get(model.real_name, {})
    told = {
        key: getattr(model, key) if hasattr(model, key) else known.get(key)
        for key in (*SIZES, *ABILITIES)
    }
    return {
        "model": f"{client.name}:{model.name}",
        "real_name": model.real_name,
        "type": model.type,
        "endpoint": model.endpoint or None,
        **told,
        **{f"{kind}_price": plain(getattr(model.price, kind)) for kind in PRICES},
        "variants": plain(dict(model.price.variants)),
        "origin": model.origin,
    }


def plain(value: Any) -> Any:
    """A price, or several, as JSON has them.

    >>> plain({"flex": Decimal("0.5"), ">272000": {"input": 4}}), plain(None)
    ({'flex': 0.5, '>272000': {'input': 4}}, None)
    """
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return float(value) if isinstance(value, Decimal) else value


def model_row(row: tuple[Client, Model]) -> tuple[str, ...]:
    """A model for people."""
    client, model = row
    price = model.price
    able = {"vision": model.supports_vision, "tools": model.supports_function_calling}
    fees = {"search": price.search, "call": price.request}
    return (
        f"{client.name}:{model.name}",
        model.type,
        size(model.max_input_tokens),
        size(model.max_output_tokens if model.type == "chat" else 0),
        dollars(price.input) if price.search is None or model.type == "chat" else "",
        dollars(price.output) if model.type == "chat" else "",
        dollars(price.cache_read) if model.type == "chat" and not price.plain else "",
        ", ".join(
            [
                *(name for name, is_able in able.items() if is_able),
                *(f"{dollars(fee)} a {name}" for name, fee in fees.items() if fee),
                *(["more when long"] if any(key[0] == ">" for key in price.variants) else []),
            ]
        ),
    )


def size(tokens: int | None) -> str:
    """A number of tokens for people; nothing where none is written.

    >>> size(128000), size(None), size(0)
    ('128,000', '?', '')
    """
    return "?" if tokens is None else f"{tokens:,}" if tokens else ""


def dollars(amount: Decimal | None) -> str:
    """A price for people.

    >>> dollars(Decimal("2.50")), dollars(None)
    ('$2.5', '?')
    """
    return "?" if amount is None else f"${amount.normalize():f}"


def table(lines: Iterable[tuple[str, ...]]) -> str:
    """Columns, numbers to the right.

    >>> table([("a:m", "chat", "1", "20"), ("a:long", "chat", "100", "3")])
    'a:m     chat    1  20\\na:long  chat  100   3\\n'
    """
    rows = list(lines)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)] if rows else []
    return "".join(
        "  ".join(
            cell.rjust(width) if 2 <= i <= 6 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        + "\n"
        for row in rows
    )


HEAD = ("MODEL", "TYPE", "INPUT", "OUTPUT", "$/M IN", "$/M OUT", "CACHED", "ABLE, BESIDES")

SIZES = (
    "max_input_tokens",
    "max_output_tokens",
    "dimensions",
    "max_batch_size",
    "max_tokens_per_chunk",
    "default_chunk_size",
)
ABILITIES = (
    "supports_vision",
    "supports_function_calling",
    "supports_reasoning",
    "supports_pdf",
    "supports_audio",
    "supports_schema",
)
