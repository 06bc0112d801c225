"""A login, a code or an old token -> a new token: OAuth 2.0 with PKCE (RFC 6749, RFC 7636)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from returns.result import Result, Success

from loki.edge.auth.token_cache import Token
from loki.edge.auth.token_endpoint import OAuthClient, error_text, is_visible, request_token
from loki.problems import Problem, fail
from loki.record import record

if TYPE_CHECKING:
    from oauthlib.oauth2 import WebApplicationClient


@record
class Login:
    """A login that was started: the address to open, and what its answer has to match."""

    oauth_client: OAuthClient
    address: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)


def new_state() -> str:
    """Return a state that nobody can guess: only the answer to this login has it."""
    from oauthlib.common import generate_token

    state: str = generate_token(32)
    return state


def new_verifier(oauth_client: OAuthClient) -> str:
    """Return a verifier that nobody can guess (RFC 7636)."""
    return oauth_client.redactor.hide(make_web_client(oauth_client).create_code_verifier(64))


def challenge_of(oauth_client: OAuthClient, verifier: str) -> dict[str, str]:
    """Return the parameters that show a verifier's hash."""
    challenge = make_web_client(oauth_client).create_code_challenge(verifier, "S256")
    return {"code_challenge": challenge, "code_challenge_method": "S256"}


def start_login(oauth_client: OAuthClient, state: str) -> Login:
    """Start a login, with a verifier that nobody can guess."""
    from requests_oauthlib import OAuth2Session

    verifier = new_verifier(oauth_client)
    session = OAuth2Session(
        client=make_web_client(oauth_client),
        redirect_uri=oauth_client.redirect_uri,
        scope=list(oauth_client.scopes),
    )
    with http_allowed(oauth_client.authorize_url):
        address, _ = session.authorization_url(
            oauth_client.authorize_url,
            state,
            **challenge_of(oauth_client, verifier),
            **oauth_client.authorize_params,
        )
    return Login(oauth_client, address, state, verifier)


@contextmanager
def http_allowed(url: str) -> Iterator[None]:
    """Let oauthlib accept an http address; only loopback ones have come this far."""
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
    """Return the code of an answer: ``code#state``, the whole redirect address, or a bare code."""
    fields, redactor = split_answer(answer), login.oauth_client.redactor
    advice = f"log in again: {login.oauth_client.command}"
    state = fields.get("state", login.state)
    if "error" in fields and state in ("", login.state):
        reason = error_text(fields, redactor)
        return fail("auth", f"the login was denied: {reason}", code=fields["error"])
    if state != login.state:
        return fail("auth", f"this is not the answer to this login (wrong state); {advice}")
    if not is_from(login.oauth_client, fields.get("iss")):
        issuer = redactor.redact(fields["iss"])[:100]
        return fail("auth", f"the answer is another server's, {issuer!r}")
    if not is_visible(fields.get("code", "")):
        return fail("auth", f"there is no code in the answer, or more than one; {advice}")
    return Success(redactor.hide(fields["code"]))


def is_from(oauth_client: OAuthClient, issuer: str | None) -> bool:
    """Return whether an answer is the server's that was asked, by its ``iss`` (RFC 9207).

    Where ``oauth.issuer`` says nothing, it is known by its origin.
    """
    if issuer is None or oauth_client.issuer:
        return issuer in (None, oauth_client.issuer)
    return origin_of(issuer) == origin_of(oauth_client.authorize_url)


def origin_of(address: str) -> tuple[str, str]:
    """Return scheme and host of an address, with its port; ("", "") for none.

    >>> origin_of("https://A.example/x"), origin_of("http://[::1")
    (('https', 'a.example'), ('', ''))
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return ("", "")
    return parts.scheme, parts.netloc.lower()


def split_answer(answer: str) -> dict[str, str]:
    """Return the fields of an answer; an address always has a state, a bare code has none.

    What is there twice is not there (RFC 6749, section 3.1).

    >>> split_answer("abc#xyz")
    {'code': 'abc', 'state': 'xyz'}
    >>> split_answer(" http://127.0.0.1:9/cb?code=a%2Fb ")
    {'state': '', 'code': 'a/b'}
    >>> split_answer("abc")
    {'code': 'abc'}
    """
    text = answer.strip()
    if "?" in text or "://" in text:
        pairs = parse_qsl(text.partition("?")[2].partition("#")[0])
        fields = {"state": "", **dict(pairs)}
        return fields if len(pairs) == len(dict(pairs)) else {"state": fields["state"]}
    code, _, state = text.partition("#")
    return {"code": code, **({"state": state} if state else {})}


def exchange_code(login: Login, code: str) -> Result[Token, Problem]:
    """Exchange a code for a token, which is possible once."""
    oauth_client = login.oauth_client
    # Anthropic's server wants to see the state again, xAI's the challenge; others let them be.
    extra: dict[str, Any] = {"state": login.state} if oauth_client.send_state else {}
    if oauth_client.echo_challenge:
        extra |= challenge_of(oauth_client, login.verifier)
    form = make_web_client(oauth_client).prepare_request_body(
        code=code,
        redirect_uri=oauth_client.redirect_uri,
        code_verifier=login.verifier,
        **extra,
        **secret_argument(oauth_client),
    )
    advice = f"log in again: {oauth_client.command}"
    return request_token(
        oauth_client, form, lambda reason: f"the code is refused ({reason}); {advice}"
    )


def refresh(oauth_client: OAuthClient, old: Token) -> Result[Token, Problem]:
    """Exchange an old token for a new one, which keeps the refresh token if it gets no other."""
    oauth_client.redactor.add(old.access, old.refresh)
    form = make_web_client(oauth_client).prepare_refresh_body(
        refresh_token=old.refresh, client_id=oauth_client.client_id, **secret_argument(oauth_client)
    )
    over = f"client {oauth_client.client!r}: the login is over"
    new = request_token(
        oauth_client, form, lambda reason: f"{over} ({reason}): {oauth_client.command}"
    )
    return new.map(lambda token: token._replace(refresh=token.refresh or old.refresh))


def request_machine_token(oauth_client: OAuthClient) -> Result[Token, Problem]:
    """Return a token for the client itself, no person's (RFC 6749, section 4.4).

    Its secret goes into a header, which every server understands; where it is refused there, into
    the form, as some want it.
    """
    from oauthlib.oauth2 import BackendApplicationClient

    oauth_client.redactor.add(oauth_client.client_secret)
    client = BackendApplicationClient(oauth_client.client_id)
    scope = " ".join(oauth_client.scopes) or None
    in_header = client.prepare_request_body(scope=scope)
    in_form = client.prepare_request_body(
        scope=scope, include_client_id=True, **secret_argument(oauth_client)
    )

    def refusal(reason: str) -> str:
        return f"client {oauth_client.client!r} gets no token ({reason}): look at its `oauth`"

    first = request_token(oauth_client, in_header, refusal, is_basic=True)
    if isinstance(first, Success) or first.failure().code not in ("invalid_client", None):
        return first
    return (
        first if first.failure().kind != "auth" else request_token(oauth_client, in_form, refusal)
    )


def make_web_client(oauth_client: OAuthClient) -> WebApplicationClient:
    """Return oauthlib's client, which writes requests and sends none."""
    from oauthlib.oauth2 import WebApplicationClient

    return WebApplicationClient(oauth_client.client_id)


def secret_argument(oauth_client: OAuthClient) -> dict[str, Any]:
    """Return the client secret as a keyword argument, if there is one."""
    return {"client_secret": oauth_client.client_secret} if oauth_client.client_secret else {}
