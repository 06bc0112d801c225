"""IMPURE. A code, or an old token -> a new token: what OAuth 2.0 with PKCE asks of a server."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from math import isfinite
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import requests
from requests.adapters import HTTPAdapter
from returns.result import Result, Success
from urllib3.exceptions import HTTPError

from loki import __version__
from loki.config.setting_names import is_public
from loki.edge.auth import redaction
from loki.edge.auth.redaction import redact
from loki.edge.auth.token_cache import Token
from loki.edge.http.deadline import Clock, Seconds, end_of
from loki.edge.http.describe import host_of, plain, root
from loki.edge.http.transport import environment_proxies, own_proxy, transport
from loki.problems import Kind, Problem, fail
from loki.record import record
from loki.records import Json, Limits
from loki.stages.patch import set_headers

if TYPE_CHECKING:
    from oauthlib.oauth2 import WebApplicationClient

TIMEOUT = 30.0  # seconds to connect, and between two bytes
LONGEST = 2**20  # bytes of an answer


@record
class Authority:
    """An authorization server, and who we are there."""

    client: str  # its name in the configuration
    client_id: str
    client_secret: str = field(repr=False)  # empty: a public client
    authorize_url: str
    token_url: str
    redirect_uri: str
    scopes: tuple[str, ...]
    token_format: str  # of a token request's body: form or json
    authorize_params: Mapping[str, str]
    request_headers: Mapping[str, str] = field(repr=False)
    limits: Limits

    @property
    def command(self) -> str:
        """What to type to log in."""
        return command(self.client)


@record
class Login:
    """A login that has begun: the address to open, and what its answer must fit."""

    authority: Authority
    address: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)


def command(client: str) -> str:
    """What to type to log in.

    >>> command("my claude")
    "loki --authenticate 'my claude'"
    """
    return f"loki --authenticate {shlex.quote(client)}"


# ---- logging in --------------------------------------------------------------------------------


def begin(authority: Authority) -> Login:
    """A new login, with a state and a verifier that nobody can guess."""
    from oauthlib.common import generate_token
    from requests_oauthlib import OAuth2Session

    client = oauth_client(authority)
    verifier, state = client.create_code_verifier(64), generate_token(32)
    redaction.add(verifier)
    session = OAuth2Session(
        client=client, redirect_uri=authority.redirect_uri, scope=list(authority.scopes)
    )
    with plain_allowed(authority.authorize_url):
        address, _ = session.authorization_url(
            authority.authorize_url,
            state,
            code_challenge=client.create_code_challenge(verifier, "S256"),
            code_challenge_method="S256",
            **authority.authorize_params,
        )
    return Login(authority, address, state, verifier)


@contextmanager
def plain_allowed(url: str) -> Iterator[None]:
    """Let oauthlib write an http address, which only loopback has got this far."""
    if url.startswith("https:") or os.environ.get(INSECURE):
        yield
        return
    os.environ[INSECURE] = "1"
    try:
        yield
    finally:
        del os.environ[INSECURE]


INSECURE = "OAUTHLIB_INSECURE_TRANSPORT"


def read_code(login: Login, answer: str) -> Result[str, Problem]:
    """The code in what came back: ``code#state``, the whole redirect address, or a bare code."""
    told = parts(answer)
    again = f"log in again: {login.authority.command}"
    state = told.get("state", login.state)
    if "error" in told and state in ("", login.state):
        return fail("auth", f"the login was denied: {described(told)}", code=told["error"])
    if state != login.state:
        return fail("auth", f"this is not the answer to this login (wrong state); {again}")
    if not is_visible(told.get("code", "")):
        return fail("auth", f"there is no code in the answer; {again}")
    redaction.add(told["code"])
    return Success(told["code"])


def parts(answer: str) -> dict[str, str]:
    """What an answer says, by name; an address always has a state, a bare code has none.

    >>> parts("abc#xyz")
    {'code': 'abc', 'state': 'xyz'}
    >>> parts(" http://127.0.0.1:9/cb?code=a%2Fb ")
    {'state': '', 'code': 'a/b'}
    >>> parts("abc")
    {'code': 'abc'}
    """
    words = answer.strip()
    if "?" in words or "://" in words:
        return {"state": "", **dict(parse_qsl(words.partition("?")[2].partition("#")[0]))}
    code, _, state = words.partition("#")
    return {"code": code, **({"state": state} if state else {})}


def is_visible(text: str) -> bool:
    """Whether a text can be a code or a token (RFC 6749, appendix A.11 and A.12).

    >>> is_visible("4/0Ab-c"), is_visible(""), is_visible("caf\u00e9"), is_visible("a\\x7fb")
    (True, False, False, False)
    """
    return text != "" and text.isascii() and text.isprintable()


def exchange(login: Login, code: str) -> Result[Token, Problem]:
    """The token that a code is good for, once."""
    authority = login.authority
    # Anthropic's server, which takes JSON, wants to see the state again.
    more: dict[str, Any] = {"state": login.state} if authority.token_format == "json" else {}
    body = oauth_client(authority).prepare_request_body(
        code=code,
        redirect_uri=authority.redirect_uri,
        code_verifier=login.verifier,
        **more,
        **secret(authority),
    )
    again = f"log in again: {authority.command}"
    return ask(authority, body, lambda why: f"the code is refused ({why}); {again}")


def refreshed(authority: Authority, old: Token) -> Result[Token, Problem]:
    """A new token for an old one; a server that sends no new refresh token means the old."""
    redaction.add(old.access, old.refresh)
    body = oauth_client(authority).prepare_refresh_body(
        refresh_token=old.refresh, client_id=authority.client_id, **secret(authority)
    )
    over = f"client {authority.client!r}: the login is over"
    found = ask(authority, body, lambda why: f"{over} ({why}): {authority.command}")
    return found.map(lambda fresh: fresh._replace(refresh=fresh.refresh or old.refresh))


