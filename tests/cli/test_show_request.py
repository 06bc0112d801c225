"""A request as it is shown: a key that is configured is hidden wherever it stands."""

from __future__ import annotations

import json

import pytest
from commands import Done, Home


def dry_run(home: Home, *words: str, client: str) -> Done:
    """Run one prompt dry; nobody listens."""
    home.local("http://127.0.0.1:9/v1", client=client)
    return home.call("Hi", *words, "--no-ledger")


KEY = "sk-very-secret-0123"

ELSEWHERE: dict[str, tuple[str, list[str]]] = {
    "header": ("", ["--patch", json.dumps({"headers": {"x-same": f"a {KEY}"}})]),
    "parameter": ("", ["--param", f"user={KEY}"]),
    "key of the body": ("", ["--patch", json.dumps({"body": {KEY: {"a": [KEY, f"b{KEY}"]}}})]),
    "address": ("", ["--patch", json.dumps({"url": f"http://h.example/{KEY}/v1?x={KEY}"})]),
    "no address": ("", ["--patch", json.dumps({"url": f"htp:/{KEY}/v1"})]),
    "prompt": ("", [f"My key is {KEY}"]),
    "name of the model": ("", ["-m", f"local:{KEY}"]),
    "patch of the configuration": (
        f"patch: {{chat_completions: {{'.*': {{headers: {{x-same: {KEY}}}}}}}}}",
        [],
    ),
}


@pytest.mark.parametrize("form", ["json", "curl"])
@pytest.mark.parametrize("key", [KEY, "'{{FOO}}'"], ids=["literal", "variable"])
@pytest.mark.parametrize(("client", "words"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_configured_key_is_hidden_wherever_else_it_stands(
    home: Home, client: str, words: list[str], key: str, form: str
) -> None:
    named = Home(home.folder, {"FOO": KEY})
    done = dry_run(
        named, f"--dry-run={form}", "--explain", *words, client=f"api_key: {key}\n{client}"
    )
    assert KEY not in done.out + done.err and "***" in done.out + done.err
    assert done.code == 0 or done.code == 78


def test_a_number_that_is_a_key_leaves_a_dry_run_what_it_is(home: Home) -> None:
    words = ["--dry-run", "--param", "user=12345678"]
    assert dry_run(home, *words, client="api_key: '12345678'").json["body"]["user"] == "***"


#: A client, flags, and the header that hides a secret of another.
OTHERS: dict[str, tuple[str, list[str], str]] = {
    "a patch": ("api_key: k1", ["--patch", '{"headers": {"X-Api-Key": "other1"}}'], "X-Api-Key"),
    "the key's own header": (
        "api_key: k1",
        ["--patch", '{"headers": {"authorization": "Bearer other1"}}'],
        "Authorization",
    ),
    "a cookie of the client": (
        "api_key: k1\npatch: {chat_completions: {'.*': {headers: {Cookie: a=other1}}}}",
        [],
        "Cookie",
    ),
    "a reference": (
        "api_key: k1\npatch: {chat_completions: {'.*': {headers: {X-Team: '{{TEAM}}'}}}}",
        [],
        "X-Team",
    ),
}


@pytest.mark.parametrize(("client", "words", "header"), OTHERS.values(), ids=OTHERS)
def test_curl_puts_the_key_only_where_the_key_was(
    home: Home, client: str, words: list[str], header: str
) -> None:
    done = dry_run(home, "--dry-run=curl", *words, client=client)
    lines = done.out.splitlines()
    assert lines[0] == "# *** stands for a secret that is not shown: write it there"
    hidden = [line for line in lines[1:] if "***" in line]
    assert len(hidden) == 1 and hidden[0].lower().startswith(f"  -h '{header.lower()}: ")
    keyed = [line for line in lines if "$LOCAL_API_KEY" in line]
    assert len(keyed) == (header != "Authorization") and "other1" not in done.out


def test_curl_without_other_secrets_needs_no_comment(home: Home) -> None:
    done = dry_run(home, "--dry-run=curl", client="api_key: k1")
    assert done.out.startswith("curl ") and '"Authorization: Bearer $LOCAL_API_KEY"' in done.out
