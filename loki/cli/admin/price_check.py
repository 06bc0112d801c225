"""loki --check: a configuration with a budget -> models that it refuses, for want of a price."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from loki.config.parse_config import ClientPlace
from loki.config.yaml_schema import Position
from loki.messages import Message
from loki.money.budget import find_missing_price
from loki.records import Ask, Client, Config, Model, Target
from loki.stages.patch import changes_of, patches_for
from loki.stages.resolve import fill_defaults, find_target

#: A call that any model can have.
SHORT = Ask((Message("user", "x"),), texts=("x",), query="x")
START: Position = (1, 1)


def price_problems(config: Config, places: Sequence[ClientPlace]) -> list[tuple[Position, str]]:
    """Return why calls of models and clients would be refused (kind budget), with their places."""
    if not config.budget or config.allow_unpriced:
        return []
    found = [
        problem
        for client, where in zip(config.clients, places, strict=True)
        for problem in client_problems(config, client, where)
    ]
    lack = explain_default(config)
    is_new = lack and lack not in (message for _, message in found)
    return [*found, (START, lack)] if is_new else found


def client_problems(
    config: Config, client: Client, where: ClientPlace
) -> Iterator[tuple[Position, str]]:
    """Yield which models of a client have no known price, or that none of an unlisted one has."""
    models = config.models(client)
    if not client.models:
        if not any(explain_model(config, client, model) == "" for model in models):
            yield from explain_unlisted(config, client, where)
        return
    for model, place in zip(models, where.models, strict=True):
        if lack := explain_model(config, client, model):
            yield place, lack


def explain_unlisted(
    config: Config, client: Client, where: ClientPlace
) -> Iterator[tuple[Position, str]]:
    """Yield that no model of a client that lists none has a known price, if it can be asked."""
    if explain_model(config, client, Model("m", "m")):
        how = "list them under `models` with input_price and output_price (US dollars, 0 where"
        lack = f"no known price of its models, and a budget is set: {how} they are free)"
        yield where.client, f"client {client.name!r}: {lack}, or set budget.allow_unpriced: true"


def explain_model(config: Config, client: Client, model: Model) -> str:
    """Return why calls of a model would be refused, empty if they are not for want of a price."""
    target = fill_defaults(config, SHORT, client, model)
    return target.map(explain_target).value_or("")


def explain_default(config: Config) -> str:
    """Return why calls of the default model would be refused."""
    if not config.model:
        return ""
    return find_target(config, SHORT, "chat").map(explain_target).value_or("")


def explain_target(target: Target) -> str:
    """Return why a call would be refused, as it would say itself."""
    lack = find_missing_price(target, changes_of(patches_for(target)))
    return f"{target.name} has no known price{lack}" if lack else ""
