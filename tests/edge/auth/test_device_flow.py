"""Logins without a browser here: a code that is typed elsewhere, or the client's own secret."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from commands import Home
from oidc import Oidc, needed, oidc, typed
from returns.result import Result
from servers import ANSWER, Asked, Script, Server, plain, serving
from support import auth_context

from loki.edge.auth.device_flow import DeviceLogin, start_device_login, wait_for_consent
from loki.edge.auth.oauth import oauth_client_of, token_cache_file
from loki.edge.auth.token_cache import Token, read_token, save_token
from loki.problems import Problem
from loki.records import Client

GOOD = {"access_token": "at-12345", "refresh_token": "rt-12345", "expires_in": 3600}
CODE = {
    "device_code": "dc-0123456789",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://a.example/device",
    "interval": 5,
    "expires_in": 60,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oidc]:
    """Run one server for all tests."""
    with oidc(tmp_path_factory.mktemp("oidc")) as running:
        yield running


def stored_token(home: Home) -> Token:
    """Return the stored token."""
    token = read_token(token_cache_file("local", home.variables()))
    assert token is not None
    return token


def strict(server: Oidc) -> Any:
    """Return a model's server that accepts only tokens that are good now."""

    def script(asked: Asked) -> Script:
        good = server.knows(asked.headers.get("authorization", ""))
        return ANSWER if good else plain({"error": {"message": "expired"}}, 401)

    return script


def device_settings(server: Oidc) -> str:
    """Return the settings of a client that logs in by another device."""
    return server.settings(
        client_id="device",
        flow="device_code",
        device_authorization_url=f"{server.address}/device/auth",
        redirect_uri="",
        authorize_url="",
    )


def shown(process: subprocess.Popen[bytes]) -> tuple[str, str]:
    """Return the address and the code that a login shows, each on its own line."""
    assert process.stderr is not None
    address, code = "", ""
    for line in process.stderr:
        words = line.decode().strip()
        address = words if words.startswith("http") else address
        code = words if re.fullmatch(r"[A-Z]{4}-[A-Z]{4}", words) else code
        if address and code:
            return address, code
    raise AssertionError("no code was shown")


@needed
def test_a_code_is_typed_on_another_device(home: Home, server: Oidc) -> None:
    with serving(strict(server)) as model:
        home.local(model.address, client=device_settings(server))
        home.environ["SSH_CONNECTION"] = "a"
        with home.start("--authenticate", prog="loki", stdin=subprocess.DEVNULL) as process:
            assert "successful" in typed(*shown(process))
            out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, b""), err
        assert b"logged in: client local" in err
        first = stored_token(home)
        assert first.refresh and first.access.encode() not in err
        save_token(token_cache_file("local", home.variables()), first._replace(expires=0.0))
        done = home.run("Hi")
    assert (done.code, done.out) == (0, "Hello.\n"), done.err
    assert server.refreshes[-1] == first.refresh and stored_token(home).access != first.access


@needed
def test_a_machine_needs_no_login_and_no_refresh_token(home: Home, server: Oidc) -> None:
    with serving(lambda asked: ANSWER) as model:
        settings = {"client_id": "machine", "flow": "client_credentials", "redirect_uri": ""}
        secret = {"client_secret": "machine-secret", "scopes": "", "authorize_url": ""}
        home.local(model.address, client=server.settings(**settings, **secret))
        assert home.run("Hi").code == 0
        first, before = stored_token(home), len(server.grants)
        assert home.run("Hi").code == 0 and len(server.grants) == before
        save_token(token_cache_file("local", home.variables()), first._replace(expires=0.0))
        assert home.run("Hi").code == 0
    assert first.refresh == "" and stored_token(home).access != first.access
    assert server.grants[-1]["grant_type"] == "client_credentials"
    bearers = [asked.headers["authorization"] for asked in model.asked]
    assert bearers[0] == bearers[1] == f"Bearer {first.access}" != bearers[2]
    assert home.run("--authenticate", prog="loki").code == 0


# ---- against servers that misbehave -------------------------------------------------------------


def login_at(server: Server, **oauth: Any) -> DeviceLogin:
    """Return a login that was started at a server, whose token endpoint is the same."""
    return start_at(server, **oauth).unwrap()


def start_at(server: Server, **oauth: Any) -> Result[DeviceLogin, Problem]:
    """Start a login at a server."""
    result = {
        "client_id": "me",
        "flow": "device_code",
        "device_authorization_url": f"{server.address}/device",
        "token_url": f"{server.address}/token",
        **oauth,
    }
    return oauth_client_of(Client("c", "openai", {}, oauth=result), auth_context({})).bind(
        start_device_login
    )


class Hours:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, list[float]()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now += seconds

    def wait(self, login: DeviceLogin, patience: float = 1000.0) -> Any:
        """Wait for a consent by this clock."""
        return wait_for_consent(login, patience, self.sleep, lambda: self.now)


def error(code: str, status: int = 400) -> Script:
    """Return the answer of a token endpoint that gives none."""
    return plain({"error": code}, status)


PENDING = error("authorization_pending")
WAITS: dict[str, tuple[list[Any], list[float]]] = {
    "pending": ([PENDING, PENDING], [5, 5, 5]),
    "slower": ([error("slow_down"), PENDING, error("slow_down")], [5, 10, 10, 15]),
    "slower, with 429": ([error("slow_down", 429), PENDING], [5, 10, 10]),
    "away for a while": ([None, PENDING], [5, 10, 10]),
    "at once": ([], [5]),
}


