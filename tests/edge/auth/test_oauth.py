"""Tokens that renew themselves: many processes, one refresh; refusals, and what is left of them."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from commands import Done, Home
from oidc import Oidc, address_in, consented, needed, oidc
from returns.result import Success
from servers import ANSWER, Asked, Script, plain, reply, serving
from support import auth_context

from loki.edge.auth.oauth import oauth_client_of, token, token_cache_file
from loki.edge.auth.oauth_profiles import PROFILES
from loki.edge.auth.token_cache import Token, read_token, save_token
from loki.records import Client
from loki.urls import may_carry_secrets

pytestmark = pytest.mark.xdist_group("oidc")  # one port is registered: 9999


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oidc]:
    """Run one server for all tests."""
    with oidc(tmp_path_factory.mktemp("oidc")) as running:
        yield running


def token_path(home: Home) -> str:
    """Return the path of the client's token."""
    return token_cache_file("local", home.variables())


def stored_token(home: Home) -> Token:
    """Return the stored token."""
    token = read_token(token_path(home))
    assert token is not None
    return token


def log_in(home: Home, server: Oidc) -> Token:
    """Log in by pasting the code; return the token."""
    with home.start("--authenticate", prog="loki") as process:
        process.communicate(f"{consented(address_in(process))}\n".encode(), timeout=30)
    assert process.returncode == 0
    return stored_token(home)


def wait(until: Callable[[], bool]) -> None:
    """Wait for a condition, 20 seconds at most."""
    end = time.monotonic() + 20
    while not until():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.001)


def strict(server: Oidc, *refused: str) -> Any:
    """Return a model's server that accepts the tokens of the authorization server."""

    def script(asked: Asked) -> Script:
        bearer = asked.headers.get("authorization", "")
        good = bearer.removeprefix("Bearer ") not in refused and server.knows(bearer)
        return ANSWER if good else plain({"error": {"message": "expired"}}, 401)

    return script


# ---- against a strict server --------------------------------------------------------------------


@needed
def test_twenty_that_come_together_after_the_end_refresh_once_and_all_succeed(
    home: Home, server: Oidc
) -> None:
    with serving(strict(server)) as model, ExitStack() as all_of:
        home.local(model.address, client=server.settings())
        log_in(home, server)
        assert home.run("Hi").code == 0
        first = stored_token(home)
        before = len(server.refreshes)
        started = [all_of.enter_context(home.start("--no-ledger")) for _ in range(20)]
        time.sleep(max(0.0, (first.expires or 0) - time.time()))
        for process in started:
            assert process.stdin is not None
            process.stdin.write(b"Hi")
            process.stdin.close()  # now each has its question, and needs a token
        together = time.time()
        answers = [process.stdout.read() for process in started if process.stdout]
        used = server.refreshes[before:]
        lives = 1 + (time.time() - together) // 4.5  # on a slow machine the next one ends too
        assert [process.wait(30) for process in started] == [0] * 20
        assert home.run("Hi").code == 0  # the login is whole: the server has revoked nothing
    assert answers == [b"Hello.\n"] * 20
    assert used[0] == first.refresh and len(used) == len(set(used)) <= lives
    assert stored_token(home).refresh not in used


@needed
@pytest.mark.parametrize("words", [[], ["-S"]])
def test_a_token_that_is_refused_is_refreshed_once(
    home: Home, server: Oidc, words: list[str]
) -> None:
    home.local("http://127.0.0.1:9", client=server.settings())
    first = log_in(home, server)
    before = len(server.refreshes)
    answer = plain(reply()) if words else ANSWER
    refusal = plain({"error": {"message": "revoked"}}, 401)

    def script(asked: Asked) -> Script:
        return refusal if first.access in asked.headers["authorization"] else answer

    with serving(script) as model:
        home.local(model.address, client=server.settings())
        done = home.run("Hi", *words)
        assert (done.code, done.out, done.err) == (0, "Hello.\n", "")
        assert len(model.asked) == 2
    assert server.refreshes[before:] == [first.refresh]


