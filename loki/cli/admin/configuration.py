"""loki --info, --init and --check: find, write and check the configuration."""

from __future__ import annotations

import os
from argparse import Namespace

from returns.result import Success

from loki.cli.admin.call_check import check_calls
from loki.cli.console import Console
from loki.cli.startup import environment
from loki.config.catalogue import about
from loki.config.load import check as check_text
from loki.config.load import client_places
from loki.config.read import configure
from loki.edge import files
from loki.edge.auth import vault
from loki.edge.env import read_configuration
from loki.edge.ledger import writer
from loki.edge.trust import open_in_own_folder
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
        "catalogue": about(files.catalogue(environ)).get("date", ""),
    }
    console.write("".join(f"{name:<14}{value}".rstrip() + "\n" for name, value in facts.items()))
    return 0


# ---- the configuration -------------------------------------------------------------------------


def init(flags: Namespace, console: Console) -> int:
    """Write a starter configuration, never over an existing one; return the exit code."""
    path = files.config_file(environment(flags))
    try:
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return console.report(Problem("config", f"{path} exists already and is left unchanged"))
    except OSError as error:
        return console.report(Problem("config", f"cannot write {path}: {error.strerror}"))
    with open(handle, "w", encoding="utf-8") as file:
        file.write(STARTER)
    console.write(path + "\n")
    return 0


def check(flags: Namespace, console: Console) -> int:
    """Print every problem of the configuration with its line and column; return the exit code."""
    environ = environment(flags)
    path = files.config_file(environ)
    if not os.path.exists(path):
        return console.report(
            Problem("config", f"no configuration file {path}: loki --init writes one")
        )
    if files.REFUSED in environ:
        return console.report(Problem("config", environ[files.REFUSED]))
    text = files.read_text(path, "configuration", open_in_own_folder)
    if not isinstance(text, Success):
        return console.report(Problem("config", text.failure().message))
    plain, complaints = check_text(text.unwrap())
    for (line, column), message in complaints:
        console.print_stderr(f"{path}:{line}:{column}: {message}")
    if complaints:
        return EXIT_CODES["config"]
    config = configure(plain, path, environ, files.catalogue(environ), files.families())
    if not isinstance(config, Success):
        return console.report(config.failure())
    places = client_places(text.unwrap())
    return check_calls(config.unwrap(), path, places, flags, console)


STARTER = """\
# The configuration of loki. `loki --check` prints every problem in it.

# model: openai:gpt-4.1           # used when no -m is given; also LOKI_MODEL
# temperature: 0.2                # sent only when set
# stream: true
# vault_password_file: ~/.vault   # opens the vault: loki --add-secret NAME

clients:
  # A client is a provider and your account there. Its settings may stand here, in the
  # environment ({NAME}_API_KEY), in a file (api_key_file), or come from a command (api_key_cmd).

  - type: openai
    api_key: '{{OPENAI_API_KEY}}'           # from the vault, else the environment

  # - type: openai-compatible
  #   name: groq                            # known names need no api_base
  #   api_key_cmd: pass show groq

  # - type: openai-compatible
  #   name: local                           # any server with OpenAI's API
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
