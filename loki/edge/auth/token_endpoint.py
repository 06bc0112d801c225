"""Token request -> token, refusal or failure: one POST to an authorization server (RFC 6749)."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import field
from math import isfinite
from typing import Any
from urllib.parse import parse_qsl, quote_plus

import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from returns.result import Result, Success
from urllib3.exceptions import HTTPError, ReadTimeoutError

from loki.config.setting_names import is_public
from loki.edge.auth.token_cache import Token
from loki.edge.http.deadline import Deadline, deadline_of
from loki.edge.http.describe import describe_error, host_of, root_cause
from loki.edge.http.transport import environment_proxies, make_transport, own_proxy
from loki.json_text import Json
from loki.problems import Kind, Problem, fail
from loki.record import record, replace
from loki.records import Limits
from loki.redaction.redactor import Redactor
from loki.stages.patch import set_headers
from loki.version import __version__

TIMEOUT = 30.0  # seconds to connect, and between two bytes
MAX_ANSWER_BYTES = 2**20  # bytes of an answer
MAX_LIFE = 100 * 366 * 86400.0  # seconds that a token lasts: what is more is no time


@record
class OAuthClient:
    """An authorization server, and the client as which loki is registered there."""

    client: str  # its name in the configuration
    client_id: str
    client_secret: str = field(repr=False)  # empty: a public client
    authorize_url: str
    token_url: str
    device_authorization_url: str
    redirect_uri: str
    scopes: tuple[str, ...]
    flow: str  # pkce, client_credentials or device_code
    token_format: str  # of a token request's body: form or json
    authorize_params: Mapping[str, str]
    token_headers: Mapping[str, str] = field(repr=False)
    limits: Limits
    redactor: Redactor = field(repr=False)  # learns what the server issues
    issuer: str = ""  # what an answer calls the server; empty: anything of its own origin
    echo_challenge: bool = False  # with a code, beside its verifier
    device_challenge: bool = False
    send_state: bool = True  # with a code

    @property
    def command(self) -> str:
        """Return the command that logs in."""
        return login_command(self.client)


def login_command(client: str) -> str:
    """Return the command that logs a client in.

    >>> login_command("my claude")
    "loki --authenticate 'my claude'"
    """
    return f"loki --authenticate {shlex.quote(client)}"


def request_token(
    oauth_client: OAuthClient, form: str, refusal: Callable[[str], str], is_basic: bool = False
) -> Result[Token, Problem]:
    """Send a token request and return its token; ``refusal`` turns a reason into a message."""
    host = host_of(oauth_client.token_url)
    return post_form(oauth_client, form, oauth_client.token_url, is_basic).bind(
        lambda answer: read_answer(*answer, host, refusal, time.time(), oauth_client.redactor)
    )


# ---- sending -----------------------------------------------------------------------------------


def post_form(
    oauth_client: OAuthClient, form: str, url: str, is_basic: bool = False
) -> Result[tuple[int, bytes], Problem]:
    """Return status and body of the answer to a form, sent as the client's other requests are.

    ``is_basic``: the client proves itself in a header, not in the form (RFC 6749, section 2.3.1).
    """
    limits = oauth_client.limits
    opened = make_transport(limits.ca_bundle, limits.client_cert, limits.client_key)
    request, redactor = prepare_form(oauth_client, form, url, is_basic), oauth_client.redactor
    return opened.bind(lambda adapter: send(adapter, request, host_of(url), limits, redactor))


def send(
    adapter: HTTPAdapter,
    request: requests.PreparedRequest,
    host: str,
    limits: Limits,
    redactor: Redactor,
) -> Result[tuple[int, bytes], Problem]:
    """Send one request; redirects are not followed."""
    clock = Deadline(TIMEOUT, deadline_of(limits))
    try:
        answer = adapter.send(
            request,
            stream=True,
            timeout=clock.timeouts(limits.connect or TIMEOUT),
            proxies=own_proxy(limits) or environment_proxies(host),
        )
        with answer:
            return Success(
                (answer.status_code, answer.raw.read(MAX_ANSWER_BYTES, decode_content=True))
            )
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        if is_timeout(error):
            return fail("offline", f"no token from {host} {late_limit(limits, clock)}")
        kind: Kind = "config" if isinstance(error, ValueError) else "offline"
        why = describe_error(root_cause(error), redactor)
        return fail(kind, f"no token from {host}: {why}")


def is_timeout(error: Exception) -> bool:
    """Return whether an error is that a server, or a connection to it, took too long."""
    kinds = (requests.Timeout, TimeoutError, ReadTimeoutError)
    return isinstance(error, kinds) or isinstance(root_cause(error), kinds)


def late_limit(limits: Limits, clock: Deadline) -> str:
    """Return which limit of a token request has passed, as for other requests."""
    from loki.edge.http.errors import expired_limit

    ours = replace(limits, connect=limits.connect or TIMEOUT, idle=TIMEOUT)
    return expired_limit(ours, clock)


def prepare_form(
    oauth_client: OAuthClient, form: str, url: str, is_basic: bool
) -> requests.PreparedRequest:
    """Return a request; without a session requests takes nothing out of ~/.netrc."""
    extra = oauth_client.token_headers
    secrets = (value for name, value in extra.items() if value and not is_public(name))
    oauth_client.redactor.add(*secrets)
    is_json = oauth_client.token_format == "json"
    headers = {
        "Accept": "application/json",
        "Content-Type": "application/json" if is_json else "application/x-www-form-urlencoded",
        "User-Agent": f"loki/{__version__}",
    }
    request = requests.PreparedRequest()
    request.prepare(
        method="POST",
        url=url,
        headers=set_headers(headers, extra),
        data=json.dumps(dict(parse_qsl(form))) if is_json else form,
        auth=basic_auth(oauth_client) if is_basic else None,
    )
    return request


def basic_auth(oauth_client: OAuthClient) -> HTTPBasicAuth:
    """Return the client's id and secret for a header, each encoded as in a form."""
    return HTTPBasicAuth(quote_plus(oauth_client.client_id), quote_plus(oauth_client.client_secret))


