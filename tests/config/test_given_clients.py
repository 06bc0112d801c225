"""LOKI_CLIENTS: clients of a variable, as those of a file."""

from __future__ import annotations

import json

import pytest
from commands import Home
from servers import ANSWER, serving

KEY = "sk-0123456789"


def given(address: str, **more: object) -> str:
    """Return a list with one client."""
    client = {"type": "openai-compatible", "name": "var", "api_base": address, "api_key": KEY}
    return json.dumps([{**client, "models": [{"name": "m"}], **more}], indent=1)


@pytest.mark.parametrize("file", [None, "model: var:m\nclients:\n- {type: openai}\n"])
def test_the_clients_of_the_variable_are_asked(home: Home, file: str | None) -> None:
    if file:
        home.configure(file)
    with serving(ANSWER) as server:
        home.environ["LOKI_CLIENTS"] = given(server.address)
        done = home.call("Hi")
        shown = home.call("--dry-run", "--explain", "Hi")
        checked = home.call("--check", prog="loki")
    assert (done.code, done.out) == (0, "Hello.\n"), done.err
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert "LOKI_CLIENTS[0].api_key" in shown.err and KEY not in shown.out + shown.err
    assert (checked.code, checked.err) == (0, "") and "1 client, nothing wrong" in checked.out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "LOKI_CLIENTS: expected a JSON list of clients"),
        ("no JSON", "LOKI_CLIENTS: expected a JSON list of clients"),
        ('[{"type": "openai", "api_kye": "k"}]', "LOKI_CLIENTS: unknown key 'api_kye'"),
        ("[" * 5000, "LOKI_CLIENTS: "),
    ],
)
def test_what_is_no_list_of_clients_is_an_error(home: Home, text: str, words: str) -> None:
    home.environ["LOKI_CLIENTS"] = text
    for prog, flag in (("loki-pipe", "Hi"), ("loki", "--check")):
        done = home.call(flag, prog=prog)
        assert (done.code, done.out) == (78, "") and f"{prog}: config: {words}" in done.err


def test_check_says_what_a_call_of_such_a_client_would(home: Home) -> None:
    home.environ["LOKI_CLIENTS"] = given("ftp://x")
    done = home.call("--check", prog="loki")
    assert done.code == 78 and done.err.startswith("LOKI_CLIENTS:1:1: client 'var': 'ftp://x/chat")
