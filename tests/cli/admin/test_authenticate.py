"""loki --authenticate, against a strict OAuth 2 server and against servers that misbehave."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from commands import BIN, Done, Home, with_environ
from oidc import Oidc, address_in, consented, free_port, needed, oidc, query
from servers import plain, serving
from terminals import Terminal

pytestmark = pytest.mark.xdist_group("oidc")  # one port is registered: 9999


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oidc]:
    """One server for all."""
    with oidc(tmp_path_factory.mktemp("oidc")) as running:
        yield running


def log_in(home: Home, answer: Callable[[str], str], *words: str) -> Done:
    """Log in; the answer to the address goes to standard input."""
    with home.start("--authenticate", *words, prog="loki") as process:
        address = address_in(process)
        out, err = process.communicate(
            f"{answer(address)}\n".encode(errors="surrogateescape"), timeout=60
        )
    return Done(process.returncode, out.decode(), err.decode())


def token_file(home: Home, name: str = "local") -> Path:
    """Where the tokens are."""
    return home.folder / "oauth" / f"{name}.json"


def with_state(address: str) -> str:
    """``code#state``, as some providers show it."""
    result = query(consented(address))
    return f"{result['code']}#{result['state']}"


PASTES: dict[str, Callable[[str], str]] = {
    "code#state": with_state,
    "a bare code": lambda address: query(consented(address))["code"],
    "the whole address": consented,
}


@needed
@pytest.mark.parametrize("form", PASTES)
def test_an_answer_is_pasted(home: Home, server: Oidc, form: str) -> None:
    home.local("http://127.0.0.1:9", client=server.settings())
    done = log_in(home, PASTES[form])
    assert (done.code, done.out) == (0, ""), done.err
    assert "logged in: client local, until 20" in done.err
    path = token_file(home)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    token = json.loads(path.read_text())
    assert 4 < token["expires"] - token["obtained"] < 6
    assert token["access"] not in done.err and token["refresh"] not in done.err


@needed
@pytest.mark.parametrize("redirect", ["http://127.0.0.1:9999/cb", "http://127.0.0.1/cb"])
def test_a_browser_on_this_machine_brings_the_answer_itself(
    home: Home, server: Oidc, redirect: str
) -> None:
    home.local("http://127.0.0.1:9", client=server.settings(redirect_uri=redirect))
    with home.start("--authenticate", "local", prog="loki") as process:
        address = address_in(process)
        end = consented(address)
        other = requests.get(end.partition("/cb")[0] + "/favicon.ico", timeout=10)
        page = requests.get(end, timeout=10)
        _, err = process.communicate(timeout=30)  # standard input never said anything
    assert other.status_code == 404 and page.status_code == 200 and "terminal" in page.text
    assert process.returncode == 0 and b"logged in" in err and token_file(home).exists()


@needed
def test_the_listener_stays_when_standard_input_ends(home: Home, server: Oidc) -> None:
    home.local("http://127.0.0.1:9", client=server.settings())
    with home.start("--authenticate", prog="loki", stdin=subprocess.DEVNULL) as process:
        requests.get(consented(address_in(process)), timeout=10)
        process.communicate(timeout=30)
    assert process.returncode == 0


@needed
def test_a_port_that_is_taken_leaves_pasting(home: Home, server: Oidc) -> None:
    with serving(plain({})) as taken:
        redirect = f"http://127.0.0.1:{taken.port}/cb"
        home.local("http://127.0.0.1:9", client=server.settings(redirect_uri=redirect))
        assert log_in(home, consented).code == 0


@needed
def test_a_code_works_once(home: Home, server: Oidc) -> None:
    home.local("http://127.0.0.1:9", client=server.settings())
    codes: list[str] = []

    def remembered(address: str) -> str:
        codes.append(query(consented(address))["code"])
        return codes[0]

    assert log_in(home, remembered).code == 0
    token_file(home).unlink()
    again = log_in(home, remembered)
    assert again.code == 77 and "the code is refused (invalid_grant" in again.err
    assert codes[0] not in again.err and not token_file(home).exists()


