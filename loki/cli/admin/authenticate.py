"""loki --authenticate: print a URL to open, receive the code, store the tokens."""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from dataclasses import replace

from returns.result import Result, Success

from loki.cli.console import Console
from loki.cli.startup import environment, limits_of
from loki.edge.auth import token_cache
from loki.edge.auth.oauth import authority_of, is_loopback, token_file
from loki.edge.auth.oauth_callback import Answers, listen, read_pasted, wait_for_answer
from loki.edge.auth.oauth_flow import Login, exchange_code, read_code, start_login
from loki.edge.auth.token_cache import Token
from loki.edge.auth.token_endpoint import Authority
from loki.edge.env import read_configuration, with_vault
from loki.problems import Problem, fail, nearest
from loki.railway import fold
from loki.records import Client, Config
from loki.stages.resolve import merge_limits

LOGIN_TIMEOUT = 300.0  # seconds for a person in a browser


def authenticate(flags: Namespace, console: Console) -> int:
    """Log a client in and store its tokens for every command; return the exit code."""
    environ = environment(flags)
    login = Result.do(
        describe_login(client, stored)
        for config in read_configuration(environ)
        for client in client_of(config, flags.authenticate)
        for authority in authority_of(with_limits(client, flags), with_vault(config, environ))
        for login, code in consent(authority, flags.timeout or LOGIN_TIMEOUT, console)
        for token in exchange_code(login, code)
        for stored in token_cache.store(token_file(client.name, environ), token)
    )
    if not isinstance(login, Success):
        return console.report(login.failure(), flags.output)
    console.print_stderr(login.unwrap())  # not on stdout: it is no data
    return 0


def client_of(config: Config, name: str) -> Result[Client, Problem]:
    """Return the client to log in; without a name the only one with ``auth: oauth``."""
    able = [client for client in config.clients if has_login(client)]
    if not name:
        if len(able) == 1:
            return Success(able[0])
        if not able:
            return fail("config", f"{config.origin}: no client has `auth: oauth`")
        names = ", ".join(client.name for client in able)
        return fail(
            "usage", f"several clients have a login: name one after --authenticate ({names})"
        )
    client = next((client for client in config.clients if client.name == name), None)
    if client is None:
        known = [client.name for client in able or config.clients]
        return fail("config", f"no client named {name!r}{nearest(name, known)}")
    if client not in able:
        return fail("config", f"client {name!r} has no login: it lacks `auth: oauth`")
    return Success(client)


def has_login(client: Client) -> bool:
    """Return whether the ``auth`` of a client is oauth."""
    auth = client.settings.get("auth")
    return auth is not None and auth.value == "oauth"


def with_limits(client: Client, flags: Namespace) -> Client:
    """Return the client with the limits of the command line."""
    return replace(client, limits=merge_limits(client.limits, limits_of(flags)))


# ---- consent in a browser ------------------------------------------------------------------------


def consent(
    authority: Authority, timeout: float, console: Console
) -> Result[tuple[Login, str], Problem]:
    """Ask for consent in a browser; return the login, and the code that came back."""
    answers: Answers = Answers()
    local = with_listener(authority, answers, console)
    login = start_login(local or authority)
    show_address(login, console)
    is_typed = is_terminal(console)
    if is_typed:
        browse(login.address)
        console.write_stderr("Paste the code, or the address the browser ends at: ")
    read_pasted(sys.stdin, answers)
    answer = wait_for_answer(answers, local is not None, timeout)
    if is_typed:
        console.write_stderr("\n")
    return answer.bind(lambda text: read_code(login, text)).map(lambda code: (login, code))


def with_listener(authority: Authority, answers: Answers, console: Console) -> Authority | None:
    """Return the authority with a redirect address of this machine, None if there can be none."""
    if not is_loopback(authority.redirect_uri):
        return None
    return fold(
        listen(authority.redirect_uri, answers),
        lambda address: replace(authority, redirect_uri=address),
        lambda problem: console.print_stderr(f"{problem.message}; paste the answer instead"),
    )


def show_address(login: Login, console: Console) -> None:
    """Print the address on a line of its own, unchanged."""
    console.print_stderr(f"To log in client {login.authority.client}, open this address:")
    console.write_stderr(f"\n{login.address}\n\n")  # not redacted, whatever is in it


def is_terminal(console: Console) -> bool:
    """Return whether a person can read stderr and type."""
    return sys.stdin is not None and sys.stdin.isatty() and console.stderr_is_terminal


def browse(address: str) -> None:
    """Open an address in the browser, if there is a local screen."""
    remote = any(os.environ.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"))
    screen = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if screen and not remote:
        import webbrowser

        webbrowser.open(address)


def describe_login(client: Client, token: Token) -> str:
    """Return the message after a login: until when it is valid."""
    until = ""
    if token.expires is not None:
        until = time.strftime(", until %Y-%m-%d %H:%M:%S", time.localtime(token.expires))
    after = "renewed automatically" if token.refresh else "then log in again"
    return f"logged in: client {client.name}{until} ({after})"
