"""The settings of a login: a client's own over its provider's, and addresses that are safe."""

from __future__ import annotations

from typing import Any

import pytest
from support import auth_context

from loki.edge.auth.oauth import oauth_client_of
from loki.edge.auth.oauth_flow import Login, read_code
from loki.edge.auth.oauth_profiles import PROFILES, profile_of, registration_advice
from loki.records import Client
from loki.urls import may_carry_secrets

URLS = {"authorize_url": "https://a.example/a", "token_url": "https://a.example/t"}


def client(type_: str = "openai", name: str = "c", **oauth: Any) -> Client:
    """Return a client with a login."""
    return Client(name, type_, {}, oauth={"client_id": "me", **oauth})


def test_every_address_of_a_profile_is_safe() -> None:
    addresses = [
        value for profile in PROFILES.values() for key, value in profile.items() if "_url" in key
    ]
    assert len(addresses) >= 7 and all(map(may_carry_secrets, addresses))


@pytest.mark.parametrize("name", ["xai", "xai-work"])
def test_a_known_name_has_its_login(name: str) -> None:
    authority = oauth_client_of(client("openai-compatible", name), auth_context({})).unwrap()
    assert (authority.flow, authority.device_challenge) == ("device_code", True)
    assert authority.device_authorization_url == "https://auth.x.ai/oauth2/device/code"
    assert "https://console.x.ai" in registration_advice(client("openai-compatible", name))
    assert profile_of(client("openai-compatible", "my-xai"))["flow"] == "pkce"


@pytest.mark.parametrize("type_", ["openai", "cohere", "azure-openai", "bedrock", "vertexai"])
def test_every_type_may_log_in_with_addresses_of_its_own(type_: str) -> None:
    authority = oauth_client_of(client(type_, **URLS), auth_context({})).unwrap()
    assert (authority.flow, authority.redirect_uri) == ("pkce", "http://127.0.0.1/callback")


NEEDED = {
    "pkce": "authorize_url",
    "device_code": "device_authorization_url",
    "client_credentials": "token_url",
}


@pytest.mark.parametrize("flow", NEEDED)
def test_a_flow_needs_only_its_own_addresses(flow: str) -> None:
    problem = oauth_client_of(client(flow=flow), auth_context({})).failure()
    assert f"has no {NEEDED[flow]} to log in with: set oauth.{NEEDED[flow]}" in problem.message
    url = {"device_authorization_url": "https://a.example/d"}
    given = {**URLS, **url} if flow != "client_credentials" else {"token_url": URLS["token_url"]}
    assert oauth_client_of(client(flow=flow, **given), auth_context({})).unwrap().flow == flow


REDIRECTS: list[tuple[dict[str, Any], str]] = [
    ({"redirect_port": 8085}, "http://127.0.0.1:8085/callback"),
    ({"redirect_uri": "http://localhost/cb", "redirect_port": 8085}, "http://localhost:8085/cb"),
    ({"redirect_uri": "http://[::1]/cb", "redirect_port": 8085}, "http://[::1]:8085/cb"),
    ({"redirect_uri": "https://a.example/cb", "redirect_port": 8085}, "https://a.example/cb"),
    ({"redirect_uri": "my-app:/cb"}, "my-app:/cb"),
]


@pytest.mark.parametrize(("settings", "address"), REDIRECTS)
def test_the_browser_ends_where_the_settings_say(settings: dict[str, Any], address: str) -> None:
    context = auth_context({})
    assert oauth_client_of(client(**URLS, **settings), context).unwrap().redirect_uri == address


@pytest.mark.parametrize("uri", ["http://a.example/cb", "HTTP://127.0.0.1.a.example/cb"])
def test_a_code_never_travels_in_the_open(uri: str) -> None:
    problem = oauth_client_of(client(**URLS, redirect_uri=uri), auth_context({})).failure()
    assert problem.kind == "config" and "oauth.redirect_uri:" in problem.message
    assert "is not https, nor on this machine" in problem.message


# ---- who answers ---------------------------------------------------------------------------------

ISSUERS: list[tuple[str, str, bool]] = [
    ("", "", True),
    ("", "&iss=https%3A%2F%2Fa.example", True),
    ("", "&iss=https%3A%2F%2FA.example%2Ftenant", True),
    ("", "&iss=https%3A%2F%2Fb.example", False),
    ("", "&iss=http%3A%2F%2Fa.example", False),
    ("", "&iss=https%3A%2F%2F%5B", False),
    ("https://i.example", "&iss=https%3A%2F%2Fi.example", True),
    ("https://i.example", "&iss=https%3A%2F%2Fa.example", False),
    ("https://i.example", "", True),
]


@pytest.mark.parametrize(("issuer", "end", "is_good"), ISSUERS)
def test_an_answer_of_another_server_is_none(issuer: str, end: str, is_good: bool) -> None:
    authority = oauth_client_of(client(**URLS, issuer=issuer), auth_context({})).unwrap()
    login = Login(authority, "https://a.example/a?x", "st4te", "verifier")
    code = read_code(login, f"http://127.0.0.1:1/callback?code=c0de-1&state=st4te{end}")
    assert code.value_or("") == ("c0de-1" if is_good else "")
    if not is_good:
        assert code.failure().message.startswith("the answer is another server's, ")


def test_an_answer_with_two_codes_is_none() -> None:
    login = Login(
        oauth_client_of(client(**URLS), auth_context({})).unwrap(), "", "st4te", "verifier"
    )
    answer = "http://127.0.0.1:1/callback?code=a&code=b&state=st4te"
    message = read_code(login, answer).failure().message
    assert message.startswith("there is no code in the answer, or more than one")
