"""loki's house-keeping: --info, --list-models, --init, --check, --completions."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable

from returns.result import Success

from loki import __version__
from loki.cli import show
from loki.cli.complete import completions
from loki.cli.pipe import failed
from loki.edge import files
from loki.edge.env import read
from loki.problems import EXIT_CODES, Problem
from loki.records import Client, JsonObject, Model, Price
from loki.stages.catalogue import about, models_of
from loki.stages.configure import configure
from loki.stages.load import check as check_text


def environment(flags: Namespace) -> dict[str, str]:
    """The variables in force, ``--config`` among them."""
    said = {"LOKI_CONFIG_FILE": flags.config} if flags.config else {}
    return {**files.environment(), **said}


def info(prog: str, flags: Namespace) -> int:
    """Where things are: a name, spaces, a value, one a line."""
    environ = environment(flags)
    config = read(environ)
    known = config.map(lambda c: ", ".join(client.name for client in c.clients))
    facts = {
        "version": __version__,
        "config_file": files.config_file(environ),
        "config_dir": files.directory("config", environ),
        "env_file": files.env_file(environ),
        "cache_dir": files.directory("cache", environ),
        "model": config.map(lambda c: c.model or "").value_or(""),
        "clients": known.value_or("(the configuration is wrong: loki --check)"),
        "catalogue": about(files.catalogue()).get("date", ""),
    }
    show.out("".join(f"{name:<14}{value}".rstrip() + "\n" for name, value in facts.items()))
    return 0


# ---- models ------------------------------------------------------------------------------------


def list_models(prog: str, flags: Namespace) -> int:
    """Every model of every client."""
    config = read(environment(flags))
    if not isinstance(config, Success):
        return failed(prog, config.failure(), "text")
    known = config.unwrap()
    rows = [
        (client, model)
        for client in known.clients
        for model in models_of(known.catalogue, client)
        if not flags.model or f"{client.name}:{model.name}".startswith(flags.model)
    ]
    if flags.output == "text":
        show.out(table(map(model_row, rows)))
    else:
        show.out("".join(show.compact(model_json(*row)) + "\n" for row in rows))
    return 0


def model_json(client: Client, model: Model) -> JsonObject:
    """A model for programs; prices in US dollars a million tokens."""
    return {
        "model": f"{client.name}:{model.name}",
        "type": model.type,
        "max_input_tokens": model.max_input_tokens,
        "max_output_tokens": model.max_output_tokens,
        **{
            f"{kind}_price": None if value is None else float(value)
            for kind in Price.__slots__
            for value in [getattr(model.price, kind)]
        },
        "supports_vision": model.supports_vision,
        "supports_function_calling": model.supports_function_calling,
    }


def model_row(row: tuple[Client, Model]) -> tuple[str, ...]:
    """A model for people."""
    client, model = row
    able = {"vision": model.supports_vision, "tools": model.supports_function_calling}
    return (
        f"{client.name}:{model.name}",
        model.type,
        size(model.max_input_tokens),
        size(model.max_output_tokens),
        "?" if model.price.input is None else f"${model.price.input}",
        "?" if model.price.output is None else f"${model.price.output}",
        " ".join(name for name, is_able in able.items() if is_able),
    )


def size(tokens: int | None) -> str:
    """A number of tokens for people.

    >>> size(128000), size(None)
    ('128,000', '?')
    """
    return "?" if tokens is None else f"{tokens:,}"


HEAD = ("MODEL", "TYPE", "INPUT", "OUTPUT", "$/M IN", "$/M OUT", "ABLE")


def table(rows: Iterable[tuple[str, ...]]) -> str:
    """Columns; with a head where a person looks at them."""
    lines = [*([HEAD] if sys.stdout.isatty() else []), *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)] if lines else []
    return "".join(
        "  ".join(
            cell.rjust(width) if 2 <= i <= 5 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        + "\n"
        for line in lines
    )


# ---- the configuration -------------------------------------------------------------------------


def init(prog: str, flags: Namespace) -> int:
    """Write a configuration to start with, never over another."""
    path = files.config_file(environment(flags))
    try:
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return failed(
            prog, Problem("config", f"{path} is there already; it is left as it is"), "text"
        )
    except OSError as error:
        return failed(prog, Problem("config", f"cannot write {path}: {error.strerror}"), "text")
    with open(handle, "w", encoding="utf-8") as file:
        file.write(STARTER)
    show.out(path + "\n")
    return 0


def check(prog: str, flags: Namespace) -> int:
    """Everything that is wrong with the configuration, each at its place."""
    environ = environment(flags)
    path = files.config_file(environ)
    if not os.path.exists(path):
        return failed(prog, Problem("config", f"no configuration file {path}: loki --init"), "text")
    text = files.read_text(path, "configuration")
    if not isinstance(text, Success):
        return failed(prog, Problem("config", text.failure().message), "text")
    plain, complaints = check_text(text.unwrap())
    for (line, column), message in complaints:
        show.talk(f"{path}:{line}:{column}: {message}")
    if complaints:
        return EXIT_CODES["config"]
    config = configure(plain, path, environ, files.catalogue())
    if not isinstance(config, Success):
        return failed(prog, config.failure(), "text")
    count = len(config.unwrap().clients)
    show.out(f"{path}: {count} client{'s' * (count != 1)}, nothing wrong\n")
    return 0


STARTER = """\
# The configuration of loki. `loki --check` says what is wrong with it.

# model: openai:gpt-4.1           # asked when no -m is given; also LOKI_MODEL
# temperature: 0.2                # sent only when set
# stream: true

clients:
  # A client is a provider and your account there. Its settings may stand here, in the
  # environment ({NAME}_API_KEY), in a file (api_key_file), or come from a command (api_key_cmd).

  - type: openai
    api_key: '{{OPENAI_API_KEY}}'           # the environment variable of that name

  # - type: openai-compatible
  #   name: groq                            # known names bring their own address
  #   api_key_cmd: pass show groq

  # - type: openai-compatible
  #   name: local                           # any server that speaks OpenAI's API
  #   api_base: http://127.0.0.1:8080/v1
  #   models:
  #     - name: smollm2
  #       max_input_tokens: 8192
  #       input_price: 0
  #       output_price: 0

  # - type: azure-openai
  #   api_base: https://RESOURCE.openai.azure.com
  #   api_key: '{{AZURE_OPENAI_API_KEY}}'
  #   models:
  #     - name: gpt-4o                      # the name of the deployment
  #   patch:                                # changes to every request whose model matches
  #     chat_completions:
  #       'gpt-.*':
  #         body:
  #           service_tier: flex
  #   extra:
  #     proxy: socks5h://127.0.0.1:1080
  #     connect_timeout: 10                 # seconds
"""


CHORES: dict[str, Callable[[str, Namespace], int]] = {
    "info": info,
    "list_models": list_models,
    "init": init,
    "check": check,
    "completions": completions,
}
