"""loki --check: a right configuration -> what a call of each client and model would say."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Collection, Mapping, Sequence

from returns.result import Result, Success

from loki.cli.console import Console
from loki.cli.startup import environment
from loki.config.parse_config import ClientPlace
from loki.config.setting_names import CREDENTIALS
from loki.config.yaml_schema import Position
from loki.edge.auth import vault
from loki.edge.auth.auth_method import auth_method, credential_name, needs_key, variable_names
from loki.json_text import JsonObject
from loki.problems import EXIT_CODES, Problem
from loki.providers import provider_of
from loki.records import Ask, Client, Config, Model, Target
from loki.redaction.redactor import Redactor
from loki.stages.resolve import fill_defaults, find_target


def check_calls(
    config: Config,
    path: str,
    places: Sequence[ClientPlace],
    entries: Sequence[JsonObject],
    flags: Namespace,
    console: Console,
) -> int:
    """Print what a call of each client and model would say; return the exit code.

    ``entries`` are the clients as they are written.
    """
    environ = environment(flags)
    keys = [] if flags.check == "online" else key_notes(config, environ)
    for note in [*config.notes, *keys]:
        console.print_stderr(f"note: {note}")
    messages = sorted(
        [
            *call_problems(config, places),
            *setting_problems(config, places, entries, environ),
            *config_problems(config, environ),
        ]
    )
    for place, message in messages:
        console.print_stderr(f"{path}:{place[0]}:{place[1]}: {message}")
    if messages:
        return EXIT_CODES["config"]
    if flags.check == "online":
        from loki.cli.admin.online_check import check_online  # with all that sends

        return check_online(config, flags, console)
    count = len(config.clients)
    console.write(f"{path}: {count} client{'s' * (count != 1)}, nothing wrong\n")
    return 0


def call_problems(config: Config, places: Sequence[ClientPlace]) -> list[tuple[Position, str]]:
    """Return why calls would fail before anything is sent: of each client, model and default."""
    calls = [
        (place, fill_defaults(config, Ask(), client, model))
        for client, where in zip(config.clients, places, strict=True)
        for model, place in models_to_check(config, client, where)
    ]
    default = [((1, 1), find_target(config, Ask(), "chat"))] if config.model else []
    found = [(place, each.failure().message) for place, each in [*calls, *default] if is_bad(each)]
    first = {message: place for place, message in reversed(found)}
    return sorted((place, message) for message, place in first.items())


def setting_problems(
    config: Config,
    places: Sequence[ClientPlace],
    entries: Sequence[JsonObject],
    environ: Mapping[str, str],
) -> list[tuple[Position, str]]:
    """Return what is wrong with how clients prove who asks: two keys, no client id."""
    return [
        (where.client, f"client {client.name!r}: {message}")
        for client, where, entry in zip(config.clients, places, entries, strict=True)
        for message in (explain_two_forms(entry), explain_missing_client_id(client, environ))
        if message
    ]


def explain_two_forms(entry: JsonObject) -> str:
    """Return which settings of a client say the same twice, empty if none do.

    >>> explain_two_forms({"api_key": "k", "api_key_cmd": "pass show k"})
    'api_key and api_key_cmd are both set: keep one'
    """
    for name in ("api_base", *CREDENTIALS):
        given = [form for form in (name, f"{name}_cmd", f"{name}_file") if form in entry]
        if len(given) > 1:
            return f"{' and '.join(given)} are both set: keep one"
    return ""


def explain_missing_client_id(client: Client, environ: Mapping[str, str]) -> str:
    """Return that a client that logs in has no client id, nor kept one; empty if it has."""
    service = provider_of(client)
    if service is None or auth_method(client, service) != "oauth" or client.oauth.get("client_id"):
        return ""
    from loki.edge.auth.auth_context import AuthContext
    from loki.edge.auth.registration import read_registration

    kept = read_registration(client.name, AuthContext(environ, Redactor()))
    if kept.map(lambda registration: registration.client_id).value_or(""):
        return ""
    return f"no OAuth client id: set oauth: client_id, or loki --authenticate {client.name}"


def config_problems(config: Config, environ: Mapping[str, str]) -> list[tuple[Position, str]]:
    """Return what is wrong with the whole: no clients, a budget without its ledger."""
    if not config.clients:
        return [((1, 1), "no clients: name at least one, as in loki --man config")]
    if not config.budget:
        return []
    from loki.edge.ledger.writer import Ledger, ledger_path

    ledger = Ledger(ledger_path(environ)).spent([(0.0, 1.0)])
    if isinstance(ledger, Success):
        return []
    return [((1, 1), f"the budget cannot be kept: {ledger.failure().message}")]


def is_bad(result: Result[Target, Problem]) -> bool:
    """Return whether a call would fail."""
    return not isinstance(result, Success)


def models_to_check(
    config: Config, client: Client, where: ClientPlace
) -> list[tuple[Model, Position]]:
    """Return the models that a client lists, else one that stands for all, with their places."""
    models = config.models(client)
    if client.models:
        return [*zip(models, where.models, strict=True)]
    return [(models[0] if models else Model("m", "m"), where.client)]


def key_notes(config: Config, environ: Mapping[str, str]) -> list[str]:
    """Return a note for each client whose key is nowhere to be found; no command is run."""
    names = vault.list_names(environ).value_or([])
    return [
        f"client {client.name!r} has no key: {missing}"
        for client in config.clients
        if (missing := missing_key(client, {*environ, *names}))
    ]


def missing_key(client: Client, names: Collection[str]) -> str:
    """Return what is missing for a client to prove who asks, empty if nothing is."""
    service = provider_of(client)
    if service is None or not needs_key(client, service) or auth_method(client, service):
        return ""
    name = credential_name(client, service)
    if name is None:
        unset = [key for key in service.keys or ("api_key",) if key not in client.settings]
        return f"set {unset[0]}, or {variable_names(client, service, unset[0])}" if unset else ""
    setting = client.settings[name]
    if setting.source == "file" and not os.path.exists(os.path.expanduser(setting.value)):
        return f"no file {setting.value}"
    is_there = setting.source != "name" or setting.value in names
    return "" if is_there else f"no secret and no environment variable {setting.value}"
