"""What a call would fail with before anything is sent, in the words of the call: loki --check."""

from __future__ import annotations

import os

import pytest
from commands import Home

#: Settings of a client with which every call fails, and what is said of it.
HOPELESS: dict[str, tuple[str, str]] = {
    "an address without scheme": ("api_base: 127.0.0.1:1", "is not an http or https address"),
    "another scheme": ("api_base: ftp://x", "is not an http or https address"),
    "half an address": ("api_base: 'http://[::1'", "is not an http or https address"),
    "a port too high": ("api_base: http://a:99999", "is not an http or https address"),
    "a proxy of no kind": ("extra: {proxy: 'foo://x'}", "'foo://x' is no proxy"),
    "a proxy without host": ("extra: {proxy: 'http://:80'}", "is no proxy: it names no host"),
    "no bundle": ("extra: {ca_bundle: /nope}", "extra.ca_bundle: cannot use /nope"),
    "no certificate": ("extra: {client_cert: /nope}", "extra.client_cert: cannot use /nope"),
    "a bundle that is a pipe": ("extra: {ca_bundle: PIPE}", "PIPE: not a regular file"),
    "a key of no header": ("api_key: clé", "the key has a line break or a character outside"),
    "a header of no kind": (
        "patch: {chat_completions: {'.*': {headers: {'X Y': b}}}}",
        "'X Y' is not the name of a header",
    ),
    "an empty file of a key": ("api_key_file: /dev/null/x", "/dev/null/x"),
}


@pytest.mark.parametrize(("setting", "words"), HOPELESS.values(), ids=list(HOPELESS))
def test_check_says_what_a_call_says(home: Home, setting: str, words: str) -> None:
    pipe = home.folder / "pipe"
    os.mkfifo(pipe)
    given = {"api_base": "https://127.0.0.1:1", "api_key": "k"}
    name = setting.partition(":")[0]
    kept = [f"{key}: {value}" for key, value in given.items() if not name.startswith(key)]
    lines = "\n  ".join([setting.replace("PIPE", str(pipe)), *kept])
    path = home.configure(f"clients:\n- type: openai-compatible\n  name: c\n  {lines}\n")
    checked, called = home.call("--check", prog="loki"), home.call("-m", "c:m", "--retries=0", "hi")
    assert called.code in (77, 78), called.err
    message = called.err.partition(": ")[2].partition(": ")[2].strip()
    assert words.replace("PIPE", str(pipe)) in message
    if checked.code == 0:  # a file of a key that is not there
        assert "note: client 'c' has no key: " in checked.err and called.code == 77
    else:
        assert (checked.code, checked.out) == (78, "")
        assert checked.err == f"{path}:2:3: {message}\n"


def test_all_problems_of_a_client_are_said_at_once(home: Home) -> None:
    path = home.configure(
        "clients:\n- {type: openai, api_base: 'ftp://x', api_key: clé, extra: {ca_bundle: /nope, "
        "proxy: 'foo://x'}, patch: {chat_completions: {'.*': {headers: {'X Y': b}}}}}\n"
        "- {type: cohere, api_key: k, extra: {proxy: 'foo://x'}}\n"
    )
    home.environ["LOKI_USER_AGENT"] = "a\nb"
    done = home.call("--check", prog="loki")
    lines = done.err.splitlines()
    first = [line for line in lines if line.startswith(f"{path}:2:3: ")]
    all_words = ("'ftp://x/chat", "the key has", "extra.ca_bundle", "header User-Agent", "'X Y' is")
    for words in all_words:
        assert sum(words in line for line in first) == 1, done.err
    second = [line for line in lines if line.startswith(f"{path}:3:3: ")]
    assert done.code == 78 and len(first) == 5 and len(second) == 2 and len(lines) == 7
    assert any("'foo://x' is no proxy" in line for line in second)


def with_vault(home: Home) -> None:
    """Make a vault with a secret, and a client that needs it."""
    home.call("--add-secret", "MINE", stdin="sk-0123456789", prog="loki")
    home.configure(
        "clients:\n- {type: openai-compatible, name: c, api_base: 'http://127.0.0.1:1', "
        "api_key: '{{MINE}}'}\n"
    )


def test_the_vault_is_unlocked_where_its_password_is(home: Home) -> None:
    with_vault(home)
    done = home.call("--check", prog="loki")
    assert (done.code, done.err) == (0, "")
    (home.folder / "vault_password").write_text("another\n")
    done = home.call("--check", prog="loki")
    assert done.code == 78 and "/config.yaml:2:3: " in done.err and "password" in done.err
    called = home.call("-m", "c:m", "hi")
    assert called.code == 77 and called.err.partition("auth: ")[2] in done.err
    (home.folder / "vault_password").unlink()
    done = home.call("--check", prog="loki")
    assert done.code == 0 and "note: client 'c' has no key: the vault " in done.err
    assert f"its password file {home.folder}/vault_password is not there" in done.err
    (home.folder / "vault.yml").write_text("? [")
    done = home.call("--check", prog="loki")
    assert done.code == 78 and f"{home.folder}/vault.yml" in done.err


MISSING = {
    "name": ("api_key: '{{NOPEX}}'", "no key: no secret and no environment variable NOPEX"),
    "file": ("api_key_file: /nope", "no key: no file /nope"),
    "base": ("api_key: k, api_base: '{{NOPEX}}'", "no api_base: no secret and no environment"),
    "header": (
        "api_key: k, patch: {chat_completions: {'.*': {headers: {X-Team: 'a {{NOPEX}}'}}}}",
        "no value for header X-Team: no secret and no environment variable NOPEX",
    ),
}


@pytest.mark.parametrize(("setting", "words"), MISSING.values(), ids=list(MISSING))
def test_a_secret_that_is_nowhere_is_a_note_for_every_type(
    home: Home, setting: str, words: str
) -> None:
    base = "" if "api_base" in setting else ", api_base: 'http://127.0.0.1:1'"
    home.configure(f"clients:\n- {{type: openai-compatible, name: c{base}, {setting}}}\n")
    done = home.call("--check", prog="loki")
    assert done.code == 0 and done.err.startswith(f"note: client 'c' has {words}"), done.err
    assert done.err.count("\n") == 1
