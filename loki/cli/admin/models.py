"""loki --list-models: models of the configured clients -> a table, or JSON lines."""

from __future__ import annotations

from argparse import Namespace

from returns.result import Success

from loki.cli.admin.model_table import is_selected, model_json, print_table
from loki.cli.console import Console
from loki.cli.startup import environment
from loki.config.catalogue import catalogue_facts
from loki.edge import files
from loki.edge.env import read_configuration
from loki.json_text import compact


def list_models(flags: Namespace, console: Console) -> int:
    """Print the models of every client; ``-m`` and TEXT select. Return the exit code.

    ``-m`` is the beginning of a name. Every word of TEXT is a part of it, or a pattern with ``*``.
    """
    environ = environment(flags)
    config = read_configuration(environ)
    if not isinstance(config, Success):
        return console.report(config.failure())
    known = config.unwrap()
    if flags.live:
        from loki.cli.admin.live_models import list_live  # with all that sends

        return list_live(known, flags, environ, console)
    rows = [
        (client, model)
        for client in known.clients
        for model in known.models(client)
        if is_selected(f"{client.name}:{model.name}", flags.model or "", flags.text)
    ]
    if not rows and (words := " ".join(filter(None, (flags.model, *flags.text)))):
        console.warn(f"no model of a configured client has {words!r} in its name")
        return 0
    if flags.output != "text":
        console.write("".join(compact(model_json(known, *row)) + "\n" for row in rows))
        return 0
    print_table(rows, console)
    if console.stdout_is_terminal:
        console.print_stderr(
            f"catalogue of {catalogue_facts(files.read_catalogue()).get('date', '?')}"
        )
    return 0