@pytest.mark.parametrize("case", WAITS)
def test_the_server_says_how_often_it_is_asked(case: str) -> None:
    answers, slept = WAITS[case]
    with serving(plain(CODE), *answers, plain(GOOD)) as server:
        hours = Hours()
        assert hours.wait(login_at(server)).unwrap().access == "at-12345"
    assert hours.slept == slept
    last = server.asked[-1].body.decode()
    assert "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code" in last
    assert "device_code=dc-0123456789" in last and "client_id=me" in last


ENDS = {
    "denied": (error("access_denied"), "there is no login (access_denied); log in again: loki"),
    "too late": (error("expired_token"), "there is no login (expired_token); log in again: loki"),
    "nobody": (PENDING, "nobody typed the code in time; log in again: loki --authenticate c"),
}


@pytest.mark.parametrize("case", ENDS)
def test_a_login_that_does_not_come_about_says_why(case: str) -> None:
    answer, reason = ENDS[case]
    with serving(lambda asked: plain(CODE) if "/device" in asked.line else answer) as server:
        problem = Hours().wait(login_at(server)).failure()
    assert problem.kind == "auth" and problem.message.startswith(reason)


def test_a_server_that_stays_away_is_named() -> None:
    page = plain(b"<html>down</html>", 503)
    with serving(lambda asked: plain(CODE) if "/device" in asked.line else page) as server:
        problem = Hours().wait(login_at(server)).failure()
    assert problem.kind == "offline" and "answered 503" in problem.message


@pytest.mark.parametrize("odd", [-5, 0, 1e300, "soon", True])
def test_an_interval_or_a_life_that_is_none_is_the_usual_one(odd: Any) -> None:
    code = {**CODE, "interval": odd, "expires_in": odd}
    with serving(lambda asked: plain(code) if "/device" in asked.line else PENDING) as server:
        login = login_at(server)
    assert (login.interval, login.life) == (5.0, 600.0)


def test_a_person_is_waited_for_no_longer_than_was_said() -> None:
    with serving(lambda asked: plain(CODE) if "/device" in asked.line else PENDING) as server:
        hours = Hours()
        assert hours.wait(login_at(server), 12.0).failure().kind == "auth"
    assert hours.slept == [5, 5, 2]


NO_CODES: dict[str, tuple[Script, str, str]] = {
    "a refusal": (error("invalid_client", 401), "auth", "starts no login: invalid_client"),
    "a page": (plain(b"<html>"), "garbled", "something that is no code for a device"),
    "an address in the open": (
        plain({**CODE, "verification_uri": "http://a.example/device"}),
        "garbled",
        "something that is no code",
    ),
    "no address": (plain({**CODE, "verification_uri": 1}), "garbled", "no code for a device"),
    "control characters": (plain({**CODE, "user_code": "A\x1b[2J"}), "garbled", "no code for a"),
}


@pytest.mark.parametrize("case", NO_CODES)
def test_an_answer_that_is_no_code_is_one_line(case: str) -> None:
    script, kind, reason = NO_CODES[case]
    with serving(script) as server:
        problem = start_at(server).failure()
    assert problem.kind == kind and reason in problem.message


def test_a_login_may_prove_itself_by_a_verifier() -> None:
    with serving(plain(CODE), plain(GOOD)) as server:
        Hours().wait(login_at(server, use_pkce_in_device_flow=True, scopes=["a", "b"])).unwrap()
    first, last = (asked.body.decode() for asked in server.asked)
    assert "code_challenge_method=S256" in first and "scope=a+b" in first
    assert "code_verifier=" in last and "code_challenge" not in last


def test_a_secret_that_is_refused_in_a_header_goes_into_the_form(home: Home) -> None:
    lines = "client_id: me\n  client_secret: s3cret-1\n  flow: client_credentials\n"
    with serving(ANSWER) as model, serving(error("invalid_client", 401), plain(GOOD)) as giver:
        login = f"auth: oauth\noauth:\n  token_url: {giver.address}/token\n  {lines}"
        home.local(model.address, client=login)
        assert home.run("Hi").code == 0
    first, second = giver.asked
    assert first.headers["authorization"].startswith("Basic ") and b"secret" not in first.body
    assert "authorization" not in second.headers and b"client_secret=s3cret-1" in second.body


def test_a_secret_that_is_refused_twice_is_one_line_without_it(home: Home) -> None:
    lines = "client_id: me\n  client_secret: s3cret-1\n  flow: client_credentials\n"
    refused = plain({"error": "invalid_client", "error_description": "not s3cret-1"}, 401)
    with serving(lambda asked: refused) as giver:
        login = f"auth: oauth\noauth:\n  token_url: {giver.address}/token\n  {lines}"
        home.local("http://127.0.0.1:9", client=login)
        done = home.run("Hi", "--no-ledger")
    assert done.code == 77 and len(done.err.splitlines()) == 1
    assert "client 'local' gets no token (invalid_client: not ***)" in done.err


def test_what_is_shown_is_not_what_proves_the_login(home: Home) -> None:
    with serving(plain({**CODE, "interval": 0.01}), plain(GOOD)) as server:
        lines = f"client_id: me\n  flow: device_code\n  token_url: {server.address}/token\n"
        where = f"  device_authorization_url: {server.address}/device\n"
        home.local("http://127.0.0.1:9", client=f"auth: oauth\noauth:\n  {lines}{where}")
        done = home.run("--authenticate", prog="loki")
    assert done.code == 0 and "WDJB-MJHT" in done.err and "dc-0123456789" not in done.err
