"""No secret is ever shown: every way to give one, and every place that shows anything."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from zlib import crc32

import pytest
from commands import Home, indent
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from returns.result import Success
from servers import DONE, Asked, Script, plain, serving, streamed

from loki import Ask, Message, answer, open_env, prepare
from loki.cli.main import guarded
from loki.edge.auth import credentials, secrets, vault
from loki.pipeline import Env
from loki.wire.bedrock.sigv4 import sign

NOBODY = "http://127.0.0.1:9"


def mark(name: str) -> str:
    """A secret that stands nowhere else."""
    return f"mArK-{name}-{crc32(name.encode()):08x}-kRaM"


def bearing(secret: str) -> Callable[[Asked], bool]:
    """Whether a request proved itself with a token."""
    return lambda asked: asked.headers.get("authorization") == f"Bearer {secret}"


def basic(user: str, secret: str) -> str:
    """A password as it travels."""
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
    """A way to give one secret, which arrives as a bearer token if nothing else is said."""
    secret = mark(name)
    told = {
        key: {name: text.replace("SECRET", secret) for name, text in value.items()}
        for key, value in more.items()
        if key in ("environ", "files")
    }
    return Way(
        lines=lines.replace("SECRET", secret),
        secrets=(secret, *also),
        carried=carried or bearing(secret),
        **{**more, **told},
    )


# ---- the ways ------------------------------------------------------------------------------------


def signed(asked: Asked) -> bool:
    """Whether a request was signed with the marked keys."""
    keys = {
        "access_key_id": mark("key-id"),
        "secret_access_key": mark("secret-key"),
        "session_token": mark("session"),
        "region": "eu-west-1",
    }
    told = {n: asked.headers[n] for n in ("content-type", "user-agent")}
    then = datetime.strptime(asked.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    url = f"http://{asked.headers['host']}{asked.line.split()[1]}"
    made = sign("POST", url, told, asked.body, keys, then.timestamp())
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
    """Whether a token request had the secret and the old token."""
    form = {name: value for name, (value,) in parse_qs(asked.body.decode()).items()}
    return (form.get("client_secret"), form.get("refresh_token")) == (
        mark("client-secret"),
        mark("refresh"),
    )


PASSWORD = mark("password")


def vaulted(name: str, secret: str, password: str) -> dict[str, str]:
    """The files of a vault with one secret."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {"LOKI_CONFIG_DIR": folder}
        vault.add(name, secret, environ, lambda path: Success(password)).unwrap()
        return {each.name: each.read_text() for each in Path(folder).iterdir() if each.is_file()}