@needed
def test_a_model_that_refuses_every_token_is_asked_twice(home: Home, server: Oidc) -> None:
    with serving(plain({"error": {"message": "not you"}}, 401)) as model:
        home.local(model.address, client=server.settings())
        log_in(home, server)
        before = len(server.refreshes)
        done = home.run("Hi")
        assert done.code == 77 and "not you" in done.err and len(model.asked) == 2
    assert len(server.refreshes) == before + 1


@needed
def test_a_refresh_token_that_was_used_elsewhere_ends_the_login(home: Home, server: Oidc) -> None:
    home.local("http://127.0.0.1:9", client=server.settings())
    first = log_in(home, server)
    save_token(token_path(home), first._replace(expires=0.0))
    home.run("Hi", "--retries", "0")  # which uses it up, though nobody answers
    save_token(token_path(home), first._replace(expires=0.0))
    kept = Path(token_path(home)).read_bytes()
    done = home.run("Hi")
    assert done.code == 77 and "the login is over (invalid_grant" in done.err
    assert done.err.rstrip().endswith("loki --authenticate local")
    assert first.refresh not in done.err and Path(token_path(home)).read_bytes() == kept


# ---- against servers that misbehave -------------------------------------------------------------

OLD = Token("at-old", "rt-old", 0.0, 1.0)
NEW = {"access_token": "at-new", "refresh_token": "rt-new", "expires_in": 3600}


def configure_expired(home: Home, model: str, token_url: str, **more: Any) -> None:
    """Configure a client whose token has to be refreshed."""
    result = {
        "client_id": "me",
        "authorize_url": "https://a.example/a",
        "token_url": token_url,
        **more,
    }
    lines = "".join(f"  {key}: {message}\n" for key, message in result.items())
    home.local(model, client=f"auth: oauth\noauth:\n{lines}")
    save_token(token_path(home), OLD)


def refresh(home: Home, script: Script, *words: str, **more: Any) -> tuple[Done, list[Asked]]:
    """Ask something that needs a refresh; return the outcome and the token requests."""
    with serving(ANSWER) as model, serving(script) as giver:
        configure_expired(home, model.address, f"{giver.address}/token", **more)
        return home.run("Hi", *words), giver.asked


