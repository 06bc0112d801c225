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
from loki.edge.auth.token_endpoint import OAuthClient, is_visible, reason_of, request_token
from loki.problems import Problem, fail
from loki.record import record

if TYPE_CHECKING:
    from oauthlib.oauth2 import WebApplicationClient


@record
class Login:
    """A login that was started: the address to open, and what its answer has to match."""

    authority: OAuthClient
    address: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)


def new_state() -> str:
    """Return a state that nobody can guess: only the answer to this login has it."""
    from oauthlib.common import generate_token

    state: str = generate_token(32)
    return state


def new_verifier(authority: OAuthClient) -> str:
    """Return a verifier that nobody can guess (RFC 7636)."""
    return authority.redactor.hide(oauth_client(authority).create_code_verifier(64))


def challenge_of(authority: OAuthClient, verifier: str) -> dict[str, str]:
    """Return the parameters that show a verifier's hash."""
    challenge = oauth_client(authority).create_code_challenge(verifier, "S256")
    return {"code_challenge": challenge, "code_challenge_method": "S256"}


def start_login(authority: OAuthClient, state: str) -> Login:
    """Start a login, with a verifier that nobody can guess."""
    from requests_oauthlib import OAuth2Session

    verifier = new_verifier(authority)
    session = OAuth2Session(
        client=oauth_client(authority),
        redirect_uri=authority.redirect_uri,
        scope=list(authority.scopes),
    )
    with http_allowed(authority.authorize_url):
        address, _ = session.authorization_url(
            authority.authorize_url,
            state,
            **challenge_of(authority, verifier),
            **authority.authorize_params,
        )
    return Login(authority, address, state, verifier)


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
    fields, redactor = split_answer(answer), login.authority.redactor
    advice = f"log in again: {login.authority.command}"
    state = fields.get("state", login.state)
    if "error" in fields and state in ("", login.state):
        reason = reason_of(fields, redactor)
        return fail("auth", f"the login was denied: {reason}", code=fields["error"])
    if state != login.state:
        return fail("auth", f"this is not the answer to this login (wrong state); {advice}")
    if not is_from(login.authority, fields.get("iss")):
        issuer = redactor.redact(fields["iss"])[:100]
        return fail("auth", f"the answer is another server's, {issuer!r}")
    if not is_visible(fields.get("code", "")):
        return fail("auth", f"there is no code in the answer, or more than one; {advice}")
    return Success(redactor.hide(fields["code"]))


def is_from(authority: OAuthClient, issuer: str | None) -> bool:
    """Return whether an answer is the server's that was asked, by its ``iss`` (RFC 9207).

    Where ``oauth.issuer`` says nothing, it is known by its origin.
    """
    if issuer is None or authority.issuer:
        return issuer in (None, authority.issuer)
    return origin_of(issuer) == origin_of(authority.authorize_url)


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
    authority = login.authority
    # Anthropic's server wants to see the state again, xAI's the challenge; others let them be.
    extra: dict[str, Any] = {"state": login.state} if authority.send_state else {}
    if authority.echo_challenge:
        extra |= challenge_of(authority, login.verifier)
    form = oauth_client(authority).prepare_request_body(
        code=code,
        redirect_uri=authority.redirect_uri,
        code_verifier=login.verifier,
        **extra,
        **secret_argument(authority),
    )
    advice = f"log in again: {authority.command}"
    return request_token(
        authority, form, lambda reason: f"the code is refused ({reason}); {advice}"
    )


def refresh(authority: OAuthClient, old: Token) -> Result[Token, Problem]:
    """Exchange an old token for a new one, which keeps the refresh token if it gets no other."""
    authority.redactor.add(old.access, old.refresh)
    form = oauth_client(authority).prepare_refresh_body(
        refresh_token=old.refresh, client_id=authority.client_id, **secret_argument(authority)
    )
    over = f"client {authority.client!r}: the login is over"
    new = request_token(authority, form, lambda reason: f"{over} ({reason}): {authority.command}")
    return new.map(lambda token: token._replace(refresh=token.refresh or old.refresh))


def request_machine_token(authority: OAuthClient) -> Result[Token, Problem]:
    """Return a token for the client itself, no person's (RFC 6749, section 4.4).

    Its secret goes into a header, which every server understands; where it is refused there, into
    the form, as some want it.
    """
    from oauthlib.oauth2 import BackendApplicationClient

    authority.redactor.add(authority.client_secret)
    client = BackendApplicationClient(authority.client_id)
    scope = " ".join(authority.scopes) or None
    in_header = client.prepare_request_body(scope=scope)
    in_form = client.prepare_request_body(
        scope=scope, include_client_id=True, **secret_argument(authority)
    )

    def refusal(reason: str) -> str:
        return f"client {authority.client!r} gets no token ({reason}): look at its `oauth`"

    first = request_token(authority, in_header, refusal, is_basic=True)
    if isinstance(first, Success) or first.failure().code not in ("invalid_client", None):
        return first
    return first if first.failure().kind != "auth" else request_token(authority, in_form, refusal)


def oauth_client(authority: OAuthClient) -> WebApplicationClient:
    """Return oauthlib's client, which writes requests and sends none."""
    from oauthlib.oauth2 import WebApplicationClient

    return WebApplicationClient(authority.client_id)


def secret_argument(authority: OAuthClient) -> dict[str, Any]:
    """Return the client secret as a keyword argument, if there is one."""
    return {"client_secret": authority.client_secret} if authority.client_secret else {}