# ---- reading the answer ------------------------------------------------------------------------


def read_answer(
    status: int,
    body: bytes,
    host: str,
    refusal: Callable[[str], str],
    now: float,
    redactor: Redactor,
) -> Result[Token, Problem]:
    """Return the token of an answer; fail with a refusal, or with an answer that is none.

    >>> read_answer(200, b'{"access_token": "a", "expires_in": 5}', "h", str, 100.0, Redactor())
    <Success: Token(access='a', refresh='', obtained=100.0, expires=105.0)>
    >>> body = b'{"error": "invalid_grant"}'
    >>> read_answer(400, body, "h", "refused: {}".format, 0, Redactor()).failure().message
    'refused: invalid_grant'
    >>> read_answer(200, b"<html>", "https://h", str, 0, Redactor()).failure().message
    'https://h answered 200 with something that is no token'
    """
    data = parse_json(body)
    reason = error_text(data, redactor) or f"status {status}"
    match data:
        case {"access_token": str(access)} if is_visible(access) and 200 <= status < 300:
            return Success(hide_token(to_token(access, data, now), redactor))
        case {"error": _} if 200 <= status < 300:
            return fail("auth", refusal(reason), code=error_code(data, redactor))
    if status == 429:
        return fail("busy", f"{host} gives no token now: {reason}", code=error_code(data, redactor))
    is_page = body.lstrip().startswith(b"<")
    if status in (401, 403) or (400 <= status < 500 and not is_page):
        return fail("auth", refusal(reason), code=error_code(data, redactor))
    return no_answer(host, status, "no token")


def no_answer(host: str, status: int, what: str) -> Result[Any, Problem]:
    """Return the failure of a server that is not well, or says what the protocol does not know."""
    kind: Kind = "offline" if status >= 500 else "garbled"
    return fail(kind, f"{host} answered {status} with something that is {what}")


def parse_json(body: bytes) -> Json:
    """Return the value of a JSON text, None for anything else."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def is_visible(text: str) -> bool:
    """Return whether a text can be a code or a token (RFC 6749, appendix A.11 and A.12).

    >>> is_visible("4/0Ab-c"), is_visible(""), is_visible("caf\u00e9"), is_visible("a\\x7fb")
    (True, False, False, False)
    """
    return text != "" and text.isascii() and text.isprintable()


def to_token(access: str, data: Mapping[str, Json], now: float) -> Token:
    """Return the token of an answer; ``now`` and its times are seconds since the epoch."""
    refresh = data.get("refresh_token")
    life = to_lifetime(data.get("expires_in"))
    return Token(
        access=access,
        refresh=refresh if isinstance(refresh, str) else "",
        obtained=now,
        expires=None if life is None else now + life,
    )


def hide_token(token: Token, redactor: Redactor) -> Token:
    """Return a token after making it known."""
    redactor.add(token.access, token.refresh)
    return token


def to_seconds(value: Json) -> float | None:
    """Return a number of seconds, which some servers write as text; None for anything else.

    >>> to_seconds(3600), to_seconds("60"), to_seconds(None), to_seconds("soon")
    (3600.0, 60.0, None, None)
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def to_lifetime(value: Json) -> float | None:
    """Return the seconds that something lasts; None for what can be no life: it is not known then.

    >>> to_lifetime("60"), to_lifetime(0), to_lifetime(-5), to_lifetime(1e300), to_lifetime(True)
    (60.0, None, None, None, None)
    """
    seconds = None if isinstance(value, bool) else to_seconds(value)
    return seconds if seconds is not None and 0 < seconds <= MAX_LIFE else None


def error_code(data: Json, redactor: Redactor) -> str | None:
    """Return a server's code of its error, without our secrets: invalid_grant, invalid_client …"""
    match data:
        case {"error": str(code)}:
            return redactor.redact(code)
    return None


def error_text(data: Json, redactor: Redactor) -> str:
    """Return a server's error and its description on one line, without our secrets.

    >>> data = {"error": "invalid_grant", "error_description": "used\\nbefore"}
    >>> error_text(data, Redactor())
    'invalid_grant: used before'
    """
    match data:
        case {"error": str(code), "error_description": str(description)}:
            text = f"{code}: {description}"
        case {"error": {"message": str(text)}} | {"error": str(text)} | {"message": str(text)}:
            pass
        case _:
            text = ""
    return " ".join(redactor.redact(text).split())[:300]