REFUSALS: dict[str, tuple[Script, int, str]] = {
    "500": (plain({"error": "server_error"}, 500), 69, "answered 500"),
    "503 as a page": (plain(b"<html>later</html>", 503), 69, "answered 503"),
    "a page": (plain(b"<html>sign in to the hotel</html>"), 76, "answered 200"),
    "no token": (plain({"expires_in": 5}), 76, "something that is no token"),
    "403 as a page": (plain(b"<html>no</html>", 403), 77, "loki --authenticate local"),
    "nothing": (None, 69, "no token from http://127.0.0.1:"),
    "invalid_grant": (plain({"error": "invalid_grant"}, 400), 77, "loki --authenticate local"),
    "401": (plain({"error": "invalid_client"}, 401), 77, "loki --authenticate local"),
    "403 in plain words": (plain(b"Forbidden", 403), 77, "loki --authenticate local"),
    "secrets told back": (
        plain({"error": "no", "error_description": "rt-old of s3cret-1"}, 400),
        77,
        "no: *** of ***",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refresh_that_fails_is_one_line_and_leaves_the_file_untouched(
    home: Home, case: str
) -> None:
    script, code, reason = REFUSALS[case]
    done, asked = refresh(home, script, client_secret="s3cret-1")
    assert (done.code, done.out, len(asked)) == (code, "", 1)
    assert reason in done.err and len(done.err.splitlines()) == 1
    assert "rt-old" not in done.err and "s3cret-1" not in done.err
    assert stored_token(home) == OLD


def test_a_program_that_uses_the_package_sees_no_secret_either(tmp_path: Path) -> None:
    environ = {"LOKI_CACHE_DIR": str(tmp_path)}
    save_token(token_cache_file("c", environ), OLD)
    echo = {"error": "no", "error_description": "what rt-old and s3cret-1 had"}
    with serving(plain(echo, 400)) as giver:
        more = {"client_secret": "s3cret-1", "token_url": f"{giver.address}/token"}
        context = auth_context(environ)
        problem = token(Client("c", "claude", {}, oauth={**IDS, **more}), context, "").failure()
    assert (problem.kind, problem.code) == ("auth", "no")
    assert problem.message == (
        "client 'c': the login is over (no: what *** and *** had): loki --authenticate c"
    )


def test_a_token_endpoint_that_is_not_there_is_offline(home: Home) -> None:
    configure_expired(home, "http://127.0.0.1:9", "http://127.0.0.1:9/token")
    done = home.run("Hi")
    assert done.code == 69 and "no token from http://127.0.0.1:9: " in done.err
    assert len(done.err.splitlines()) == 1 and stored_token(home) == OLD


@pytest.mark.parametrize("life", [1e300, 10**400, -5, 0, "soon", True, None, [1], "1e308"])
def test_a_life_that_is_none_does_not_lose_the_login(home: Home, life: Any) -> None:
    done, _ = refresh(home, plain({**NEW, "expires_in": life}))
    assert done.code == 0, done.err
    kept = stored_token(home)
    assert (kept.access, kept.refresh, kept.expires) == ("at-new", "rt-new", None)


def test_a_refresh_sends_what_it_must(home: Home) -> None:
    done, (asked,) = refresh(home, plain(NEW))
    assert done.code == 0 and stored_token(home)[:2] == ("at-new", "rt-new")
    assert asked.line == "POST /token HTTP/1.1"
    assert asked.body == b"grant_type=refresh_token&client_id=me&refresh_token=rt-old"
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"


def test_an_answer_without_a_refresh_token_keeps_the_old_one(home: Home) -> None:
    refresh(home, plain({"access_token": "at-new", "token_type": "Bearer"}))
    assert stored_token(home)[:2] == ("at-new", "rt-old") and stored_token(home).expires is None


def test_json_is_sent_where_it_is_asked_for(home: Home) -> None:
    _, (asked,) = refresh(home, plain(NEW), token_format="json", client_secret="s3cret-1")
    assert asked.json == {
        "grant_type": "refresh_token",
        "client_id": "me",
        "client_secret": "s3cret-1",
        "refresh_token": "rt-old",
    }


def test_request_headers_go_along_with_every_request_of_the_login(home: Home) -> None:
    with serving(ANSWER) as model, serving(plain(NEW)) as giver:
        headers = "{X-Team: blue, Authorization: Basic bWU6}"
        configure_expired(home, model.address, f"{giver.address}/token", request_headers=headers)
        assert home.run("Hi").code == 0
    assert giver.asked[0].headers["authorization"] == "Basic bWU6"
    assert model.asked[0].headers["authorization"] == "Bearer at-new"
    assert model.asked[0].headers["x-team"] == giver.asked[0].headers["x-team"] == "blue"


def test_a_dry_run_fetches_no_token_and_shows_none(home: Home) -> None:
    done, asked = refresh(home, plain(NEW), "--dry-run", request_headers="{X-Team: blue}")
    assert done.code == 0 and not asked
    assert done.json["headers"]["Authorization"] == "Bearer ***"
    assert done.json["headers"]["X-Team"] == "***"  # any header along with a login may be a secret


def test_who_is_not_logged_in_is_told_how(home: Home) -> None:
    configure_expired(home, "http://127.0.0.1:9", "http://127.0.0.1:9/token")
    os.unlink(token_path(home))
    done = home.run("Hi", "--no-ledger")
    assert (done.code, done.err) == (
        77,
        "loki-pipe: auth: client 'local' is not logged in: loki --authenticate local\n",
    )


def test_a_login_without_a_refresh_token_ends(home: Home) -> None:
    configure_expired(home, "http://127.0.0.1:9", "http://127.0.0.1:9/token")
    save_token(token_path(home), OLD._replace(refresh=""))
    done = home.run("Hi")
    assert done.code == 77 and "cannot be renewed: loki --authenticate local" in done.err


def test_no_refresh_token_travels_in_the_open(home: Home) -> None:
    configure_expired(home, "http://127.0.0.1:9", "http://auth.example/token")
    done = home.run("Hi")
    assert done.code == 78 and "'http://auth.example/token' is not https" in done.err


def test_a_full_disk_is_a_warning(home: Home) -> None:
    with serving(ANSWER) as model, serving(plain(NEW)) as giver:
        configure_expired(home, model.address, f"{giver.address}/token")
        home.run("--dry-run", "Hi")  # which reads the configuration for later
        no_room = (resource.RLIMIT_FSIZE, (0, 0))
        with home.start(
            "-n", "Hi", "--no-ledger", preexec_fn=lambda: resource.setrlimit(*no_room)
        ) as process:
            out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, b"Hello.\n")
    (line,) = err.decode().splitlines()
    assert line.startswith(f"cannot write {token_path(home)}: file too large; the new token serves")
    assert stored_token(home) == OLD


# ---- killed --------------------------------------------------------------------------------------


def test_a_kill_in_the_middle_of_a_refresh_leaves_the_old_token_and_no_lock(home: Home) -> None:
    with serving(ANSWER) as model, serving([30.0], plain(NEW)) as giver:
        configure_expired(home, model.address, f"{giver.address}/token")
        with home.start("Hi", stdin=subprocess.DEVNULL) as process:
            wait(lambda: bool(giver.asked))
            process.send_signal(signal.SIGKILL)
        assert stored_token(home) == OLD
        assert home.run("Hi").code == 0 and stored_token(home).access == "at-new"


def test_a_kill_at_any_moment_leaves_a_whole_file(home: Home) -> None:
    found: list[str] = []
    with serving(ANSWER) as model, serving([0.2, *plain(NEW)]) as giver:
        configure_expired(home, model.address, f"{giver.address}/token")
        for delay in (0.0, 0.2, 0.202, 0.204, 0.208, 0.8):
            save_token(token_path(home), OLD)
            with home.start("Hi", "--no-ledger", stdin=subprocess.DEVNULL) as process:
                wait(lambda: len(giver.asked) > len(found))
                time.sleep(delay)
                process.send_signal(signal.SIGKILL)
            found.append(json.loads(Path(token_path(home)).read_text())["access"])
    assert set(found) <= {"at-old", "at-new"}
    assert (found[0], found[-1]) == ("at-old", "at-new")


# ---- settings ------------------------------------------------------------------------------------

IDS = {"client_id": "mine"}


def test_settings_lie_over_the_profile_part_by_part() -> None:
    client = Client("c", "claude", {}, oauth={**IDS, "scopes": ["a"], "token_format": "form"})
    authority = oauth_client_of(client, auth_context({})).unwrap()
    assert authority.scopes == ("a",) and authority.token_format == "form"
    assert authority.token_url == PROFILES["claude"]["token_url"]


def test_a_client_id_may_be_a_name() -> None:
    client = Client("c", "claude", {}, oauth={"client_id": "{{ID}}"})
    assert oauth_client_of(client, auth_context({"ID": "mine"})).unwrap().client_id == "mine"
    context = auth_context({})
    assert "no environment variable ID" in oauth_client_of(client, context).failure().message


@pytest.mark.parametrize("kind", PROFILES)
def test_a_profile_is_whole_safe_and_without_an_id(kind: str) -> None:
    profile = PROFILES[kind]
    assert not {"client_id", "client_secret", "request_headers"} & set(profile)
    assert may_carry_secrets(profile["authorize_url"]) and may_carry_secrets(profile["token_url"])
    assert isinstance(oauth_client_of(Client("c", kind, {}, oauth=IDS), auth_context({})), Success)


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/t",
        "http://127.0.0.1.a.example/t",
        "http://127.0.0.1@a.example/t",
        "ftp://a.example/t",
        "https:///t",
        "http://[::1/t",
        "a.example/t",
    ],
)
def test_an_address_that_others_can_read_along_is_refused(url: str) -> None:
    client = Client("c", "claude", {}, oauth={**IDS, "token_url": url})
    problem = oauth_client_of(client, auth_context({})).failure()
    assert problem.kind == "config" and "is not https" in problem.message


def test_secrets_are_in_no_repr() -> None:
    client = Client("c", "claude", {}, oauth={**IDS, "client_secret": "s3cret-1"})
    assert "s3cret-1" not in repr(oauth_client_of(client, auth_context({})).unwrap())


def test_a_name_stays_in_its_folder() -> None:
    path = token_cache_file("../../a", {"LOKI_CACHE_DIR": "/c"})
    assert path == "/c/oauth/..%2F..%2Fa.json"