@needed
def test_the_proof_key_is_enforced_and_sent(home: Home, server: Oidc) -> None:
    home.local("http://127.0.0.1:9", client=server.settings())
    asked: list[str] = []

    def remembered(address: str) -> str:
        asked.append(address)
        return consented(address)

    assert log_in(home, remembered).code == 0
    assert query(asked[0])["code_challenge_method"] == "S256"
    assert 43 <= len(server.grants[-1]["code_verifier"]) <= 128
    assert server.tokens.asked[-1].headers["user-agent"].startswith("loki/")


def changed(address: str) -> str:
    """The answer to another login."""
    return consented(address).replace("state=", "state=x")


REFUSALS: dict[str, tuple[Callable[[str], str], str]] = {
    "another login's state": (changed, "wrong state"),
    "another login's state, short": (lambda address: "abc#def", "wrong state"),
    "no state": (lambda address: consented(address).partition("&state")[0], "wrong state"),
    "a consent denied": (lambda address: consented(address, deny=True), "denied: access_denied"),
    "a wrong code": (lambda address: "no-such-code", "the code is refused (invalid_grant"),
    "no code at all": (lambda address: "\udcff\u00e9", "there is no code"),
    "an address without a code": (
        lambda address: f"http://127.0.0.1:9999/cb?state={query(address)['state']}",
        "there is no code",
    ),
}


@needed
@pytest.mark.parametrize("case", REFUSALS)
def test_one_line_says_why_there_is_no_login(home: Home, server: Oidc, case: str) -> None:
    home.local("http://127.0.0.1:9", client=server.settings())
    answer, reason = REFUSALS[case]
    done = log_in(home, answer)
    assert done.code == 77 and not token_file(home).exists()
    (line,) = [line for line in done.err.splitlines() if line]
    assert line.startswith("loki: auth: ") and reason in line


@needed
def test_a_denied_consent_in_the_browser_is_told(home: Home, server: Oidc) -> None:
    home.local("http://127.0.0.1:9", client=server.settings())
    with home.start("--authenticate", prog="loki") as process:
        requests.get(consented(address_in(process), deny=True), timeout=10)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 77 and b"denied: access_denied" in err


@needed
def test_another_page_that_asks_a_hundred_times_does_not_end_a_login(
    home: Home, server: Oidc
) -> None:
    home.local("http://127.0.0.1:9", client=server.settings())
    with home.start("--authenticate", prog="loki", stdin=subprocess.PIPE) as process:
        address = address_in(process)
        ends = ("?x=1", "?code=a", "?code=a&state=b", "?error=access_denied&state=")
        for i in range(100):
            headers = {"Origin": "https://elsewhere.example"}
            asked = requests.get(
                f"http://127.0.0.1:9999/cb{ends[i % 4]}", headers=headers, timeout=10
            )
            assert asked.status_code == 400
        assert requests.get(consented(address), timeout=10).status_code == 200
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0 and b"logged in" in err and token_file(home).exists()


# ---- without a real server -----------------------------------------------------------------------


def made_up(token_url: str, **more: Any) -> str:
    """Settings of a client whose token endpoint is elsewhere."""
    result = {
        "client_id": "me",
        "authorize_url": "https://auth.example/go?tenant=a",
        "token_url": token_url,
        "redirect_uri": f"http://127.0.0.1:{free_port()}/cb",
        **more,
    }
    return "auth: oauth\noauth:\n" + "".join(
        f"  {key}: {message}\n" for key, message in result.items()
    )


GOOD = {"access_token": "at-12345", "refresh_token": "rt-12345", "expires_in": 3600}

