"""No secret is ever shown: every way to give one, and every place that shows anything."""

from __future__ import annotations

import base64
import html
import io
import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote
from zlib import crc32

import pytest
from commands import Home, indent
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from embedding import answer as vectors
from fake_batches import ERRORS, Provider
from requests.adapters import HTTPAdapter
from returns.result import Success
from servers import CLOSE, DONE, Asked, Script, plain, reply, serving, streamed
from support import auth_context

from loki import Ask, Message, answer, open_env, prepare
from loki.cli.main import run_guarded
from loki.edge.auth import vault
from loki.pipeline import Env
from loki.providers.compatible import KNOWN
from loki.wire.bedrock.sigv4 import sign

NOBODY = "http://127.0.0.1:9"


def mark(name: str) -> str:
    """Return a secret that appears nowhere else."""
    return f"mArK-{name}-{crc32(name.encode()):08x}-kRaM"


def has_bearer(secret: str) -> Callable[[Asked], bool]:
    """Return a check that a request carried a bearer token."""
    return lambda asked: asked.headers.get("authorization") == f"Bearer {secret}"


def basic(user: str, secret: str) -> str:
    """Return user and password as basic authentication sends them."""
    return base64.b64encode(f"{user}:{secret}".encode()).decode()


@dataclass(frozen=True)
class Way:
    """One way to give a secret: lines of the client, and where the secret is to arrive."""

    lines: str
    secrets: tuple[str, ...]
    carried: Callable[[Asked], bool] | None  # None: it is for the address only
    environ: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)  # by their path below the home
    type: str = "openai-compatible"
    base: str = "ADDRESS"
    model: str = "local:m"
    fetched: Callable[[Asked], bool] | None = None  # the same for a token request


def one(
    name: str,
    lines: str,
    carried: Callable[[Asked], bool] | None = None,
    also: tuple[str, ...] = (),
    **more: Any,
) -> Way:
    """Return a way to give one secret, which arrives as a bearer token by default."""
    secret = mark(name)
    result = {
        key: {name: text.replace("SECRET", secret) for name, text in value.items()}
        for key, value in more.items()
        if key in ("environ", "files")
    }
    return Way(
        lines=lines.replace("SECRET", secret),
        secrets=(secret, *also),
        carried=carried or has_bearer(secret),
        **{**more, **result},
    )


# ---- the ways ------------------------------------------------------------------------------------


