"""A login from its address to its token: nobody else's answer is taken, no secret is shown."""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from servers import Asked, Script, plain, serving
from support import auth_context

from loki.edge.auth.oauth import oauth_client_of
from loki.edge.auth.oauth_flow import (
    INSECURE,
    Login,
    exchange_code,
    read_code,
    request_machine_token,
    start_login,
)
from loki.edge.auth.token_endpoint import OAuthClient
from loki.records import Client

SECRET = "cl1ent-s3cret"
TOKEN = {"access_token": "t0ken-1", "token_type": "bearer", "expires_in": 60}
PAGE = "http://127.0.0.1:1"
REFUSED = plain({"error": "invalid_client"}, 401)
DOWN = plain({"error": "temporarily_unavailable"}, 503)


def oauth_client(address: str = PAGE, **settings: Any) -> OAuthClient:
    """Return a client of an authorization server at an address."""
    urls = {"authorize_url": f"{address}/a", "token_url": f"{address}/t"}
    client = Client("c", "openai", {}, oauth={"client_id": "me", **urls, **settings})
    return oauth_client_of(client, auth_context({})).unwrap()


def form_of(asked: Asked) -> dict[str, str]:
    """Return the fields of a form that was sent."""
    return dict(parse_qsl(asked.body.decode()))


def test_an_address_shows_the_hash_of_a_verifier_that_nobody_sees() -> None:
    login = start_login(oauth_client(scopes=["a", "b"]), "st4te")
    fields = dict(parse_qsl(urlsplit(login.address).query))
    digest = sha256(login.verifier.encode()).digest()
    assert fields["code_challenge"] == urlsafe_b64encode(digest).decode().rstrip("=")
    assert (fields["code_challenge_method"], fields["response_type"]) == ("S256", "code")
    assert (fields["state"], fields["scope"]) == ("st4te", "a b")
    assert login.verifier not in login.address + repr(login)
    assert login.oauth_client.redactor.redact(login.verifier) == "***"
    assert INSECURE not in os.environ  # also for an http address


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("c0de#other", "this is not the answer to this login (wrong state); log in again: "),
        (f"{PAGE}/cb?code=c0de", "this is not the answer to this login (wrong state); "),
        (f"{PAGE}/cb?error=access_denied&state=st4te", "the login was denied: access_denied"),
        (f"{PAGE}/cb?error=access_denied", "the login was denied: access_denied"),
        (f"{PAGE}/cb?error=access_denied&state=other", "this is not the answer to this login "),
        (f"{PAGE}/cb?state=st4te", "there is no code in the answer"),
        ("  ", "there is no code in the answer"),
    ],
)
def test_an_answer_that_is_none_says_why(answer: str, message: str) -> None:
    problem = read_code(Login(oauth_client(), "", "st4te", "verifier"), answer).failure()
    assert problem.kind == "auth" and problem.message.startswith(message)


@pytest.mark.parametrize(
    "answer", ["c0de-1", " c0de-1#st4te\n", f"{PAGE}/?code=c0de-1&state=st4te#_"]
)
def test_a_code_is_read_in_every_form_and_is_a_secret_from_then_on(answer: str) -> None:
    client = oauth_client()
    assert read_code(Login(client, "", "st4te", "verifier"), answer).unwrap() == "c0de-1"
    assert client.redactor.redact("c0de-1") == "***"


def test_a_code_goes_with_its_verifier_to_where_the_login_began() -> None:
    with serving(plain(TOKEN), plain({"error": "invalid_grant"}, 400)) as server:
        login = Login(oauth_client(server.address, client_secret=SECRET), "", "st4te", "v3rifier")
        assert exchange_code(login, "c0de-1").unwrap().access == "t0ken-1"
        problem = exchange_code(login, "c0de-1").failure()
    form = form_of(server.asked[0])
    assert (form["grant_type"], form["code"], form["code_verifier"]) == (
        "authorization_code", "c0de-1", "v3rifier",
    )  # fmt: skip
    assert form["redirect_uri"] == login.oauth_client.redirect_uri
    assert form["client_secret"] == SECRET
    assert problem.message.startswith("the code is refused (invalid_grant); log in again: loki ")


MACHINE: list[tuple[str, list[Script], list[str], str]] = [
    ("in a header", [plain(TOKEN)], ["header"], ""),
    ("in the form where a header is refused", [REFUSED, plain(TOKEN)], ["header", "form"], ""),
    ("once where the server is down", [DOWN, plain(TOKEN)], ["header"], "503"),
    ("twice at most", [REFUSED], ["header", "form"], "client 'c' gets no token (invalid_client)"),
]


def place_of_secret(asked: Asked) -> str:
    """Return where a token request has the client's secret."""
    has_header, is_in_form = "authorization" in asked.headers, SECRET in asked.body.decode()
    return "header" if has_header and not is_in_form else "form" if is_in_form else "nowhere"


@pytest.mark.parametrize(
    ("scripts", "places", "message"), [m[1:] for m in MACHINE], ids=[m[0] for m in MACHINE]
)
def test_a_client_proves_itself(scripts: list[Script], places: list[str], message: str) -> None:
    with serving(*scripts) as server:
        settings = {"flow": "client_credentials", "client_secret": SECRET}
        token = request_machine_token(oauth_client(server.address, **settings))
    assert [place_of_secret(each) for each in server.asked] == places
    assert {form_of(each)["grant_type"] for each in server.asked} == {"client_credentials"}
    if message:
        assert message in token.failure().message and SECRET not in token.failure().message
    else:
        assert token.unwrap().access == "t0ken-1"