WAYS: dict[str, Way] = {
    "a literal key": one("literal", "api_key: SECRET"),
    "an odd key": one("odd", "api_key: 'SECRET\"\\/ <&> %41'", lambda a: mark("odd") in str(a)),
    "the client's variable": one("variable", "", environ={"LOCAL_API_KEY": "SECRET"}),
    "a name": one("name", "api_key: '{{NAMED}}'", environ={"NAMED": "SECRET"}),
    "a name in .env": one("dotenv", "api_key: '{{NAMED}}'", files={".env": "NAMED=SECRET\n"}),
    "the vault": one(
        "vault",
        "api_key: '{{NAMED}}'",
        files=vaulted("NAMED", mark("vault"), mark("vault-password")),
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
        bearing(mark("granted")),
        type="vertexai",
        model="local:m",
        files={"hidden/adc.json": json.dumps(ACCOUNT)},
        fetched=lambda asked: b"assertion=" in asked.body,
    ),
    "a login": Way(
        "auth: oauth\noauth:\n  client_id: id\n  token_url: ADDRESS/token\n"
        f"  authorize_url: ADDRESS/authorize\n  client_secret: {mark('client-secret')}",
        (mark("client-secret"), mark("old"), mark("refresh"), mark("granted")),
        bearing(mark("granted")),
        files={"oauth/local.json": json.dumps(OLD_LOGIN)},
        fetched=logged_in,
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
    "--patch": one(
        "flag",
        "",
        lambda asked: asked.headers.get("cookie") == mark("flag"),
        environ={"LOKI_PATCH_LOCAL_CHAT_COMPLETIONS": '{".*":{"headers":{"Cookie":"SECRET"}}}'},
    ),
}


# ---- the places ----------------------------------------------------------------------------------


def echo(asked: Asked) -> str:
    """All that a server knows of a request."""
    return f"{asked.line} {json.dumps(asked.headers)} {asked.body.decode()}"


def refusal(asked: Asked) -> Script:
    """A refusal that repeats the secret in everything that it says."""
    proof = asked.headers.get("authorization", "x").removeprefix("Bearer ").replace("\n", "")
    said = {"error": {"message": f"Incorrect API key: {echo(asked)}", "code": proof}}
    return plain(said, 401, headers=f"x-request-id: {proof}\r\n")


def in_stream(asked: Asked) -> Script:
    """A stream that ends with an error."""
    frame = b"data: " + json.dumps({"error": {"message": echo(asked), "code": "odd"}}).encode()
    return streamed(frame + b"\n\n", DONE)


def moved(asked: Asked) -> Script:
    """A redirect to an address with all of it."""
    return plain(b"", 302, headers=f"location: http://a.example/?{echo(asked)}\r\n")


@dataclass(frozen=True)
class Place:
    """Something that shows something: a command, and how the server answers."""

    words: tuple[str, ...]
    code: int
    script: Callable[[Asked], Script] = refusal
    address: str = ""  # instead of the server's
    prog: str = "loki-pipe"
    asks: bool = True  # the server


PLACES: dict[str, Place] = {
    "a refusal": Place(("Hi",), 77),
    "a refusal, told in full": Place(("-v", "--explain", "Hi"), 77),
    "a refusal in JSON": Place(("-o", "json", "Hi"), 77),
    "a refusal in events": Place(("-o", "events", "Hi"), 77),
    "an answer that is none": Place(("-S", "Hi"), 76, lambda a: plain({"odd": echo(a)})),
    "a page": Place(("-S", "--retries", "0", "Hi"), 69, lambda a: plain(echo(a).encode(), 500)),
    "a redirect": Place(("-S", "Hi"), 78, moved),
    "an error in a stream": Place(("--retries", "0", "-o", "events", "Hi"), -1, in_stream),
    "nobody there": Place(
        ("--retries", "0", "-v", "-o", "json", "Hi"), 69, address=NOBODY, asks=False
    ),
    "no address": Place(("Hi",), 78, address="ftp://127.0.0.1:x", asks=False),
    "a dry run": Place(("--dry-run", "Hi"), 0, asks=False),
    "a dry run for curl": Place(("--dry-run=curl", "--explain", "Hi"), 0, asks=False),
    "a check": Place(("--check",), 0, prog="loki", asks=False),
    "information": Place(("--info",), 0, prog="loki", asks=False),
    "the models": Place(("--list-models", "-o", "json"), 0, prog="loki", asks=False),
    "a fallback": Place(("--fallback", "local:n", "-v", "Hi"), 77),
}


def granting(script: Callable[[Asked], Script]) -> Callable[[Asked], Script]:
    """The same server, which also gives tokens."""

    def answer(asked: Asked) -> Script:
        if asked.line.startswith("POST /token "):
            return plain({"access_token": mark("granted"), "expires_in": 3600})
        return script(asked)

    return answer


# ---- running -------------------------------------------------------------------------------------


def settle(home: Home, way: Way, address: str) -> None:
    """Write down what a way needs; nothing is left of the runs before."""

    def filled(text: str) -> str:
        host = address.partition("://")[2]
        told = text.replace("ADDRESS", address).replace("HOST", host)
        return told.replace("HIDDEN", str(home.folder / "hidden"))

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
    """As a process begins: nothing seen, the home's own variables."""
    before = dict(os.environ)
    with monkeypatch.context() as patched:
        secrets.seen.clear()
        credentials.issued.clear()
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
    """No secret of a way is in a text."""
    for secret in way.secrets:
        if secret in text:
            pytest.fail(f"{where} shows {secret}: …{around(text, secret)}…", pytrace=False)


def around(text: str, secret: str) -> str:
    """Where in a text a secret is."""
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
        settle(home, given, shown.address or server.address)
        model = () if shown.prog == "loki" else ("-m", given.model)
        with new_process(home, monkeypatch):
            code = guarded(shown.prog, [*model, *shown.words])
    told = capfd.readouterr()
    assert_hidden(told.out + told.err, given, place)
    assert_nothing_written(home, given)
    if shown.asks:
        assert_carried(given, server.asked)
        assert code == shown.code or shown.code < 0, told.err


def assert_carried(way: Way, asked: list[Asked]) -> None:
    """The secret was really used: else a test could not have found it anywhere."""
    answers = [each for each in asked if not each.line.startswith("POST /token ")]
    assert answers
    assert way.carried is None or all(map(way.carried, answers))
    fetches = [each for each in asked if each.line.startswith("POST /token ")]
    assert way.fetched is None or (fetches and all(map(way.fetched, fetches)))


def assert_nothing_written(home: Home, way: Way) -> None:
    """Files hold no secret but those that are there to hold it."""
    own = {home.folder / "config.yaml", *(home.folder / name for name in way.files)}
    tokens = {*home.folder.glob("google/*.json"), *home.folder.glob("oauth/*.json")}
    for path in home.folder.rglob("*"):
        if path.is_file() and path not in own | tokens:
            assert_hidden(path.read_bytes().decode("latin-1"), way, str(path))


BUG = """
from requests.adapters import HTTPAdapter
def send(self, request, **options):
    secrets = request.headers
    raise RuntimeError(f"{request.url} {request.headers} {request.body} {options}")
HTTPAdapter.send = send
from loki.cli.main import run
run("loki-pipe")
"""


@pytest.mark.parametrize("way", WAYS)
def test_a_bug_s_traceback_shows_no_secret(way: str, home: Home) -> None:
    given = WAYS[way]
    settle(home, given, NOBODY)
    words = [sys.executable, "-c", BUG, "-m", given.model, "Hi"]
    done = subprocess.run(
        words, env=home.variables(), capture_output=True, stdin=subprocess.DEVNULL, timeout=30
    )
    told = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == 70, told
    (report,) = home.folder.glob("loki-pipe-bug-*.txt")
    assert "RuntimeError" in report.read_text()
    assert_hidden(told, given, "the line of a bug")
    assert_nothing_written(home, given)


@pytest.mark.parametrize("way", WAYS)
def test_no_value_shows_a_secret_of_itself(
    way: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = WAYS[way]
    with serving(granting(refusal)) as server:
        settle(home, given, server.address)
        with new_process(home, monkeypatch):
            env: Env = open_env(str(home.folder / "config.yaml")).unwrap()
            ask = Ask((Message("user", "Hi"),), model=given.model)
            request = prepare(env, ask).unwrap()
            problem = answer(env, ask).failure()
    assert_carried(given, server.asked)
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
        settle(home, given, server.address)
        config = home.folder / "config.yaml"
        kinds = {"e": "embedding", "r": "reranker"}.items()
        more = "".join(f"- name: {name}\n  type: {kind}\n" for name, kind in kinds)
        config.write_text(config.read_text() + indent(more, 6))
        (home.folder / "rows.jsonl").write_text('{"id": "1", "prompt": "Hi"}\n')
        there = [word.replace("~", str(home.folder)) for word in words]
        told = home.run(*there, prog=prog, stdin="one\ntwo\n")
    assert told.code in (1, 77), told.err
    assert_hidden(told.out + told.err, given, prog)
    assert_nothing_written(home, given)
    assert_carried(given, server.asked)


OTHERS = {
    "loki-embed": ["-m", "local:e", "Hi"],
    "loki-rerank": ["-m", "local:r", "Hi"],
    "loki-batch": ["-m", "local:m", "~/rows.jsonl", "-o", "~/out.jsonl"],
}