def signed(asked: Asked) -> bool:
    """Return whether a request was signed with the marked keys."""
    keys = {
        "access_key_id": mark("key-id"),
        "secret_access_key": mark("secret-key"),
        "session_token": mark("session"),
        "region": "eu-west-1",
    }
    result = {n: asked.headers[n] for n in ("content-type", "user-agent")}
    then = datetime.strptime(asked.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    url = f"http://{asked.headers['host']}{asked.line.split()[1]}"
    made = sign("POST", url, result, asked.body, keys, then.timestamp())
    return made["Authorization"] == asked.headers["authorization"]


PRIVATE = (
    rsa.generate_private_key(65537, 2048)
    .private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    .decode()
)
ACCOUNT = {
    "type": "service_account",
    "private_key": PRIVATE,
    "client_email": "a@b.example",
    "token_uri": "ADDRESS/token",
}
OLD_LOGIN = {"access": mark("old"), "refresh": mark("refresh"), "obtained": 0, "expires": 1}


def logged_in(asked: Asked) -> bool:
    """Return whether a token request had the secret and the old token."""
    form = {name: value for name, (value,) in parse_qs(asked.body.decode()).items()}
    return (form.get("client_secret"), form.get("refresh_token")) == (
        mark("client-secret"),
        mark("refresh"),
    )


PASSWORD = mark("password")


def vault_files(name: str, secret: str, password: str) -> dict[str, str]:
    """Return the files of a vault with one secret, by name."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {"LOKI_CONFIG_DIR": folder}
        vault.add(name, secret, auth_context(environ), lambda path: Success(password)).unwrap()
        return {each.name: each.read_text() for each in Path(folder).iterdir() if each.is_file()}


WAYS: dict[str, Way] = {
    "a literal key": one("literal", "api_key: SECRET"),
    "an odd key": one("odd", "api_key: 'SECRET\"\\/ <&> %41'", lambda a: mark("odd") in str(a)),
    "a key with both quotes": one(
        "quotes",
        "api_key: '\"''SECRET''\"'",
        lambda asked: asked.headers.get("authorization") == f"Bearer \"'{mark('quotes')}'\"",
    ),
    "the client's variable": one("variable", "", environ={"LOCAL_API_KEY": "SECRET"}),
    "a name": one("name", "api_key: '{{NAMED}}'", environ={"NAMED": "SECRET"}),
    "a name in .env": one("dotenv", "api_key: '{{NAMED}}'", files={".env": "NAMED=SECRET\n"}),
    "the vault": one(
        "vault",
        "api_key: '{{NAMED}}'",
        files=vault_files("NAMED", mark("vault"), mark("vault-password")),
        also=(mark("vault-password"),),
    ),
    "a command": one("command", "api_key_cmd: cat HIDDEN/key", files={"hidden/key": "SECRET\n"}),
    "a file": one("file", "api_key_file: HIDDEN/key", files={"hidden/key": "SECRET\n"}),
    "a token": one("token", "access_token: SECRET"),
    "keys to sign with": Way(
        f"region: eu-west-1\naccess_key_id: {mark('key-id')}\n"
        f"secret_access_key: {mark('secret-key')}\nsession_token: {mark('session')}",
        (mark("key-id"), mark("secret-key"), mark("session")),
        signed,
        type="bedrock",
    ),
    "a profile's keys": Way(
        "region: eu-west-1\nprofile: dev",
        (mark("key-id"), mark("secret-key"), mark("session")),
        signed,
        type="bedrock",
        files={
            ".aws/credentials": f"[dev]\naws_access_key_id = {mark('key-id')}\n"
            f"aws_secret_access_key = {mark('secret-key')}\naws_session_token = {mark('session')}\n"
        },
    ),
    "a service account": Way(
        "project_id: p\nadc_file: HIDDEN/adc.json",
        (mark("granted"), *PRIVATE.splitlines()[1:-1]),
        has_bearer(mark("granted")),
        type="vertexai",
        model="local:m",
        files={"hidden/adc.json": json.dumps(ACCOUNT)},
        fetched=lambda asked: b"assertion=" in asked.body,
    ),
    "a login": Way(
        "auth: oauth\noauth:\n  client_id: id\n  token_url: ADDRESS/token\n"
        f"  authorize_url: ADDRESS/authorize\n  client_secret: {mark('client-secret')}",
        (mark("client-secret"), mark("old"), mark("refresh"), mark("granted")),
        has_bearer(mark("granted")),
        files={"oauth/local.json": json.dumps(OLD_LOGIN)},
        fetched=logged_in,
    ),
    "a header along with a login": Way(
        "auth: oauth\noauth:\n  client_id: id\n  token_url: ADDRESS/token\n"
        f"  authorize_url: ADDRESS/authorize\n  request_headers:\n    X-Team: {mark('along')}",
        (mark("along"), mark("old"), mark("refresh"), mark("granted")),
        lambda asked: asked.headers.get("x-team") == mark("along"),
        files={"oauth/local.json": json.dumps(OLD_LOGIN)},
    ),
    "a proxy's password": Way(
        f"extra:\n  proxy: http://user:{PASSWORD}@HOST",
        (PASSWORD, basic("user", PASSWORD)),
        lambda asked: (
            asked.headers.get("proxy-authorization") == f"Basic {basic('user', PASSWORD)}"
        ),
        base="http://api.example/v1",
    ),
    "the password of everyone's proxy": Way(
        "api_key: sk-plain",
        (PASSWORD, basic("user", PASSWORD)),
        lambda asked: (
            asked.headers.get("proxy-authorization") == f"Basic {basic('user', PASSWORD)}"
        ),
        environ={"http_proxy": f"http://user:{PASSWORD}@HOST"},
        base="http://api.example/v1",
    ),
    "an address with a password": Way(
        "api_key: sk-plain", (mark("in-base"),), None, base=f"http://user:{mark('in-base')}@HOST"
    ),
    "an address by name": Way(
        "api_key: sk-plain",
        (mark("path"),),
        lambda asked: mark("path") in asked.line,
        environ={"BASE": f"ADDRESS/{mark('path')}"},
        base="'{{BASE}}'",
    ),
    "a header": one(
        "header",
        "patch:\n  chat_completions:\n    '.*':\n      headers:\n        X-Team-Token: SECRET",
        lambda asked: asked.headers.get("x-team-token") == mark("header"),
    ),
    "a name in a header": one(
        "named-header",
        "patch:\n  chat_completions:\n    '.*':\n      headers:\n        X-Team: 'a {{TEAM}}'",
        lambda asked: asked.headers.get("x-team") == f"a {mark('named-header')}",
        environ={"TEAM": "SECRET"},
    ),
    "a query": one(
        "query",
        "patch:\n  chat_completions:\n    '.*':\n      url: ADDRESS/chat?key=SECRET&alt=sse",
        lambda asked: f"key={mark('query')}&" in asked.line,
    ),
    "a body": one(
        "body",
        "patch:\n  chat_completions:\n    '.*':\n      body:\n        auth_token: SECRET",
        lambda asked: asked.json.get("auth_token") == mark("body"),
    ),
    "a list in a body": one(
        "list",
        "patch:\n  chat_completions:\n    '.*':\n      body:\n        api_keys: [SECRET]",
        lambda asked: asked.json.get("api_keys") == [mark("list")],
    ),
    "a tool's server": one(
        "mcp",
        "patch:\n  chat_completions:\n    '.*':\n      body:\n        mcp_servers:\n"
        "          - url: https://a.example\n            authorization_token: SECRET",
        lambda asked: asked.json["mcp_servers"][0]["authorization_token"] == mark("mcp"),
    ),
    "a header of a tool's server": one(
        "tool-header",
        "patch:\n  chat_completions:\n    '.*':\n      body:\n        tools:\n"
        "          - type: mcp\n            headers:\n              Authorization: Bearer SECRET",
        lambda asked: asked.json["tools"][0]["headers"]["Authorization"].endswith("-kRaM"),
    ),
    "--patch": one(
        "flag",
        "",
        lambda asked: asked.headers.get("cookie") == mark("flag"),
        environ={"LOKI_PATCH_LOCAL_CHAT_COMPLETIONS": '{".*":{"headers":{"Cookie":"SECRET"}}}'},
    ),
}


# ---- the places ----------------------------------------------------------------------------------


def echo(asked: Asked) -> str:
    """Return everything that a server received of a request."""
    return f"{asked.line} {json.dumps(asked.headers)} {asked.body.decode()}"


def refusal(asked: Asked) -> Script:
    """Return a refusal that repeats the secret everywhere."""
    proof = asked.headers.get("authorization", "x").removeprefix("Bearer ").replace("\n", "")
    message = {"error": {"message": f"Incorrect API key: {echo(asked)}", "code": proof}}
    return plain(message, 401, headers=f"x-request-id: {proof}\r\n")


def in_stream(asked: Asked) -> Script:
    """Return a stream that ends with an error."""
    frame = b"data: " + json.dumps({"error": {"message": echo(asked), "code": "odd"}}).encode()
    return streamed(frame + b"\n\n", DONE)


def finished(asked: Asked) -> Script:
    """Return an answer whose finish reason repeats the request."""
    return plain(reply(finish=echo(asked)))


def repeated(asked: Asked) -> Script:
    """Return an answer that repeats the request where nobody looks."""
    return plain({**reply(), "echo": echo(asked)})


def labelled(asked: Asked) -> Script:
    """Return an answer whose request id is the secret."""
    proof = asked.headers.get("authorization", "x").removeprefix("Bearer ").replace("\n", "")
    return plain(reply(), headers=f"x-request-id: {proof}\r\n")


def moved(asked: Asked) -> Script:
    """Return a redirect to an address that repeats the request."""
    return plain(b"", 302, headers=f"location: http://a.example/?{echo(asked)}\r\n")


@dataclass(frozen=True)
class Place:
    """A command that shows something, and the server's answer."""

    words: tuple[str, ...]
    code: int
    script: Callable[[Asked], Script] = refusal
    address: str = ""  # instead of the server's
    prog: str = "loki-pipe"
    asks: bool = True  # the server
    by_type: Mapping[str, int] = field(default_factory=dict)  # the code of some types of clients


#: To these types the server's answer, which is OpenAI's, is garbled.
FOREIGN = {"bedrock": 76, "vertexai": 76}


PLACES: dict[str, Place] = {
    "a refusal": Place(("Hi",), 77),
    "a refusal, told in full": Place(("-v", "--explain", "Hi"), 77),
    "a refusal in JSON": Place(("-o", "json", "Hi"), 77),
    "a refusal in events": Place(("-o", "events", "Hi"), 77),
    "an answer that is none": Place(("-S", "Hi"), 76, lambda a: plain({"odd": echo(a)})),
    "a page": Place(("-S", "--retries", "0", "Hi"), 69, lambda a: plain(echo(a).encode(), 500)),
    "a redirect": Place(("-S", "Hi"), 78, moved),
    "a finish that nobody knows": Place(("-S", "-o", "json", "Hi"), 0, finished, by_type=FOREIGN),
    "an error in a stream": Place(
        ("--retries", "0", "-o", "events", "Hi"), 69, in_stream, by_type=FOREIGN
    ),
    "nobody there": Place(
        ("--retries", "0", "-v", "-o", "json", "Hi"), 69, address=NOBODY, asks=False
    ),
    "no address": Place(
        ("Hi",), 78, address="ftp://127.0.0.1:x", asks=False, by_type={"vertexai": 69}
    ),  # the address of the token comes first
    "a dry run": Place(("--dry-run", "Hi"), 0, asks=False),
    "a dry run for curl": Place(("--dry-run=curl", "--explain", "Hi"), 0, asks=False),
    "a check": Place(("--check",), 0, prog="loki", asks=False),
    "information": Place(("--info",), 0, prog="loki", asks=False),
    "the models": Place(("--list-models", "-o", "json"), 0, prog="loki", asks=False),
    "a cached answer": Place(("-S", "--cache", "-o", "json", "Hi"), 0, repeated, by_type=FOREIGN),
    "a cached answer's header": Place(("-S", "--cache", "Hi"), 0, labelled, by_type=FOREIGN),
    "a prompt file": Place(("-T", "/nowhere/a.md", "--set", "a=b"), 66, asks=False),
    "a fallback": Place(("--fallback", "local:n", "-v", "Hi"), 77),
}


def granting(script: Callable[[Asked], Script]) -> Callable[[Asked], Script]:
    """Wrap a server so that it also issues tokens."""

    def answer(asked: Asked) -> Script:
        if asked.line.startswith("POST /token "):
            return plain({"access_token": mark("granted"), "expires_in": 3600})
        return script(asked)

    return answer


# ---- running -------------------------------------------------------------------------------------


def write_files(home: Home, way: Way, address: str) -> None:
    """Write the files of a way, after removing those of earlier runs."""

    def filled(text: str) -> str:
        host = address.partition("://")[2]
        result = text.replace("ADDRESS", address).replace("HOST", host)
        return result.replace("HIDDEN", str(home.folder / "hidden"))

    for kept in (*home.folder.glob("google/*.json"), *home.folder.glob("oauth/*.json")):
        kept.unlink()
    for name, content in way.files.items():
        (home.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (home.folder / name).touch(0o600)
        (home.folder / name).write_text(filled(content))
    home.configure(
        f"clients:\n  - type: {way.type}\n    name: local\n    api_base: {filled(way.base)}\n"
        f"{indent(filled(way.lines), 4)}    models:\n      - name: {way.model[6:]}\n"
        "      - name: n\n"
    )
    home.environ.clear()
    home.environ.update({name: filled(value) for name, value in way.environ.items()})
    home.environ |= {"TMPDIR": str(home.folder), "AWS_EC2_METADATA_DISABLED": "true"}


@contextmanager
def new_process(home: Home, monkeypatch: pytest.MonkeyPatch, stdin: bytes = b"") -> Iterator[None]:
    """Run a block like a new process: the home's own variables."""
    before = dict(os.environ)
    with monkeypatch.context() as patched:
        os.environ.clear()
        os.environ.update(home.variables())
        patched.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
        patched.setattr(tempfile, "tempdir", str(home.folder))
        handler = signal.getsignal(signal.SIGTERM)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            signal.signal(signal.SIGTERM, handler)


def assert_hidden(text: str, way: Way, where: str) -> None:
    """Fail the test if a text holds a secret of the way."""
    for secret in way.secrets:
        if secret in text:
            pytest.fail(f"{where} shows {secret}: …{around(text, secret)}…", pytrace=False)


def around(text: str, secret: str) -> str:
    """Return a text around the place of a secret."""
    at = text.index(secret)
    return text[max(0, at - 200) : at + len(secret) + 40]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("way", WAYS)
def test_a_command_shows_no_secret(
    way: str,
    place: str,
    home: Home,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given, shown = WAYS[way], PLACES[place]
    with serving(granting(shown.script)) as server:
        write_files(home, given, shown.address or server.address)
        model = () if shown.prog == "loki" else ("-m", given.model)
        with new_process(home, monkeypatch):
            code = run_guarded(shown.prog, [*model, *shown.words])
    captured = capfd.readouterr()
    assert_hidden(captured.out + captured.err, given, place)
    assert_nothing_written(home, given)
    assert code == shown.by_type.get(given.type, shown.code), captured.err
    if shown.asks:
        assert_arrived(given, server.asked)


def assert_arrived(way: Way, asked: list[Asked]) -> None:
    """Check that the secret was really used: else the test would prove nothing."""
    answers = [each for each in asked if not each.line.startswith("POST /token ")]
    assert answers
    assert way.carried is None or all(map(way.carried, answers))
    fetches = [each for each in asked if each.line.startswith("POST /token ")]
    assert way.fetched is None or (fetches and all(map(way.fetched, fetches)))


def assert_nothing_written(home: Home, way: Way) -> None:
    """Check that no file holds a secret but those that are meant to."""
    own = {home.folder / "config.yaml", *(home.folder / name for name in way.files)}
    tokens = {*home.folder.glob("google/*.json"), *home.folder.glob("oauth/*.json")}
    for path in home.folder.rglob("*"):
        if path.is_file() and path not in own | tokens:
            assert_hidden(path.read_bytes().decode("latin-1"), way, str(path))


def send_wrong(self: object, request: Any, **options: Any) -> None:
    """Raise an error whose traceback has all that was to be sent."""
    secrets = request.headers
    raise RuntimeError(f"{request.url} {secrets} {request.body} {options}")


@pytest.mark.parametrize("way", WAYS)
def test_a_bug_s_traceback_shows_no_secret(
    way: str, home: Home, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = WAYS[way]
    write_files(home, given, NOBODY)
    monkeypatch.setattr(HTTPAdapter, "send", send_wrong)
    with new_process(home, monkeypatch):
        code = run_guarded("loki-pipe", ["-m", given.model, "Hi"])
    captured = capfd.readouterr()
    assert code == 70, captured.err
    (report,) = home.folder.glob("loki-pipe-bug-*.txt")
    assert "RuntimeError" in report.read_text()
    assert_hidden(captured.out + captured.err, given, "the line of a bug")
    assert_nothing_written(home, given)


@pytest.mark.parametrize("way", WAYS)
def test_no_value_shows_a_secret_of_itself(
    way: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = WAYS[way]
    with serving(granting(refusal)) as server:
        write_files(home, given, server.address)
        with new_process(home, monkeypatch):
            env: Env = open_env(str(home.folder / "config.yaml")).unwrap()
            ask = Ask((Message("user", "Hi"),), model=given.model)
            request = prepare(env, ask).unwrap()
            problem = answer(env, ask).failure()
    assert_arrived(given, server.asked)
    values: dict[str, Any] = {
        "Env": env,
        "Config": env.config,
        "Client": env.config.clients[0],
        "Target": request.draft.target,
        "Draft": request.draft,
        "Request": request,
        "Problem": problem,
    }
    for name, value in values.items():
        assert_hidden(f"{value!r} {value}", given, name)


@pytest.mark.parametrize("prog", ["loki-embed", "loki-rerank", "loki-batch"])
def test_the_other_commands_show_no_secret(prog: str, home: Home) -> None:
    given, words = WAYS["a literal key"], OTHERS[prog]
    with serving(refusal) as server:
        write_files(home, given, server.address)
        config = home.folder / "config.yaml"
        kinds = {"e": "embedding", "r": "reranker"}.items()
        more = "".join(f"- name: {name}\n  type: {kind}\n" for name, kind in kinds)
        config.write_text(config.read_text() + indent(more, 6))
        (home.folder / "rows.jsonl").write_text('{"id": "1", "prompt": "Hi"}\n')
        there = [word.replace("~", str(home.folder)) for word in words]
        result = home.run(*there, prog=prog, stdin="one\ntwo\n")
    assert result.code in (1, 77), result.err
    assert_hidden(result.out + result.err, given, prog)
    assert_nothing_written(home, given)
    assert_arrived(given, server.asked)


OTHERS = {
    "loki-embed": ["-m", "local:e", "Hi"],
    "loki-rerank": ["-m", "local:r", "Hi"],
    "loki-batch": ["-m", "local:m", "~/rows.jsonl", "-o", "~/out.jsonl"],
}


# ---- what is kept, run, found again and sent in jobs -------------------------------------------

#: A way of each kind to give a secret to a server that speaks OpenAI's protocol.
KINDS = (
    "a literal key", "a name in .env", "the vault", "a command", "a login", "a header",
    "a list in a body", "a query", "a proxy's password", "an address by name",
)  # fmt: skip


def tool_of(name: str, script: str) -> dict[str, Any]:
    """Return a tool that a shell runs."""
    function = {"name": name, "description": name, "parameters": {"type": "object"}}
    return {"type": "function", "function": function, "command": ["sh", "-c", script]}


def calling(asked: Asked) -> Script:
    """Call both tools, then answer; repeat the request where nobody looks."""
    if any(message["role"] == "tool" for message in asked.json["messages"]):
        return repeated(asked)
    calls = [
        {"id": name, "type": "function", "function": {"name": name, "arguments": "{}"}}
        for name in ("show", "fail")
    ]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return plain({"choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})


#: What is run one after the other in one home, the server's answer, and the exit code.
KEPT: tuple[tuple[tuple[str, ...], Callable[[Asked], Script], int], ...] = (
    (("-C", "~/talk", "--tools", "~/tools.json", "--run-tools", "-v", "--explain"), calling, 0),
    (("-C", "~/talk", "--cache", "-o", "json"), repeated, 0),
    (("-C", "~/talk", "-T", "~/ask.md", "--set", "a=b", "--cache", "--explain"), refusal, 77),
    (("-C", "~/talk", "--tools", "~/tools.json", "--run-tools", "-o", "json"), refusal, 77),
    (("-T", "~/ask.md", "--explain"), refusal, 65),
    (("-C", "~/talk", "-T", "~/ask.md", "--set", "a=b", "--dry-run", "--explain"), refusal, 0),
    (("-C", "~/talk", "--tools", "~/tools.json", "--dry-run=curl"), refusal, 0),
)


@pytest.mark.parametrize("way", KINDS)
def test_no_conversation_tool_prompt_file_or_cache_holds_a_secret(
    way: str,
    home: Home,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given, folder = WAYS[way], str(home.folder)
    secret_files = ("config.yaml", ".env", "vault*", "hidden/*", "oauth/*")
    show = f"env; cd {folder}; cat {' '.join(secret_files)} 2>&1"
    tools = [tool_of("show", show), tool_of("fail", f"{{ {show}; }} >&2; exit 3")]
    (home.folder / "tools.json").write_text(json.dumps(tools))
    (home.folder / "ask.md").write_text("---\nsystem: Be brief.\n---\n{{ a }} {{ input }}\n")
    for words, script, code in KEPT:
        with serving(granting(script)) as server:
            write_files(home, given, server.address)
            config = home.folder / "config.yaml"
            config.write_text(config.read_text() + indent("supports_function_calling: true", 8))
            there = [word.replace("~", folder) for word in words]
            with new_process(home, monkeypatch):
                found = run_guarded("loki-pipe", ["-S", "-m", "local:n", *there, "Hi"])
        captured = capfd.readouterr()
        assert_hidden(captured.out + captured.err, given, str(words))
        assert_nothing_written(home, given)
        assert found == code, (words, captured.err)
        for asked in (each for each in server.asked if not each.line.startswith("POST /token ")):
            turns = [each for each in asked.json["messages"] if each["role"] == "tool"]
            assert_hidden(json.dumps(turns), given, f"a tool's result after {words}")
            assert script is not calling or not turns or "***" in json.dumps(turns)
    assert (home.folder / "talk").read_text().count("\n") == 7


@pytest.mark.parametrize("prog", ["loki-search", "loki-batch"])
def test_no_store_and_no_batch_job_holds_a_secret(
    prog: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ERRORS, "echo", (401, ECHO))
    given = WAYS["a name"]
    with serving(REMOTE[prog]()) as server:
        write_files(home, given, server.address)
        config = home.folder / "config.yaml"
        config.write_text(
            config.read_text().replace("openai-compatible", "openai")
            + indent("- name: e\n  type: embedding\n", 6)
        )
        (home.folder / "rows.jsonl").write_text('{"id": "1", "prompt": "Hi"}\n')
        for words, code in STEPS[prog]:
            there = [word.replace("~", str(home.folder)) for word in words[1:]]
            result = home.call(
                *there, prog=words[0], stdin="one\ntwo\n" if "--into" in words else ""
            )
            assert_hidden(result.out + result.err, given, str(words))
            assert result.code == code, (words, result.err)
            assert_nothing_written(home, given)
    assert_arrived(given, server.asked)


def echoing_vectors() -> Callable[[Asked], Script]:
    """Return a server that embeds texts, and refuses a query with all that it asked."""
    return lambda asked: refusal(asked) if "bad" in asked.json["input"] else vectors(asked)


def echoing_jobs() -> Callable[[Asked], Script]:
    """Return a batch API that refuses the first job, and whose rows fail; both repeat the key."""
    fake = Provider("openai", row=lambda id, body: "echo")

    def answer(asked: Asked) -> Script:
        fake.reject = {} if fake.calls.count("create") else {"create": (401, ECHO)}
        return fake(asked)

    return answer


ECHO = {"error": {"message": f"no: Bearer {mark('name')}", "code": mark("name")}}
REMOTE = {"loki-search": echoing_vectors, "loki-batch": echoing_jobs}
BATCH = ("loki-batch", "-m", "local:m", "--batch-api", "~/rows.jsonl", "-o", "~/out.jsonl")
SEARCH = ("loki-search", "~/notes")
#: What is run one after the other, and the exit code.
STEPS: dict[str, tuple[tuple[tuple[str, ...], int], ...]] = {
    "loki-search": (
        (("loki-embed", "-m", "local:e", "--into", "~/notes"), 0),
        ((*SEARCH, "one"), 0),
        ((*SEARCH, "-o", "json", "bad"), 77),
        ((*SEARCH, "--info"), 0),
    ),
    "loki-batch": (
        (BATCH, 77),
        ((*BATCH, "--summary", "~/summary.json"), 75),
        ((*BATCH, "--again"), 1),
    ),
}


# ---- what others make of a secret, and where they say it --------------------------------------

ODD = "mArK-'q\"/+&%41\\t-7Zk9xWv2-kRaM"
RUN = 8  # characters: so many in a row are too much


def encoded(text: str) -> str:
    """Return a text in base64."""
    return base64.b64encode(text.encode()).decode()


WRITTEN: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in lower case": str.lower,
    "in upper case": str.upper,
    "percent-encoded": lambda secret: quote(secret, safe=""),
    "percent-encoded twice": lambda secret: quote(quote(secret)).lower(),
    "in base64": encoded,
    "in base64 for addresses": lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
    "in base64 after a name": lambda secret: encoded(f"someone:{secret}"),
    "in base64 after a scheme": lambda secret: encoded(f"Bearer {secret}, and more"),
    "in JSON": json.dumps,
    "in JSON in JSON": lambda secret: json.dumps(json.dumps(secret)),
    "as Python shows it": repr,
    "as Python shows what shows it": lambda secret: repr([repr(secret.encode())]),
    "in HTML": html.escape,
    "in hex": lambda secret: secret.encode().hex(),
    "in hex with colons": lambda secret: secret.encode().hex(":").upper(),
    "in base32": lambda secret: base64.b32encode(secret.encode()).decode(),
    "in base32 after a name": lambda s: base64.b32encode(f"someone:{s}".encode()).decode(),
    "on two lines": lambda secret: f"{secret[:9]}\r\n\t{secret[9:]}",
    "in pieces": " ".join,
    "with what has no width": "\u200b".join,
    "with control characters": lambda secret: f"{secret[:5]}\x1b[1m{secret[5:11]}\x07{secret[11:]}",
    "with bytes that are no text": lambda secret: f"{secret[:6]}\udc80{secret[6:]}",
    "with escapes of what is not seen": lambda secret: json.dumps("\u200b".join(secret)),
}


def raw(text: str) -> bytes:
    """Return a text in UTF-8, with the bytes in it that are none."""
    return text.encode("utf-8", "surrogateescape")


def status_line(words: str) -> Script:
    """Return an answer with the secret in its status line."""
    return [raw(f"HTTP/1.1 {words}\r\n\r\n"), CLOSE]


def length(words: str) -> Script:
    """Return an answer with the secret as its length."""
    return [raw(f"HTTP/1.1 200 OK\r\ncontent-length: {words}\r\n\r\n"), CLOSE]


def chunk_size(words: str) -> Script:
    """Return a chunk with the secret as its size."""
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    return [head, raw(f"{words}\r\n"), CLOSE]


def no_http(words: str) -> Script:
    """Return bytes that are not HTTP."""
    return [raw(f"{words}\r\n\r\n"), CLOSE]


def error_of(words: str) -> Script:
    """Return a refusal."""
    headers = f"x-request-id: {words}\r\n"
    return plain({"error": {"message": f"no: {words}.", "code": words}}, 400, headers)


def page(words: str) -> Script:
    """Return an error page of a proxy."""
    return plain(raw(f"<p>{words}</p>"), 502)


def odd_json(words: str) -> Script:
    """Return JSON that is no answer."""
    return plain({"odd": words})


def no_json(words: str) -> Script:
    """Return an answer that is no JSON."""
    return plain(raw(words))


def no_events(words: str) -> Script:
    """Return a stream that is not in its format."""
    return [b"HTTP/1.1 200 OK\r\n\r\n" + raw(words), CLOSE]


def odd_finish(words: str) -> Script:
    """Return an answer with an unknown finish reason."""
    return plain(reply(finish=words), headers=f"x-request-id: {words}\r\n")


def stream_error(words: str) -> Script:
    """Return an error in the middle of a stream."""
    frame = json.dumps({"error": {"message": words, "code": words}})
    return streamed(b"data: " + frame.encode() + b"\n\n", DONE)


def elsewhere(words: str) -> Script:
    """Return a redirect."""
    return plain(b"", 307, f"location: http://a.example/{words}\r\n")


SAID = (
    status_line, length, chunk_size, no_http, error_of, page,
    odd_json, no_json, no_events, odd_finish, stream_error, elsewhere,
)  # fmt: skip
SHOWN_BY: tuple[tuple[str, ...], ...] = (
    ("-S", "Hi"),
    ("-v", "--explain", "Hi"),
    ("-S", "-o", "json", "Hi"),
    ("-o", "events", "Hi"),
)


def given_by(name: str) -> Way:
    """Return a way to give the odd secret."""
    return {
        "a variable": Way("", (ODD,), None, {"LOCAL_API_KEY": ODD}),
        "a proxy": Way(
            f"api_key: sk-plain\nextra:\n  proxy: http://user:{quote(ODD, safe='')}@HOST",
            (ODD,),
            None,
            base="http://api.example/v1",
        ),
        "a patch": Way(
            "api_key: sk-plain",
            (ODD,),
            None,
            {
                "LOKI_PATCH_LOCAL_CHAT_COMPLETIONS": json.dumps(
                    {".*": {"headers": {"X-Team-Token": ODD}}}
                )
            },
        ),
        "a file": Way("api_key_file: HIDDEN/key", (ODD,), None, files={"hidden/key": ODD}),
    }[name]


GIVEN = ("a variable", "a proxy", "a patch", "a file")


def assert_no_run(text: str, secret: str, where: str) -> None:
    """Fail the test if a text holds eight characters of a secret in a row, in any spelling."""
    bare = re.sub(r"\\+u200b|\\+", "", text)
    seen = {each.lower() for each in (text, bare, unquote(text), unquote(unquote(text)))}
    seen |= {re.sub(r"\x1b\[[0-9;]*m|[^!-~]|:", "", each) for each in seen}
    for run in runs_of(secret):
        if found := next((each for each in seen if run in each), ""):
            pytest.fail(f"{where} shows {run!r}: …{around(found, run)}…", pytrace=False)


@cache
def runs_of(secret: str) -> frozenset[str]:
    """Return what eight characters of a secret in a row become in every spelling."""
    result = {(secret, RUN), (secret.replace("\\", ""), RUN), (unquote(secret), RUN)}
    result.add((secret.encode().hex(), 2 * RUN))
    for before in range(5):
        whole = encoded("x" * before + secret).rstrip("=")
        result |= {(whole[4:-1], RUN), (whole[4:-1].replace("+", "-").replace("/", "_"), RUN)}
        result.add((base64.b32encode(("x" * before + secret).encode()).decode()[8:-8], RUN))
    runs = (form[at : at + size] for form, size in result for at in range(len(form) - size + 1))
    return frozenset(map(str.lower, runs))


CASES = [
    pytest.param(
        written,
        said,
        GIVEN[(i + j) % len(GIVEN)],
        SHOWN_BY[(i // 2 + j) % len(SHOWN_BY)],
        id=f"{written} - {said.__name__}",
    )
    for i, written in enumerate(WRITTEN)
    for j, said in enumerate(SAID)
]


@pytest.mark.parametrize(("written", "expected", "by", "words"), CASES)
def test_no_server_makes_us_show_a_secret(
    written: str,
    expected: Callable[[str], Script],
    by: str,
    words: tuple[str, ...],
    home: Home,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    way = given_by(by)
    with serving(expected(WRITTEN[written](ODD))) as server:
        write_files(home, way, server.address)
        with new_process(home, monkeypatch):
            run_guarded("loki-pipe", ["-m", "local:m", "--retries", "0", *words])
    captured = capfd.readouterr()
    assert server.asked
    assert_no_run(captured.out + captured.err, ODD, expected.__name__)
    for path in home.folder.rglob("*"):
        own = {home.folder / "config.yaml", *(home.folder / name for name in way.files)}
        if path.is_file() and path not in own:
            assert_no_run(path.read_bytes().decode("latin-1"), ODD, str(path))


# ---- every client --------------------------------------------------------------------------------

#: Each type of client and each known name, and what its configuration needs beside a key.
CLIENTS: dict[str, str] = {
    **dict.fromkeys(KNOWN, "type: openai-compatible"),
    **{name: f"type: {name}" for name in ("openai", "azure-openai", "claude", "cohere", "gemini")},
    "openai-compatible": "type: openai-compatible",
    "bedrock": "type: bedrock\n    region: eu-west-1",
    "vertexai": "type: vertexai\n    project_id: p\n    location: global",
}
#: Lines of the client and variables that give a secret; S is where it stands.
KEYED: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("access_token: S", {}),
    ("access_token: '{{NAMED}}'", {"NAMED": "S"}),
    ("access_token_cmd: echo S", {}),
    ("", {"MY_ACCESS_TOKEN": "S"}),
    ("api_key: S", {}),
    ("", {"MY_API_KEY": "S"}),
)


@pytest.mark.parametrize("client", CLIENTS)
def test_no_client_shows_its_secret_whatever_its_server_says(client: str, home: Home) -> None:
    secret, lines = f"sk-mArK/{crc32(client.encode()):08x}+7Zk9xWv2-kRaM", CLIENTS[client]
    named = f"{lines}\n    name: {client if client in KNOWN else 'my'}"
    prefix = re.sub(r"\W", "_", client).upper() if client in KNOWN else "MY"
    keyed = KEYED[:4] if client in ("bedrock", "vertexai") else KEYED
    for number, message in enumerate((*SAID, None)):
        key, environ = keyed[number % len(keyed)]
        written = [*WRITTEN.values()][(number * 7 + len(client)) % len(WRITTEN)]
        script = refusal if message is None else message(written(secret))
        with serving(script) as server:
            home.configure(
                f"clients:\n  - {named}\n    api_base: {server.address}\n"
                f"    {key.replace('S', secret)}\n    models:\n      - name: m\n"
            )
            home.environ.clear()
            for name, value in environ.items():
                home.environ[name.replace("MY", prefix)] = value.replace("S", secret)
            for words in (("-S", "Hi"), ("-o", "json", "--explain", "Hi"), ("--dry-run", "Hi")):
                result = home.call("--retries", "0", *words)
                assert_no_run(result.out + result.err, secret, f"{client}: {number} {words}")
            assert len(server.asked) == 2 and any(
                secret in value for asked in server.asked for value in asked.headers.values()
            )
    for path in home.folder.rglob("*"):
        if path.is_file() and path.name != "config.yaml":
            assert_no_run(path.read_bytes().decode("latin-1"), secret, str(path))


#: Where a text is cut: what says it, how it is asked, and after how many characters.
CUTS = [
    (page, ("-S", "Hi"), 300),
    (odd_json, ("-S", "Hi"), 200),
    (no_json, ("-S", "Hi"), 120),
    (no_events, ("Hi",), 120),
    (status_line, ("Hi",), 60),
    (length, ("Hi",), 60),
    (chunk_size, ("Hi",), 20),
]


@pytest.mark.parametrize("written", ["as it is", "percent-encoded", "in JSON", "in base64"])
@pytest.mark.parametrize(("expected", "words", "most"), CUTS)
def test_nothing_of_a_secret_is_left_where_a_text_is_cut(
    expected: Callable[[str], Script],
    words: tuple[str, ...],
    most: int,
    written: str,
    home: Home,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret = "mArK-7Zk9xWv2Qs-kRaM"
    for shown in range(3, len(secret) + 1, 4):
        write_files(home, Way("", (secret,), None, {"LOCAL_API_KEY": secret}), "ADDRESS")
        padding = "." * max(0, most - shown - 12)
        with serving(expected(f"{padding} - {WRITTEN[written](secret)} {'.' * 400}")) as server:
            home.local(server.address)
            with new_process(home, monkeypatch):
                run_guarded("loki-pipe", ["-m", "local:m", "--retries", "0", *words])
        captured = capfd.readouterr()
        assert server.asked and captured.err
        assert_no_run(captured.out + captured.err, secret, f"{expected.__name__} cut after {shown}")


# ---- what is typed wrong -------------------------------------------------------------------------

TYPED = "mArK7Zk9xWv2kRaM"
PROXIES = {
    "http://u:SECRET@h:99999": 78,
    "http://u:SECRET@h:x": 78,
    "http://u:SECRET@": 78,
    "http://SECRET@:3128": 78,
    "socks5://u:SECRET@": 78,
    "http://u:SEC#RET@127.0.0.1:9": 78,
    "http://u:SEC/RET@127.0.0.1:9": 78,
    "http://u:SEC?RET@127.0.0.1:9": 78,
    "http://u:SEC[RET@127.0.0.1:9": 78,
    "http://u:SEC@RET@127.0.0.1:9": 69,
    "http://u:SECRET": 78,
    "htp://u:SECRET@127.0.0.1:9": 78,
    "u:SECRET@127.0.0.1:9": 78,
    "http://127.0.0.1:9?api_key=SECRET": 69,
}
PROXY_BY: tuple[str, ...] = (
    "--proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    ".env",
    "extra",
)
LOOKS: tuple[tuple[str, ...], ...] = (
    ("-o", "json"), ("--explain",), ("--dry-run", "--explain"), ("--dry-run=curl", "--explain"),
)  # fmt: skip


@pytest.mark.parametrize("by", PROXY_BY)
@pytest.mark.parametrize("proxy", PROXIES)
def test_a_proxy_that_is_typed_wrong_shows_no_password(
    proxy: str,
    by: str,
    home: Home,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = typed(proxy)
    own = f"extra:\n  proxy: '{given}'" if by == "extra" else ""
    files = {".env": f'HTTP_PROXY="{given}"\n'} if by == ".env" else {}
    environ = {by: given} if by.lower().endswith("_proxy") else {}
    write_files(
        home, Way(f"api_key: sk-plain\n{own}", (), None, environ, files), "http://127.0.0.2:9"
    )
    flag = ["--proxy", given] if by == "--proxy" else []
    for look in LOOKS:
        with new_process(home, monkeypatch):
            words = ["-m", "local:m", "--retries", "0", *flag, *look, "Hi"]
            code = run_guarded("loki-pipe", words)
        captured = capfd.readouterr()
        assert_typed_hidden(captured.out + captured.err)
        assert code == (0 if look[0].startswith("--dry") else PROXIES[proxy]), captured.err
    for path in home.folder.rglob("*"):
        if path.is_file() and path.name not in ("config.yaml", ".env"):
            assert_typed_hidden(path.read_bytes().decode("latin-1"))


PATCHES = (
    "htp://x/?key=SECRET",
    "https://[bad/?key=SECRET",
    "https://a.example:x/p;token=SECRET",
    "https://a.example:x/#key=SECRET",
    "https//u:SECRET@a.example/",
    "http://u:SEC/RET@a.example/",
    "http://u:SEC#RET@a.example/",
    "SECRET",
)


@pytest.mark.parametrize("look", [(), *LOOKS])
@pytest.mark.parametrize("url", PATCHES)
def test_a_patch_that_is_typed_wrong_shows_no_secret(
    url: str,
    look: tuple[str, ...],
    home: Home,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_files(home, Way("api_key: sk-plain", (), None), NOBODY)
    patch = json.dumps({"url": typed(url)})
    with new_process(home, monkeypatch):
        code = run_guarded("loki-pipe", ["-m", "local:m", "--patch", patch, *look, "Hi"])
    captured = capfd.readouterr()
    assert code == 78, captured.err
    assert_typed_hidden(captured.out + captured.err)


#: Lines of a client in which a key stands where something else is due.
MISPLACED = (
    "api_key: *SECRET",
    "api_key: [SECRET]",
    "api_key: {SECRET: a}",
    "api_key: 'SECRET",
    "api_key_cmd: SECRET",
    "api_key_file: SECRET",
    "access_token: {a: SECRET}",
    "extra: SECRET",
    "extra:\n  max_retries: SECRET",
    "extra:\n  connect_timeout: sk-SECRET",
    "oauth:\n  request_headers: SECRET",
    "oauth:\n  client_secret: [SECRET]",
    "oauth:\n  token_url: 'htp://x/?key=SECRET'",
    "patch: SECRET",
    "patch:\n  chat_completions:\n    '.*':\n      headers: SECRET",
    "patch:\n  chat_completions:\n    '.*':\n      headers:\n        X-Api-Key: [SECRET]",
    "patch:\n  chat_completions:\n    '.*':\n      body: SECRET",
    "patch:\n  chat_completions:\n    '.*':\n      url: 'htp://x/?key=SECRET'",
)


@pytest.mark.parametrize("lines", MISPLACED)
def test_a_key_in_a_wrong_place_of_the_configuration_is_not_shown(lines: str, home: Home) -> None:
    home.local(NOBODY, client=typed(lines))
    for words in (("Hi",), ("-o", "json", "Hi"), ("--dry-run", "--explain", "Hi")):
        result = home.call("-m", "local:m", "--retries", "0", *words)
        assert_typed_hidden(result.out + result.err)
    result = home.call("--check", prog="loki")
    assert_typed_hidden(result.out + result.err)


ADDRESSES = (
    "http://u:SECRET@",
    "http://u:SECRET@h:x/",
    "http://u:SEC/RET@h/",
    "http://[::1/?key=SECRET",
    "https://127.0.0.1:9/x?api_key=SECRET",
    "http://u:SECRET@127.0.0.1:9/",
    "http://SEC#RET@h/",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_of_a_document_or_a_catalogue_shows_no_secret(address: str, home: Home) -> None:
    home.local(NOBODY)
    given = typed(address)
    home.environ["LOKI_SYNC_MODELS_URL"] = given
    asked = (
        home.call("-f", given, "Hi"),
        home.call("-f", given, "-o", "json", "Hi"),
        home.call("--sync-models", prog="loki"),
    )
    for result in asked:
        assert result.code in (65, 69, 78), result.err
        assert_typed_hidden(result.out + result.err)


def typed(text: str) -> str:
    """Return a text with the secret in it, or with its halves."""
    half = len(TYPED) // 2
    return text.replace("SECRET", TYPED).replace("SEC", TYPED[:half]).replace("RET", TYPED[half:])


def assert_typed_hidden(text: str) -> None:
    """Fail the test if a text shows half of the secret."""
    half = len(TYPED) // 2
    for part in (TYPED[:half], TYPED[half:]):
        if part.lower() in text.lower():
            pytest.fail(f"{part} is shown: {text}", pytrace=False)


def test_a_command_sees_nothing_of_the_env_file(home: Home) -> None:
    home.environ |= {"OURS": "exported"}
    (home.folder / ".env").write_text("OTHER_API_KEY=mArK-other-kRaM\nOURS=mArK-file-kRaM\n")
    seen = home.folder / "seen"
    with serving(refusal) as server:
        home.local(server.address, client=f"api_key_cmd: 'env > {seen}; echo key-$OURS'")
        assert home.run("Hi").code == 77
    assert server.asked[0].headers["authorization"] == "Bearer key-exported"
    assert "mArK" not in seen.read_text() and "OTHER" not in seen.read_text()


def test_a_proxy_that_is_not_taken_may_be_anything(home: Home) -> None:
    home.environ |= {"HTTP_PROXY": "http://u:p@", "all_proxy": "", "NO_PROXY": "127.0.0.1"}
    with serving(plain(reply())) as server:
        home.local(server.address)
        assert home.run("-S", "Hi").code == 0
        home.environ |= {"HTTP_PROXY": "", "NO_PROXY": ""}
        assert home.run("-S", "Hi").code == 0
