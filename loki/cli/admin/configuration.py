"""loki --info and --check: find the configuration, and check it."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Mapping, Sequence

from returns.result import Result, Success

from loki.cli.admin.call_check import check_calls
from loki.cli.caching import read_default_age
from loki.cli.console import Console
from loki.cli.startup import environment
from loki.config.build_config import read_client
from loki.config.catalogue import catalogue_facts
from loki.config.given_clients import CLIENTS, with_given_clients
from loki.config.parse_config import ClientPlace, client_places
from loki.config.parse_config import find_complaints as check_text
from loki.edge import files
from loki.edge.auth import vault
from loki.edge.env import make_config, read_configuration
from loki.edge.env_file import CONFIG_TEXT, refusal
from loki.edge.ledger import writer
from loki.edge.trust import open_in_safe_folder
from loki.json_text import JsonObject
from loki.problems import EXIT_CODES, Problem
from loki.version import __version__


def info(flags: Namespace, console: Console) -> int:
    """Print version, files, clients and catalogue: name, spaces, value, a line each."""
    environ = environment(flags)
    config = read_configuration(environ)
    known = config.map(lambda c: ", ".join(client.name for client in c.clients))
    facts = {
        "version": __version__,
        "config_file": files.config_file(environ),
        "config_dir": files.directory("config", environ),
        "env_file": files.env_file(environ),
        "cache_dir": files.directory("cache", environ),
        "vault_file": vault.vault_file(environ),
        "ledger_file": writer.ledger_path(environ),
        "model": config.map(lambda c: c.model or "").value_or(""),
        "clients": known.value_or("(wrong configuration: see loki --check)"),
        "catalogue": catalogue_facts(files.read_catalogue(environ)).get("date", ""),
    }
    if flags.output != "text":
        console.write_json(facts)
        return 0
    console.write("".join(f"{name:<14}{value}".rstrip() + "\n" for name, value in facts.items()))
    return 0


def check(flags: Namespace, console: Console) -> int:
    """Print every problem of the configuration with its line and column; return the exit code."""
    environ = environment(flags)
    path = files.config_file(environ)
    is_given = bool(environ.get(CLIENTS))
    if not os.path.exists(path) and not is_given:
        return console.report(
            Problem("config", f"no configuration file {path}: loki --init writes one")
        )
    if problem := refusal(environ) or read_default_age(environ).swap().value_or(None):
        return console.report(problem)
    text = read_text(path, environ)
    if not isinstance(text, Success):
        return console.report(Problem("config", text.failure().message))
    plain, complaints = check_text(text.unwrap())
    for (line, column), message in complaints:
        console.print_stderr(f"{path}:{line}:{column}: {message}")
    if complaints:
        return EXIT_CODES["config"]
    whole = with_given_clients(plain, environ)
    if not isinstance(whole, Success):
        return console.report(whole.failure())
    entries = (whole.unwrap() or {}).get("clients", [])
    places = client_places(text.unwrap()) if plain and not is_given else places_in_line(entries)
    label = CLIENTS if is_given else path
    config = make_config(whole.unwrap(), path, environ)
    if not isinstance(config, Success):
        return report_clients(entries, places, label, environ, console) or console.report(
            config.failure()
        )
    return check_calls(config.unwrap(), label, places, entries, flags, environ, console)


def report_clients(
    entries: Sequence[JsonObject],
    places: Sequence[ClientPlace],
    path: str,
    environ: Mapping[str, str],
    console: Console,
) -> int:
    """Print which clients cannot be made, each with its place; return the exit code, 0 if all can.

    It may be a setting of the first level that is wrong.
    """
    clients = [read_client(entry, "", environ) for entry in entries]
    for client, where in zip(clients, places, strict=True):
        if not isinstance(client, Success):
            (line, column), message = where.client, client.failure().message.removeprefix(".")
            console.print_stderr(f"{path}:{line}:{column}: {message}")
    return 0 if all(isinstance(each, Success) for each in clients) else EXIT_CODES["config"]


def read_text(path: str, environ: Mapping[str, str]) -> Result[str, Problem]:
    """Return the text of the configuration; nothing where LOKI_CLIENTS stands in for a file."""
    if CONFIG_TEXT in environ:
        return Success(environ[CONFIG_TEXT])
    if not os.path.exists(path):
        return Success("")
    return files.read_text(path, "configuration", open_in_safe_folder)


def places_in_line(entries: Sequence[JsonObject]) -> tuple[ClientPlace, ...]:
    """Return the places of clients that stand in one line."""
    return tuple(ClientPlace((1, 1), ((1, 1),) * len(each.get("models", ()))) for each in entries)
