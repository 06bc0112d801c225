"""loki --authenticate: an address to open, a code that comes back, tokens in a file."""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from dataclasses import replace

from returns.result import Result, Success

from loki.cli import console
from loki.cli.startup import environment, failed, limits_of
from loki.edge.auth import token_cache
from loki.edge.auth.oauth import authority_of, is_loopback, token_file
from loki.edge.auth.oauth_callback import Answers, first, listen, pasted
from loki.edge.auth.oauth_flow import Login, begin, exchange, read_code
from loki.edge.auth.token_cache import Token
from loki.edge.auth.token_endpoint import Authority
from loki.edge.env import read, with_vault
from loki.problems import Problem, fail, nearest
from loki.railway import fold
from loki.records import Client, Config
from loki.stages.resolve import over

PATIENCE = 300.0  # seconds for a person in a browser


def authenticate(prog: str, flags: Namespace) -> int:
    """Log a client in; its tokens are kept for every command."""
    environ = environment(flags)

    def log_in(config: Config) -> Result[str, Problem]:
        """The whole of it, for the client that is meant; what to say at its end."""
        return chosen(config, flags.authenticate).bind(
            lambda client: (
                authority_of(limited(client, flags), with_vault(config, environ))
                .bind(lambda authority: consent(authority, flags.timeout or PATIENCE))
                .bind(lambda answered: exchange(*answered))
                .bind(lambda token: token_cache.put(token_file(client.name, environ), token))
                .map(lambda token: farewell(client, token))
            )
        )

    return fold(
        read(environ).bind(log_in), succeeded, lambda problem: failed(prog, problem, flags.output)
    )


def succeeded(words: str) -> int:
    """Say so; nothing goes to stdout, for there is no data."""
    console.talk(words)
    return 0


def chosen(config: Config, name: str) -> Result[Client, Problem]:
    """The client to log in; without a name the only one there is."""
    able = [client for client in config.clients if logs_in(client)]
    if not name:
        if len(able) == 1:
            return Success(able[0])
        if not able:
            return fail("config", f"{config.origin}: no client has `auth: oauth`")
        names = ", ".join(client.name for client in able)
        return fail(
            "usage", f"several clients log in, say which: --authenticate with one of {names}"
        )
    client = next((each for each in config.clients if each.name == name), None)
    if client is None:
        known = [each.name for each in able or config.clients]
        return fail("config", f"no client named {name!r}{nearest(name, known)}")
    if client not in able:
        return fail("config", f"client {name!r} does not log in: it has no `auth: oauth`")
    return Success(client)


def logs_in(client: Client) -> bool:
    """Whether a client's ``auth`` is oauth."""
    said = client.settings.get("auth")
    return said is not None and said.value == "oauth"


def limited(client: Client, flags: Namespace) -> Client:
    """The client with what the command line says about sending."""
    return replace(client, limits=over(client.limits, limits_of(flags)))


# ---- the person --------------------------------------------------------------------------------


def consent(authority: Authority, patience: float) -> Result[tuple[Login, str], Problem]:
    """Ask in a browser; the login that has begun, and the code that came back."""
    answers: Answers = Answers()
    heard = listening(authority, answers)
    login = begin(heard or authority)
    show_address(login)
    if is_terminal():
        browse(login.address)
        sys.stderr.write("Paste the code, or the address the browser ends at: ")
        sys.stderr.flush()
    pasted(sys.stdin, answers)
    answer = first(answers, heard is not None, patience)
    if is_terminal():
        sys.stderr.write("\n")
    return answer.bind(lambda words: read_code(login, words)).map(lambda code: (login, code))


def listening(authority: Authority, answers: Answers) -> Authority | None:
    """The same with a redirect address that is listened at, None if it cannot be."""
    if not is_loopback(authority.redirect_uri):
        return None
    return fold(
        listen(authority.redirect_uri, answers),
        lambda address: replace(authority, redirect_uri=address),
        lambda problem: console.talk(f"{problem.message}; paste the answer instead"),
    )


def show_address(login: Login) -> None:
    """The address on a line of its own, to the letter."""
    console.talk(f"To log in client {login.authority.client}, open this address:")
    sys.stderr.write(f"\n{login.address}\n\n")  # as it is, whatever in it looks like a secret
    sys.stderr.flush()


def is_terminal() -> bool:
    """Whether a person sits there."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def browse(address: str) -> None:
    """Open an address where there is a screen to open it on, and it is this person's."""
    remote = any(os.environ.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"))
    screen = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if screen and not remote:
        import webbrowser

        webbrowser.open(address)


def farewell(client: Client, token: Token) -> str:
    """How long the login holds."""
    until = ""
    if token.expires is not None:
        until = time.strftime(", until %Y-%m-%d %H:%M:%S", time.localtime(token.expires))
    after = "renewed by itself" if token.refresh else "then log in again"
    return f"logged in: client {client.name}{until} ({after})"
