"""loki --authenticate: log a client in, by a browser, by another device or by its secret."""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from math import inf

from returns.result import Result, Success

from loki.cli.admin.secrets import type_hidden
from loki.cli.console import Console
from loki.cli.startup import environment, limits_of
from loki.edge.auth import token_cache
from loki.edge.auth.auth_context import AuthContext
from loki.edge.auth.device_flow import DeviceLogin, start_device_login, wait_for_consent
from loki.edge.auth.oauth import oauth_client_of, token_cache_file
from loki.edge.auth.oauth_callback import Answers, listen, read_pasted, wait_for_answer
from loki.edge.auth.oauth_flow import (
    Login,
    exchange_code,
    new_state,
    read_code,
    request_machine_token,
    start_login,
)
from loki.edge.auth.oauth_profiles import profile_of, registration_advice
from loki.edge.auth.registration import Registration, read_registration, store_registration
from loki.edge.auth.token_cache import Token
from loki.edge.auth.token_endpoint import OAuthClient, is_visible
from loki.edge.env import read_configuration, with_vault
from loki.problems import Problem, fail, suggest_nearest
from loki.railway import fold
from loki.record import replace
from loki.records import Client, Config
from loki.stages.resolve import find_client, merge_limits
from loki.urls import is_loopback

LOGIN_TIMEOUT = 300.0  # seconds for a person in a browser


def authenticate(flags: Namespace, console: Console) -> int:
    """Log a client in and store its tokens for every command; return the exit code."""
    environ = environment(flags)
    login = Result.do(
        describe_login(client, stored)
        for config in read_configuration(environ)
        for client in client_of(config, flags.authenticate)
        for context in Success(AuthContext(with_vault(config, environ), console.redactor))
        for registered in ask_registration(client, context, console)
        for oauth_client in oauth_client_of(with_limits(client, flags), context)
        for token in FLOWS[oauth_client.flow](oauth_client, flags.timeout, console)
        for stored in token_cache.save_token(token_cache_file(client.name, environ), token)
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
    client = find_client(config, name)
    if client is None:
        known = [client.name for client in able or config.clients]
        return fail("config", f"no client named {name!r}{suggest_nearest(name, known)}")
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


# ---- the client id ---------------------------------------------------------------------------


def ask_registration(
    client: Client, context: AuthContext, console: Console
) -> Result[Registration, Problem]:
    """Return the client id that is kept; ask for one at a terminal where none is set or kept."""
    kept = read_registration(client.name, context)
    found = kept.map(lambda registration: registration.client_id).value_or("-")
    if found or client.oauth.get("client_id") or not is_terminal(console):
        return kept
    console.print_stderr(
        f"Client {client.name} has no OAuth client id, the name under which the provider knows a"
        f" program.\nOne is had from {registration_advice(client)}."
    )
    console.write_stderr("Client id: ")
    client_id = sys.stdin.readline().strip()
    if not is_visible(client_id):
        return fail("input", "no client id was typed")
    secret = type_hidden("Client secret (not shown; enter where there is none): ")
    typed = secret.map(lambda secret: Registration(client_id, secret))
    return typed.bind(lambda kept: store_registration(client.name, kept, context.environ))


# ---- consent on another device -------------------------------------------------------------------


def log_in_by_device(
    oauth_client: OAuthClient, timeout: float | None, console: Console
) -> Result[Token, Problem]:
    """Show a code to type on any device, and wait until somebody has."""
    patience = inf if timeout is None else timeout
    return start_device_login(oauth_client).bind(
        lambda login: wait_for_consent(show_code(login, console), patience)
    )


def show_code(login: DeviceLogin, console: Console) -> DeviceLogin:
    """Print what to type where; return the login."""
    console.print_stderr(f"To log in client {login.oauth_client.client}, open on any device:")
    console.write_stderr(f"\n{login.address}\n\nand type the code\n\n{login.user_code}\n\n")
    if login.direct_address:
        console.write_stderr(f"or open {login.direct_address}\n\n")
    if is_terminal(console):
        browse(login.direct_address or login.address)
    return login


def log_in_by_secret(
    oauth_client: OAuthClient, timeout: float | None, console: Console
) -> Result[Token, Problem]:
    """Return a token for the client itself; nobody has to consent."""
    return request_machine_token(oauth_client)


# ---- consent in a browser ------------------------------------------------------------------------


def log_in_by_browser(
    oauth_client: OAuthClient, timeout: float | None, console: Console
) -> Result[Token, Problem]:
    """Print an address to open, receive the code, and exchange it."""
    return consent(oauth_client, timeout or LOGIN_TIMEOUT, console).bind(
        lambda answered: exchange_code(*answered)
    )


def consent(
    oauth_client: OAuthClient, timeout: float, console: Console
) -> Result[tuple[Login, str], Problem]:
    """Ask for consent in a browser; return the login, and the code that came back."""
    answers, state = Answers(), new_state()
    local = with_listener(oauth_client, state, answers, console)
    login = start_login(local or oauth_client, state)
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


def with_listener(
    oauth_client: OAuthClient, state: str, answers: Answers, console: Console
) -> OAuthClient | None:
    """Return the authority with a redirect address of this machine, None if there can be none."""
    if not is_loopback(oauth_client.redirect_uri):
        return None
    return fold(
        listen(oauth_client.redirect_uri, state, answers),
        lambda address: replace(oauth_client, redirect_uri=address),
        lambda problem: console.print_stderr(f"{problem.message}; paste the answer instead"),
    )


def show_address(login: Login, console: Console) -> None:
    """Print the address on a line of its own, unchanged."""
    console.print_stderr(f"To log in client {login.oauth_client.client}, open this address:")
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
    renewed = token.refresh or profile_of(client)["flow"] == "client_credentials"
    after = "renewed automatically" if renewed else "then log in again"
    return f"logged in: client {client.name}{until} ({after})"


#: How a token is had, by the setting ``flow``; seconds to wait for a person, None: as usual.
FLOWS: dict[str, Callable[[OAuthClient, float | None, Console], Result[Token, Problem]]] = {
    "pkce": log_in_by_browser,
    "device_code": log_in_by_device,
    "client_credentials": log_in_by_secret,
}