ANSWERS: dict[str, tuple[Any, int, str]] = {
    "500": (plain({"error": "server_error"}, 500), 69, "answered 500"),
    "a page": (plain(b"<html>maintenance</html>"), 76, "answered 200 with something that is no"),
    "a page that forbids": (plain(b"<html>no</html>", 403), 77, "status 403"),
    "a page that is not there": (plain(b"<html>no</html>", 404), 76, "answered 404"),
    "a redirect": (plain(b"", 302, "location: https://elsewhere.example\r\n"), 76, "answered 302"),
    "nothing": (None, 69, "no token from http://127.0.0.1"),
    "no token": (plain({"token": 1}), 76, "answered 200"),
    "a list": (plain([1]), 76, "answered 200"),
    "a token that is a number": (plain({"access_token": 1}), 76, "answered 200"),
    "a token that is empty": (plain({"access_token": ""}), 76, "answered 200"),
    "a refusal with 200": (plain({"error": "bad_verification_code"}), 77, "bad_verification_code"),
    "not our client": (plain({"error": "invalid_client"}, 401), 77, "invalid_client"),
    "a provider's own way": (plain({"error": {"message": "Not so."}}, 400), 77, "Not so."),
    "too many": (plain({"error": "slow_down"}, 429), 75, "slow_down"),
    "the code, told back": (plain({"error": "no", "error_description": "c0de"}, 400), 77, "***"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_a_token_endpoint_that_gives_none_is_one_line(home: Home, case: str) -> None:
    script, code, reason = ANSWERS[case]
    with serving(script) as server:
        home.local("http://127.0.0.1:9", client=made_up(f"{server.address}/token"))
        done = log_in(home, lambda address: "c0de")
        assert len(server.asked) == 1
    assert done.code == code and reason in done.err and not token_file(home).exists()
    assert len([line for line in done.err.splitlines() if line]) == 1 and "c0de" not in done.err


def test_a_token_request_is_what_the_configuration_says(home: Home) -> None:
    with serving(plain(GOOD)) as server:
        more = {
            "scopes": "[a, b]",
            "client_secret": "'{{MINE}}'",
            "token_format": "json",
            "authorize_params": "{audience: api}",
            "request_headers": "{X-Team: '{{TEAM}}', X-None: null}",
        }
        home.local("http://127.0.0.1:9", client=made_up(f"{server.address}/token", **more))
        home.environ |= {"MINE": "s3cret-1", "TEAM": "blue"}
        asked: list[str] = []

        def remembered(address: str) -> str:
            asked.append(address)
            return f"c0de#{query(address)['state']}"

        done = log_in(home, remembered)
    assert done.code == 0 and "s3cret-1" not in done.err
    result = query(asked[0])
    assert {"tenant": "a", "audience": "api", "scope": "a b"}.items() <= result.items()
    (request,) = server.asked
    redirect = result["redirect_uri"]
    body = request.json
    assert len(body.pop("code_verifier")) >= 43
    assert body == {
        "grant_type": "authorization_code",
        "code": "c0de",
        "client_id": "me",
        "client_secret": "s3cret-1",
        "redirect_uri": redirect,
        "state": result["state"],
    }
    assert request.headers["x-team"] == "blue" and "x-none" not in request.headers
    assert request.headers["user-agent"].startswith("loki/")
    assert request.headers["content-type"] == "application/json"


SECRETS = {
    "a literal": ({"client_secret": "s3cret-1"}, {}),
    "a command": ({"client_secret_cmd": "echo s3cret-1"}, {}),
    "a variable": ({}, {"LOCAL_OAUTH_CLIENT_SECRET": "s3cret-1"}),
}


@pytest.mark.parametrize("case", SECRETS)
def test_a_client_secret_comes_from_where_it_is(home: Home, case: str) -> None:
    message, variables = SECRETS[case]
    with serving(plain(GOOD)) as server:
        home.local("http://127.0.0.1:9", client=made_up(f"{server.address}/token", **message))
        assert log_in(with_environ(home, variables), lambda address: "c0de").code == 0
    assert b"client_secret=s3cret-1" in server.asked[0].body


def test_a_token_request_takes_no_password_from_netrc_and_goes_through_the_proxy(
    home: Home,
) -> None:
    (home.folder / ".netrc").write_text("default login me password hunter2\n")
    with serving(plain(GOOD)) as proxy:
        client = made_up("http://localhost:9/token") + f"extra:\n  proxy: {proxy.address}\n"
        home.local("http://127.0.0.1:9", client=client)
        assert log_in(home, lambda address: "c0de").code == 0
    (request,) = proxy.asked
    assert request.line.startswith("POST http://localhost:9/token ")
    assert "authorization" not in request.headers


def test_a_login_that_cannot_be_kept_is_no_login(home: Home) -> None:
    (home.folder / "oauth").write_text("a file, no folder")
    with serving(plain(GOOD)) as server:
        home.local("http://127.0.0.1:9", client=made_up(f"{server.address}/token"))
        done = log_in(home, lambda address: "c0de")
    assert done.code == 78 and "cannot write" in done.err


# ---- which client, which settings ---------------------------------------------------------------

CLIENTS = """\
clients:
  - {type: openai, api_key: k}
  - {type: claude, auth: oauth}
"""
URLS = "authorize_url: https://a.example/a, token_url: https://a.example/t"
OTHER = f"  - {{type: openai-compatible, name: other, auth: oauth, oauth: {{{URLS}}}}}\n"

MISTAKES: dict[str, tuple[str, list[str], int, str]] = {
    "none logs in": ("clients: [{type: openai}]\n", [], 78, "no client has `auth: oauth`"),
    "which of two": (CLIENTS + OTHER, [], 64, "(claude, other)"),
    "an unknown one": (CLIENTS, ["cloude"], 78, "no client named 'cloude'; did you mean 'claude'?"),
    "one with a key": (CLIENTS, ["openai"], 78, "client 'openai' has no login"),
    "no client id": (CLIENTS, [], 78, "CLAUDE_OAUTH_CLIENT_ID"),
    "no address": (
        "clients: [{type: openai, auth: oauth, oauth: {client_id: a}}]\n",
        [],
        78,
        "has no authorize_url to log in with: set oauth.authorize_url or OPENAI_OAUTH_AUTHORIZE",
    ),
    "no TLS": (
        "clients: [{type: claude, auth: oauth, oauth: "
        "{client_id: a, token_url: 'http://a.example/t'}}]\n",
        [],
        78,
        "oauth.token_url: 'http://a.example/t' is not https",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_before_anybody_opens_a_browser(home: Home, case: str) -> None:
    config, words, code, reason = MISTAKES[case]
    home.configure(config)
    done = home.run("--authenticate", *words, prog="loki")
    assert done.code == code and reason in done.err and "https://claude" not in done.err


def test_built_in_profiles_need_a_client_id_and_nothing_else(home: Home) -> None:
    home.configure("clients: [{type: claude, auth: oauth}, {type: gemini, auth: oauth}]\n")
    home.environ |= {"CLAUDE_OAUTH_CLIENT_ID": "mine-c", "GEMINI_OAUTH_CLIENT_ID": "mine-g"}
    claude = home.run("--authenticate", "claude", stdin="x#y", prog="loki").err
    assert "https://claude.ai/oauth/authorize?" in claude and "client_id=mine-c&" in claude
    assert "scope=org%3Acreate_api_key+user%3Aprofile+user%3Ainference" in claude
    gemini = home.run("--authenticate", "gemini", stdin="x#y", prog="loki").err
    assert "https://accounts.google.com/o/oauth2/v2/auth?" in gemini
    assert "client_id=mine-g&redirect_uri=http%3A%2F%2F127.0.0.1%3A" in gemini
    assert "access_type=offline" in gemini and "prompt=consent" in gemini


# ---- the person at the terminal ------------------------------------------------------------------


def test_waiting_ends(home: Home) -> None:
    home.local("http://127.0.0.1:9", client=made_up("http://127.0.0.1:9/token"))
    with home.start("--authenticate", "--timeout", "0.3", prog="loki") as process:
        process.wait(timeout=30)
        assert process.stderr is not None and b"within 0.3 s" in process.stderr.read()
    assert process.returncode == 77


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_waiting_is_left_at_once(home: Home, number: signal.Signals, code: int) -> None:
    home.local("http://127.0.0.1:9", client=made_up("http://127.0.0.1:9/token"))
    with home.start("--authenticate", prog="loki") as process:
        address_in(process)
        process.send_signal(number)
        assert process.wait(timeout=30) == code
        assert process.stderr is not None and b"Traceback" not in process.stderr.read()


def test_nothing_on_standard_input_is_no_code(home: Home) -> None:
    message = {"redirect_uri": "https://a.example/cb"}
    home.local("http://127.0.0.1:9", client=made_up("http://127.0.0.1:9/token", **message))
    done = home.run("--authenticate", prog="loki")
    assert done.code == 77 and "no code was given" in done.err


def at_terminal(home: Home, *lines: tuple[str, str], **environ: str) -> tuple[int, str]:
    """A login by a person who answers at a terminal, also some questions before; what stood there.

    Each question is its last words, and the line that answers it.
    """
    variables = {name: value for name, value in home.variables().items() if "SSH" not in name}
    terminal = Terminal([str(BIN / "loki"), "--authenticate"], {**variables, **environ})
    try:
        for words, line in (*lines, ("ends at: ", "c0de\n")):
            assert words in terminal.read_until(words), terminal.shown
            terminal.type(line)
        shown = terminal.read(lambda shown: False)
        return terminal.wait(), shown
    finally:
        terminal.close()


@pytest.mark.parametrize("ssh, opened", [({}, True), ({"SSH_CONNECTION": "a"}, False)])
def test_a_browser_is_opened_where_there_is_one(
    home: Home, ssh: dict[str, str], opened: bool
) -> None:
    mark = home.folder / "opened"
    browser = home.folder / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {mark}\n')
    browser.chmod(0o755)
    with serving(plain(GOOD)) as server:
        home.local("http://127.0.0.1:9", client=made_up(f"{server.address}/token"))
        code, shown = at_terminal(home, DISPLAY=":0", BROWSER=f"{browser} %s", **ssh)
    assert code == 0 and "logged in: client local, until" in shown
    assert mark.exists() == opened
    if opened:
        assert mark.read_text() in shown


def test_a_client_id_that_is_missing_is_asked_for_once_and_kept(home: Home) -> None:
    with serving(plain(GOOD)) as server:
        client = made_up(f"{server.address}/token").replace("  client_id: me\n", "")
        home.local("http://127.0.0.1:9", client=client)
        answers = (("Client id: ", "typed-id\n"), ("there is none): ", "typed-s3cret\n"))
        code, shown = at_terminal(home, *answers)
        again, shown_again = at_terminal(home)
    assert (code, again) == (0, 0), shown + shown_again
    assert "Client local has no OAuth client id" in shown and "One is had from " in shown
    assert "client_id=typed-id" in shown and "typed-s3cret" not in shown
    assert "Client id: " not in shown_again and "client_id=typed-id" in shown_again
    assert all(b"client_secret=typed-s3cret" in asked.body for asked in server.asked)
    kept = home.folder / "oauth" / "registered" / "local.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_in_a_pipe_a_missing_client_id_is_an_error_with_the_line_to_write(home: Home) -> None:
    home.configure("clients: [{type: gemini, auth: oauth}]\n")
    done = home.run("--authenticate", prog="loki")
    assert done.code == 78 and "https://console.cloud.google.com/apis/credentials" in done.err
    assert "write `oauth: {client_id: ID}` at the client, or set GEMINI_OAUTH" in done.err
