"""--dry-run and --explain: what would be sent, and why, without a secret and without sending."""

from __future__ import annotations

import json
import shlex

import pytest
from commands import Done, Home
from servers import plain, serving

BASE = "http://127.0.0.1:9/v1"  # nobody listens: a dry run asks nobody


def dry_run(home: Home, *words: str, client: str = "") -> Done:
    """Run one prompt dry."""
    home.local(BASE, client=client)
    return home.run("Hi", *words, "--no-ledger")


def test_a_dry_run_of_a_client_without_a_key_shows_no_authorization(home: Home) -> None:
    result = dry_run(home, "--dry-run").json
    assert result["url"] == f"{BASE}/chat/completions"
    assert "authorization" not in {name.lower() for name in result["headers"]}


def test_a_dry_run_of_a_client_with_a_key_hides_it(home: Home) -> None:
    done = dry_run(home, "--dry-run", client="api_key: sk-very-secret")
    assert done.json["headers"]["Authorization"] == "Bearer ***"
    assert "very-secret" not in done.out + done.err


def test_a_dry_run_as_curl_is_a_command_with_the_same_request(home: Home) -> None:
    as_json = dry_run(home, "--dry-run=json").json
    command, _, document = dry_run(home, "--dry-run=curl").out.partition(" <<'END'\n")
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:2] == ["curl", as_json["url"]]
    headers = [words[at + 1] for at, word in enumerate(words) if word == "-H"]
    assert headers == [f"{name}: {value}" for name, value in as_json["headers"].items()]
    assert json.loads(document.removesuffix("\nEND\n")) == as_json["body"]
    assert words[-2:] == ["--data", "@-"]


def test_a_default_that_a_model_does_not_take_is_explained_and_not_sent(home: Home) -> None:
    home.local(BASE, model="supports_sampling_params: false")
    path = home.folder / "config.yaml"
    path.write_text("temperature: 0.5\n" + path.read_text())
    done = home.run("Hi", "--dry-run", "--explain", "--no-ledger")
    assert "temperature" not in done.json["body"]
    assert "temperature   not sent: local:m takes none (" in done.err


def test_a_secret_that_a_patch_put_into_the_body_is_hidden(home: Home) -> None:
    words = ["--patch", '{"body": {"session": {"api_key": "sk-very-secret"}, "user": "me"}}']
    result = dry_run(home, "--dry-run", *words).json
    assert result["body"]["session"] == {"api_key": "***"} and result["body"]["user"] == "me"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "model         local:m (the only client;"),
        (["-m", "local:m"], "model         local:m (from the command line;"),
        (["-t", "0.5"], "temperature   0.5 (command line)"),
        ([], f"api_base      {BASE} (config.yaml"),
        ([], "limits        connect 10, idle 300, total 600, retries 3, max_wait 60"),
        (["--reasoning", "low"], "reasoning     low (command line)"),
        (
            ["--reasoning", "max"],
            "reasoning     high (nearest to max of command line: the model has low, medium, high)",
        ),
        (["--timeout", "7"], "limits        connect 10, idle 300, total 7,"),
    ],
)
def test_explain_says_what_came_from_where(home: Home, words: list[str], line: str) -> None:
    done = dry_run(home, "--dry-run", "--explain", *words)
    assert done.code == 0
    shown = done.err.replace(str(home.folder) + "/", "")
    assert line in shown, shown


@pytest.mark.parametrize("form", ["json", "curl"])
@pytest.mark.parametrize("name", ["password", "session.token", "a.api_key", "client_secret"])
def test_a_number_under_a_secret_name_is_shown_nowhere(home: Home, name: str, form: str) -> None:
    words = ["--param", f"{name}=12345678", "--param", "max_tokens=4321"]
    done = dry_run(home, f"--dry-run={form}", "--explain", *words)
    assert done.code == 0 and "12345678" not in done.out + done.err
    assert "***" in done.out and "4321" in done.out


def test_a_number_under_a_secret_name_is_in_no_error(home: Home) -> None:
    answer = {"error": {"message": "bad password 12345678 of max_tokens 4321"}}
    with serving(plain(answer, 400)) as server:
        home.local(server.address)
        done = home.call("--param", "password=12345678", "--param", "max_tokens=4321", "Hi")
    assert server.asked[0].json["password"] == 12345678
    assert done.code == 65 and "bad password *** of max_tokens 4321" in done.err


@pytest.mark.parametrize(
    ("model", "note"),
    [
        ("openai:gpt-4.l", "openai:gpt-4.l is not in the catalogue; did you mean 'gpt-4.1'"),
        ("openai:gpt-4.1", ""),
        ("openai:zzzzzz", ""),
    ],
)
def test_a_dry_run_names_the_models_that_are_spelt_almost_like_an_unknown_one(
    home: Home, model: str, note: str
) -> None:
    home.configure("clients: [{type: openai}]")
    done = home.call("-m", model, "--dry-run", "Hi")
    assert done.code == 0 and '"model"' in done.out
    assert note in done.err and ("not in the catalogue" in done.err) is bool(note)
