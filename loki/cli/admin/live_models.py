"""loki --list-models --live: configured clients -> what their providers list now."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from returns.result import Result, Success

from loki.cli.admin.model_table import is_selected, model_json, print_table
from loki.cli.console import Console
from loki.cli.startup import limits_of
from loki.config.families import ability_settings
from loki.edge.env import make_env
from loki.edge.model_list import list_models
from loki.json_text import JsonObject, compact
from loki.pipeline import Env
from loki.problems import EXIT_CODES, Problem
from loki.providers import provider_of
from loki.record import field_names, replace
from loki.records import Ask, Client, Config, Limits, Model
from loki.stages.resolve import fill_defaults, find_client, start_deadline

#: A client, and the models that its provider lists, or why there are none.
Answer = tuple[Client, Result[tuple[JsonObject, ...], Problem]]


def list_live(
    config: Config, flags: Namespace, environ: Mapping[str, str], console: Console
) -> int:
    """Print what the providers list; return the exit code of the first that cannot be asked."""
    env = make_env(config, environ, say=console.warn, keep=False, redactor=console.redactor)
    clients = wanted_clients(config, flags.model or "")
    answers = ask_clients(env, clients, limits_of(flags))
    problems = [answer.failure() for _, answer in answers if not isinstance(answer, Success)]
    rows = [
        (client, entry)
        for client, answer in answers
        for entry in answer.value_or(())
        if is_selected(f"{client.name}:{entry['name']}", prefix_of(flags.model, client), flags.text)
    ]
    print_models(config, rows, flags, console)
    for problem in problems:
        console.print_problem(problem, flags.output)
    return EXIT_CODES[problems[0].kind] if problems else 0


def wanted_clients(config: Config, wanted: str) -> Sequence[Client]:
    """Return the client that ``-m`` names, else every one that is configured or has a credential.

    Without a configuration file there is a client for every provider: most are not the user's.
    """
    name = wanted.partition(":")[0]
    if name:
        client = find_client(config, name)
        alike = [each for each in config.clients if each.name.startswith(name)]
        return [client] if client else alike
    if config.origin != "no configuration file":
        return config.clients
    return [client for client in config.clients if has_credential(client)]


def has_credential(client: Client) -> bool:
    """Return whether a credential of a client is set."""
    service = provider_of(client)
    keys = {*service.auth_headers, *service.keys} - {"region"} if service else set()
    return not keys.isdisjoint(client.settings)


def prefix_of(wanted: str | None, client: Client) -> str:
    """Return the beginning that names must have: ``-m``, by the name the client bears."""
    name, colon, model = (wanted or "").partition(":")
    return f"{client.name}:{model}" if colon else ""


def ask_clients(env: Env, clients: Sequence[Client], limits: Limits) -> list[Answer]:
    """Ask the provider of each client for its list."""

    def ask(client: Client) -> Result[tuple[JsonObject, ...], Problem]:
        target = fill_defaults(env.config, Ask(stream=False, limits=limits), client, Model("", ""))
        return (
            target.map(start_deadline(env.clock))
            .bind(lambda target: list_models(env, target))
            .alt(lambda problem: with_name(problem, client))
        )

    return [(client, ask(client)) for client in clients]


def with_name(problem: Problem, client: Client) -> Problem:
    """Return a problem whose message names the client."""
    if f"client {client.name!r}" in problem.message:
        return problem
    return replace(problem, message=f"client {client.name!r}: {problem.message}")


# ---- printing ------------------------------------------------------------------------------------


def print_models(
    config: Config, rows: Sequence[tuple[Client, JsonObject]], flags: Namespace, console: Console
) -> None:
    """Print the models, with the catalogue's prices where it knows them."""
    models = [(client, live_model(config, client, entry), entry) for client, entry in rows]
    if flags.output == "text":
        print_table([(client, model) for client, model, _ in models], console)
        return
    for client, model, entry in models:
        result = {key: fact for key, fact in entry.items() if key != "name"}
        console.write(compact({**model_json(config, client, model), **result}) + "\n")


def live_model(config: Config, client: Client, entry: JsonObject) -> Model:
    """Return a model as its provider lists it, over what is known of it here."""
    name = entry["name"]
    known = next((model for model in config.models(client) if model.name == name), None)
    base = known or config.catalogue.assume_model(client, name, entry["type"])
    facts: dict[str, Any] = {
        key: fact for key, fact in entry.items() if key in field_names(Model) and key != "name"
    }
    abilities = replace(base.abilities, **ability_settings(entry))
    return replace(base, **facts, abilities=abilities, origin="live")