def oauth_client(authority: Authority) -> WebApplicationClient:
    """oauthlib's side of the protocol, which touches no network."""
    from oauthlib.oauth2 import WebApplicationClient

    return WebApplicationClient(authority.client_id)


def secret(authority: Authority) -> dict[str, Any]:
    """The client secret as an argument, if there is one."""
    return {"client_secret": authority.client_secret} if authority.client_secret else {}


# ---- the token endpoint ------------------------------------------------------------------------


def ask(authority: Authority, body: str, refusal: Callable[[str], str]) -> Result[Token, Problem]:
    """The answer to a token request."""
    return post(authority, body).bind(
        lambda told: read(*told, host_of(authority.token_url), refusal, time.time())
    )


def post(authority: Authority, form: str) -> Result[tuple[int, bytes], Problem]:
    """Status and body of the answer to a form, by the same ways as the client's other requests."""
    limits = authority.limits
    trusting = transport(limits.ca_bundle, limits.client_cert, limits.client_key)
    return trusting.bind(lambda found: sent(found, authority, form))


def sent(
    trusting: HTTPAdapter, authority: Authority, form: str
) -> Result[tuple[int, bytes], Problem]:
    """One request; redirects are not followed."""
    host, limits = host_of(authority.token_url), authority.limits
    try:
        answer = trusting.send(
            prepared(authority, form),
            stream=True,
            timeout=timeouts(limits),
            proxies=own_proxy(limits) or environment_proxies(host),
        )
        with answer:
            return Success((answer.status_code, answer.raw.read(LONGEST, decode_content=True)))
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        kind: Kind = "config" if isinstance(error, ValueError) else "offline"
        return fail(kind, f"no token from {host}: {plain(root(error))}")


def timeouts(limits: Limits) -> tuple[Seconds, Seconds]:
    """Return the times to connect and between two bytes, which end with that for everything."""
    clock = Clock(TIMEOUT, end_of(limits))
    left = clock.end - time.monotonic()
    return Seconds(min(limits.connect or TIMEOUT, left), clock), Seconds(TIMEOUT, clock)


def prepared(authority: Authority, form: str) -> requests.PreparedRequest:
    """A token request; without a session requests takes nothing out of ~/.netrc."""
    given = authority.request_headers.items()
    redaction.add(*(value for name, value in given if value and not is_public(name)))
    is_json = authority.token_format == "json"
    kind = "application/json" if is_json else "application/x-www-form-urlencoded"
    ours = {
        "Accept": "application/json",
        "Content-Type": kind,
        "User-Agent": f"loki/{__version__}",
    }
    ready = requests.PreparedRequest()
    ready.prepare(
        method="POST",
        url=authority.token_url,
        headers=set_headers(ours, authority.request_headers),
        data=json.dumps(dict(parse_qsl(form))) if is_json else form,
    )
    return ready


def read(
    status: int, body: bytes, host: str, refusal: Callable[[str], str], now: float
) -> Result[Token, Problem]:
    """A token, a refusal, or a server that is not well.

    >>> read(200, b'{"access_token": "a", "expires_in": 5}', "h", str, 100.0)
    <Success: Token(access='a', refresh='', obtained=100.0, expires=105.0)>
    >>> read(400, b'{"error": "invalid_grant"}', "h", "refused: {}".format, 0).failure().message
    'refused: invalid_grant'
    >>> read(200, b"<html>", "https://h", str, 0).failure().message
    'https://h answered 200 with something that is no token'
    """
    told = parsed(body)
    words = described(told) or f"status {status}"
    match told:
        case {"access_token": str(access)} if is_visible(access) and 200 <= status < 300:
            return Success(made(access, told, now))
        case {"error": _} if 200 <= status < 300:
            return fail("auth", refusal(words), code=code_of(told))
    if status == 429:
        return fail("busy", f"{host} gives no token now: {words}")
    if 400 <= status < 500 and not body.lstrip().startswith(b"<"):
        return fail("auth", refusal(words), code=code_of(told))
    return fail("offline", f"{host} answered {status} with something that is no token")


def parsed(body: bytes) -> Json:
    """JSON, None for anything else."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def made(access: str, told: Mapping[str, Json], now: float) -> Token:
    """A token from a server's answer, whose secrets are never printed."""
    refresh = told.get("refresh_token")
    life = seconds(told.get("expires_in"))
    fresh = Token(
        access=access,
        refresh=refresh if isinstance(refresh, str) else "",
        obtained=now,
        expires=None if life is None else now + life,
    )
    redaction.add(fresh.access, fresh.refresh)
    return fresh


def seconds(told: Json) -> float | None:
    """A number of seconds, which some servers write as text.

    >>> seconds(3600), seconds("60"), seconds(None), seconds("soon")
    (3600.0, 60.0, None, None)
    """
    try:
        number = float(told)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def code_of(told: Json) -> str | None:
    """A server's word for its reason: invalid_grant, invalid_client …"""
    match told:
        case {"error": str(code)}:
            return redact(code)
    return None


def described(told: Json) -> str:
    """A server's reasons on one line, without our secrets.

    >>> described({"error": "invalid_grant", "error_description": "used\\nbefore"})
    'invalid_grant: used before'
    """
    match told:
        case {"error": str(code), "error_description": str(more)}:
            words = f"{code}: {more}"
        case {"error": {"message": str(words)}} | {"error": str(words)} | {"message": str(words)}:
            pass
        case _:
            words = ""
    return " ".join(redact(words).split())[:300]
