"""loki --init: keys in the environment -> a configuration that works with them; what is next."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Mapping

from returns.result import Success

from loki.cli.admin.call_check import models_to_check
from loki.cli.admin.login_check import missing_key
from loki.cli.console import Console
from loki.cli.startup import environment
from loki.config.build_config import build_config, clients_from_environment
from loki.config.parse_config import ClientPlace
from loki.edge import files
from loki.edge.auth import vault
from loki.edge.auth.vault_password import new_password_file
from loki.edge.env import read_configuration
from loki.json_text import JsonObject
from loki.problems import Problem
from loki.records import Ask, Client, Config
from loki.stages.resolve import fill_defaults, find_client


def init(flags: Namespace, console: Console) -> int:
    """Write a first configuration, never over an existing one; return the exit code."""
    environ = environment(flags)
    path = files.config_file(environ)
    config = config_of(environ)
    try:
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        what_next = "loki --check says whether it works"
        kept = f"{path} exists already and is left unchanged; {what_next}"
        code = console.report(Problem("config", kept))
        if more := missing_clients(config, environ):
            console.print_stderr(more)
        return code
    except OSError as error:
        return console.report(Problem("config", f"cannot write {path}: {error.strerror}"))
    with open(handle, "w", encoding="utf-8") as file:
        file.write(starter(config, environ))
    console.write(path + "\n")
    console.print_stderr(advice(config, environ))
    return 0


# ---- what there is -------------------------------------------------------------------------------


def config_of(environ: Mapping[str, str]) -> Config:
    """Return the configuration of those clients that can be asked with what the variables have."""
    entries = [
        entry for entry in clients_from_environment(environ) if is_ready(read(entry, environ))
    ]
    return read({"clients": entries}, environ)


def read(plain: JsonObject, environ: Mapping[str, str]) -> Config:
    """Return the configuration of some clients, or of one."""
    whole = plain if "clients" in plain else {"clients": [plain]}
    bare = {name: value for name, value in environ.items() if not name.startswith("LOKI_")}
    return build_config(
        whole, "", bare, files.read_catalogue(environ), files.read_families()
    ).unwrap()


def is_ready(config: Config) -> bool:
    """Return whether the only client has a credential in the environment, and all else it needs."""
    (client,) = config.clients
    models = models_to_check(config, client, ClientPlace((1, 1), ()))
    targets = (fill_defaults(config, Ask(), client, model) for model, _ in models)
    can_be_asked = all(isinstance(target, Success) for target in targets)
    return is_known(client) and can_be_asked and not missing_key(client)


def is_known(client: Client) -> bool:
    """Return whether the environment has a credential of a client, not just its region."""
    return any(name in client.settings for name in ("api_key", "access_key_id", "access_token"))


def variables_of(client: Client) -> list[str]:
    """Return the names of the variables that a client's settings come from."""
    return [setting.origin for setting in client.settings.values()]


def first_model(config: Config) -> str:
    """Return the model to begin with, as ``-m`` takes it; empty if no client has one."""
    names = (
        f"{client.name}:{model.name}"
        for client in config.clients
        if (model := config.catalogue.first_model(client, "chat"))
    )
    return next(names, "")


# ---- what is written -----------------------------------------------------------------------------


def starter(config: Config, environ: Mapping[str, str]) -> str:
    """Return the text of the configuration."""
    model = first_model(config)
    clients = "\n".join(map(client_lines, config.clients)) or CLIENT
    password = password_place(environ)
    return STARTER.format(
        model=f"model: {model}" if model else "# model: openai:gpt-4.1",
        password=f"vault_password_file: {password}" if password else "# vault_password_file: FILE",
        clients=clients,
    )


def client_lines(client: Client) -> str:
    """Return the lines of a client whose credential is in the environment."""
    kind = f"  - type: {client.type}\n"
    name = f"    name: {client.name}\n" if client.name != client.type else ""
    key = client.settings.get("api_key")
    if key is None:
        return f"{kind.rstrip()}  # with {', '.join(variables_of(client))}\n{name}"
    return (
        f"{kind}{name}    api_key: '{{{{{key.origin}}}}}'  # from the vault, else the environment\n"
    )


def missing_clients(config: Config, environ: Mapping[str, str]) -> str:
    """Return the lines of clients that have a key and are not in the file; empty if none are."""
    there = read_configuration(environ).value_or(None)
    if there is None:
        return ""  # what is wrong with it is for --check to say
    more = [client for client in config.clients if find_client(there, client.name) is None]
    keys = [name for client in more for name in variables_of(client)]
    lines = "".join(map(client_lines, more)).rstrip()
    them = "it" if len(keys) == 1 else "them"
    return f"found {', '.join(keys)}; to use {them}, add under `clients`:\n{lines}" if more else ""


def password_place(environ: Mapping[str, str]) -> str:
    """Return where a new vault's password should be: not beside the vault; "" if there is one."""
    if environ.get("LOKI_VAULT_PASSWORD_FILE") or os.path.exists(vault.vault_file(environ)):
        return ""
    path = new_password_file(environ)
    home = os.path.expanduser("~")
    return f"~{path[len(home) :]}" if path.startswith(f"{home}/") else path


def advice(config: Config, environ: Mapping[str, str]) -> str:
    """Return what was found and what to do next."""
    keys = [name for client in config.clients for name in variables_of(client)]
    shell = os.path.basename(environ.get("SHELL", ""))
    offer = f"\nTAB completes flags and models after: {LOAD[shell]}" if shell in LOAD else ""
    if not keys:
        return f"no key was found in the environment; next:\n{NEXT_WITHOUT_KEY}{offer}"
    following = NEXT if first_model(config) else NEXT_WITHOUT_MODEL
    return f"found {', '.join(keys)}; next:\n{following}{offer}"


NEXT = '  loki-pipe "What is a pipe?"\n  loki --check=online'
NEXT_WITHOUT_MODEL = "  loki --list-models --live\n  loki --check=online"
NEXT_WITHOUT_KEY = '  loki --add-secret OPENAI_API_KEY\n  loki-pipe -m openai "What is a pipe?"'
LOAD = {
    "bash": "echo 'source <(loki --completions bash)' >> ~/.bashrc",
    "zsh": "echo 'source <(loki --completions zsh)' >> ~/.zshrc",
    "fish": "loki --completions fish > ~/.config/fish/completions/loki.fish",
}

CLIENT = """\
  - type: openai
    api_key: '{{OPENAI_API_KEY}}'           # from the vault, else the environment
"""

STARTER = """\
# The configuration of loki; loki --man config explains it, loki --check prints its problems.

{model}  # used without -m; also LOKI_MODEL
# temperature: 0.2                # sent only when set
# stream: true
{password}  # opens the vault: loki --add-secret NAME

clients:
  # A client is a provider and your account there. Its settings may stand here, in the
  # environment ({{NAME}}_API_KEY), in a file (api_key_file), or come from a command (api_key_cmd).

{clients}
  # - type: openai-compatible
  #   name: groq-work                       # known names need no api_base
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
  #   name: my-azure
  #   api_base: https://RESOURCE.openai.azure.com
  #   api_key: '{{{{AZURE_OPENAI_API_KEY}}}}'
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
