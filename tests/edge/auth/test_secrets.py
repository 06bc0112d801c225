"""Where a secret may come from, what is said when it does not, and that none is ever shown."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from commands import Home
from returns.result import Result, Success
from servers import plain, serving
from support import auth_context, target

from loki.edge.auth import secrets, vault
from loki.edge.auth.credentials import make_authorize, mask_draft
from loki.edge.auth.vault_password import password_file
from loki.problems import Problem
from loki.records import Draft, Patch
from loki.redaction.redactor import Redactor
from loki.stages.draft import draft
from loki.stages.patch import patch

MINE = {"type": "openai-compatible", "name": "mine", "api_base": "https://a.example/v1"}
COHERE = {"type": "cohere", "name": "mine"}
PLACE = "config.yaml clients[0]."


@pytest.fixture(autouse=True)
def no_vault(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Start each test as a user without a vault."""
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path_factory.getbasetemp() / "nobody"))
    yield


def drafted(
    settings: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    client: Mapping[str, Any] = MINE,
) -> Draft:
    """Return a client's draft without its credential, with a user's headers."""
    message = draft(target({**client, **settings})).unwrap()
    return patch((Patch(headers=headers or {}),))(message)


def authorization(settings: Mapping[str, Any], environ: Mapping[str, str]) -> Result[str, Problem]:
    """Return the Authorization header of a client."""
    found = make_authorize(auth_context(environ))(drafted(settings))
    return found.map(lambda ready: ready.headers["Authorization"])


def filled(settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return settings with the test's folder in the place of FOLDER."""
    return {name: value.replace("FOLDER", str(folder)) for name, value in settings.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with files that hold secrets, or none."""
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    return tmp_path


FILES = {
    "key": b"from-file\n",
    "windows": b"  from-file \r\nsecond\r\n",
    "bare": b"from-file",
    "empty": b"",
    "blank": b"\n\n",
}

# ---- found -----------------------------------------------------------------------------------

FOUND: dict[str, tuple[dict[str, str], dict[str, str], str]] = {
    "a literal": ({"api_key": "plain"}, {}, "plain"),
    "a literal that only looks like a name": ({"api_key": "$KEY"}, {"KEY": "no"}, "$KEY"),
    "a name": ({"api_key": "{{KEY}}"}, {"KEY": "from-name"}, "from-name"),
    "a name with air": ({"api_key": " {{ KEY }} "}, {"KEY": "from-name"}, "from-name"),
    "a command": ({"api_key_cmd": "echo from-command"}, {}, "from-command"),
    "a command's first line": ({"api_key_cmd": "printf ' one \\r\\ntwo\\n'"}, {}, "one"),
    "a command that sees the variables": ({"api_key_cmd": 'echo "$KEY"'}, {"KEY": "k"}, "k"),
    "a command that talks": ({"api_key_cmd": "echo talk >&2; echo one"}, {}, "one"),
    "a command that says much": ({"api_key_cmd": "echo one; yes | head -c 300000"}, {}, "one"),
    "a command that leaves something behind": ({"api_key_cmd": "sleep 4 & echo one"}, {}, "one"),
    "a command that ends no line": ({"api_key_cmd": "sleep 4 & printf one"}, {}, "one"),
    "a command that would read": ({"api_key_cmd": "cat; echo one"}, {}, "one"),
    "a file": ({"api_key_file": "FOLDER/key"}, {}, "from-file"),
    "a file from elsewhere": ({"api_key_file": "FOLDER/windows"}, {}, "from-file"),
    "a file without a line end": ({"api_key_file": "FOLDER/bare"}, {}, "from-file"),
    "a token before a key": ({"api_key": "key", "access_token": "tok"}, {}, "tok"),
}


@pytest.mark.parametrize("case", FOUND)
def test_a_secret_comes_from_where_the_setting_says(case: str, folder: Path) -> None:
    settings, environ, secret = FOUND[case]
    start = time.monotonic()
    assert authorization(filled(settings, folder), environ) == Success(f"Bearer {secret}")
    assert time.monotonic() - start < 3


def test_a_file_may_lie_in_the_user_s_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert authorization({"api_key_file": "~/key"}, {}) == Success("Bearer from-file")


def test_an_address_and_a_header_may_be_secrets() -> None:
    message = drafted({"api_base": "{{BASE}}"}, {"X-Team": "{{TEAM}}/{{ROOM}}!"})
    known = {"BASE": "https://b.example/v1/", "TEAM": "red", "ROOM": "9"}
    ready = make_authorize(auth_context(known))(message).unwrap()
    assert ready.url == "https://b.example/v1/chat/completions"
    assert ready.headers["X-Team"] == "red/9!"


def test_a_header_of_the_user_s_wins_over_the_credential() -> None:
    message = drafted({"api_key": "plain"}, {"Authorization": "Basic {{BOTH}}"})
    context = auth_context({"BOTH": "dTpw"})
    assert make_authorize(context)(message).unwrap().headers["Authorization"] == "Basic dTpw"


# ---- not found -------------------------------------------------------------------------------

MISSING = "no secret and no environment variable {name}: export it, or run loki --add-secret {name}"
LOST: dict[str, tuple[dict[str, str], dict[str, str], str]] = {
    "no such name": ({"api_key": "{{KEY}}"}, {}, f"api_key: {MISSING.format(name='KEY')}"),
    "an empty name": (
        {"api_key": "{{KEY}}"},
        {"KEY": ""},
        f"api_key: {MISSING.format(name='KEY')}",
    ),
    "a failing command": (
        {"api_key_cmd": "echo first >&2; echo 'no such entry' >&2; exit 3"},
        {},
        "api_key_cmd: the command failed with 3: no such entry",
    ),
    "a failing command that prints": (
        {"api_key_cmd": "echo half; exit 1"},
        {},
        "api_key_cmd: the command failed with 1",
    ),
    "a failing command that leaves something behind": (
        {"api_key_cmd": "sleep 4 & echo half; echo why >&2; exit 1"},
        {},
        "api_key_cmd: the command failed with 1: why",
    ),
    "a silent command": ({"api_key_cmd": "true"}, {}, "api_key_cmd: the command printed nothing"),
    "a blank command": ({"api_key_cmd": "echo"}, {}, "api_key_cmd: the command printed nothing"),
    "an empty file": ({"api_key_file": "FOLDER/empty"}, {}, "api_key_file: FOLDER/empty is empty"),
    "a blank file": ({"api_key_file": "FOLDER/blank"}, {}, "api_key_file: FOLDER/blank is empty"),
    "no such file": (
        {"api_key_file": "FOLDER/none"},
        {},
        "api_key_file: cannot read FOLDER/none: no such file or directory",
    ),
    "a folder": (
        {"api_key_file": "FOLDER/folder"},
        {},
        "api_key_file: cannot read FOLDER/folder: is a directory",
    ),
}


@pytest.mark.parametrize("case", LOST)
def test_a_missing_secret_is_told_with_the_setting_s_place(case: str, folder: Path) -> None:
    settings, environ, message = LOST[case]
    problem = authorization(filled(settings, folder), environ).failure()
    assert problem == Problem("auth", PLACE + message.replace("FOLDER", str(folder)))
    assert len(problem.message.splitlines()) == 1


@pytest.mark.parametrize("case", LOST)
def test_no_other_source_steps_in_for_a_missing_secret(case: str, folder: Path) -> None:
    settings, environ, message = LOST[case]
    rest = {name.replace("api_key", "access_token"): value for name, value in settings.items()}
    text = drafted(filled({**rest, "api_key": "other"}, folder), client=COHERE)
    others = {"CO_API_KEY": "other", "api_key": "other"}
    problem = make_authorize(auth_context({**others, **environ}))(text).failure()
    result = message.replace("api_key", "access_token").replace("FOLDER", str(folder))
    assert problem == Problem("auth", PLACE + result)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_somebody_else_s_is_not_read(folder: Path) -> None:
    (folder / "key").chmod(0)
    problem = authorization({"api_key_file": f"{folder}/key"}, {}).failure()
    assert problem.message.endswith(f"cannot read {folder}/key: permission denied")


@pytest.mark.parametrize("command", ["exec sleep 4", "sleep 4; echo late", "echo one; sleep 4"])
def test_a_command_that_hangs_is_given_up(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "COMMAND_TIMEOUT", 0.2)
    start = time.monotonic()
    problem = authorization({"api_key_cmd": command}, {}).failure()
    assert problem == Problem("auth", PLACE + "api_key_cmd: the command took over 0.2 s")
    assert time.monotonic() - start < 3


def test_a_missing_address_or_header_is_told_too() -> None:
    problem = make_authorize(auth_context({}))(drafted({"api_base": "{{BASE}}"})).failure()
    assert problem == Problem("auth", f"{PLACE}api_base: {MISSING.format(name='BASE')}")
    problem = make_authorize(auth_context({}))(drafted({}, {"X-Team": "{{TEAM}}"})).failure()
    assert problem.kind == "auth" and "no environment variable TEAM" in problem.message


NONE_SET = {
    "cohere": "client 'mine' has no api_key: set it in the configuration or as MINE_API_KEY or"
    " CO_API_KEY",
    "openai": "client 'mine' has no api_key: set it in the configuration or as MINE_API_KEY",
}


@pytest.mark.parametrize("kind", NONE_SET)
def test_a_client_without_a_credential_is_told_where_one_goes(kind: str) -> None:
    context = auth_context({})
    problem = make_authorize(context)(drafted({}, client={"type": kind, "name": "mine"})).failure()
    assert problem == Problem("auth", NONE_SET[kind])


def test_a_server_of_one_s_own_needs_no_credential() -> None:
    assert "Authorization" not in make_authorize(auth_context({}))(drafted({})).unwrap().headers


# ---- the vault -------------------------------------------------------------------------------


def test_the_vault_comes_before_the_environment_which_comes_after(tmp_path: Path) -> None:
    environ = {"LOKI_CONFIG_DIR": str(tmp_path), "KEY": "from-name", "REST": "from-name"}
    context = auth_context(environ)
    assert vault.add("KEY", "from-vault", context, lambda path: Success("")) == Success(None)
    assert authorization({"api_key": "{{KEY}}"}, environ) == Success("Bearer from-vault")
    assert authorization({"api_key": "{{REST}}"}, environ) == Success("Bearer from-name")
    assert context.redactor.redact("from-vault") == "***"
    path = vault.vault_file(environ)
    result = (
        f"{PLACE}api_key: no secret NONE in {path}, and no environment variable NONE: export it, or"
        " run loki --add-secret NONE"
    )
    assert authorization({"api_key": "{{NONE}}"}, environ).failure() == Problem("auth", result)


def test_no_environment_steps_in_for_a_vault_that_cannot_be_opened(tmp_path: Path) -> None:
    environ = {"LOKI_CONFIG_DIR": str(tmp_path), "KEY": "from-name"}
    context = auth_context(environ)
    assert vault.add("KEY", "from-vault", context, lambda path: Success("")) == Success(None)
    Path(password_file(environ)).unlink()
    problem = authorization({"api_key": "{{KEY}}"}, environ).failure()
    assert problem.kind == "auth" and problem.message.startswith(f"{PLACE}api_key: the vault ")
    Path(vault.vault_file(environ)).write_text("KEY: plain\n")
    problem = authorization({"api_key": "{{KEY}}"}, environ).failure()
    assert problem.kind == "auth" and f"{tmp_path}/vault.yml:1: expected" in problem.message


# ---- never shown -----------------------------------------------------------------------------

SHOWN: dict[str, dict[str, str]] = {
    "a literal": {"api_key": "s3cret-value"},
    "a name": {"api_key": "{{KEY}}"},
    "a command": {"api_key_cmd": "echo s3cret-value"},
    "a token": {"access_token": "s3cret-value"},
}


@pytest.mark.parametrize("case", SHOWN)
def test_no_secret_is_in_a_draft_s_repr(case: str) -> None:
    message = drafted(SHOWN[case], {"X-Key": "s3cret-value"})
    ready = make_authorize(auth_context({"KEY": "s3cret-value"}))(message).unwrap()
    assert "s3cret-value" in ready.headers["Authorization"]
    signing = replace(ready, credentials={"secret_access_key": "s3cret-value"})
    for each in (message, ready, signing, mask_draft(message).unwrap()):
        assert "s3cret" not in repr(each)


@pytest.mark.parametrize("case", SHOWN)
def test_a_masked_draft_shows_stars_for_a_credential(case: str) -> None:
    shown = mask_draft(drafted(SHOWN[case])).unwrap()
    assert shown.headers["Authorization"] == "Bearer ***"
    assert "s3cret" not in str([shown.url, dict(shown.headers), shown.body])


def test_masking_looks_nothing_up(folder: Path) -> None:
    made = folder / "made"
    command = f"touch {shlex.quote(str(made))}; echo key"
    settings = {"api_key_cmd": command, "api_base": "{{BASE}}"}
    shown = mask_draft(drafted(settings, {"X-Team": "{{TEAM}}"})).unwrap()
    assert shown.url == "https://***/chat/completions"
    assert shown.headers["X-Team"] == "***"
    assert not made.exists()


HEADERS = [
    ("X-Api-Key", "abc", "***"),
    ("Cookie", "a=b", "***"),
    ("X-Auth-Team", "red", "***"),
    ("X-Team", "{{TEAM}} at {{ROOM}}", "*** at ***"),
    ("X-Team", "red", "red"),
    ("Content-Type", "application/json", "application/json"),
]


@pytest.mark.parametrize(("name", "value", "shown"), HEADERS)
def test_a_header_is_masked_by_its_name_or_its_gaps(name: str, value: str, shown: str) -> None:
    assert mask_draft(drafted({}, {name: value})).unwrap().headers[name] == shown


URLS = [
    ("https://u:p@a.example/v1", "https://***@a.example/v1/chat/completions"),
    ("https://a.example/v1", "https://a.example/v1/chat/completions"),
]


@pytest.mark.parametrize(("base", "shown"), URLS)
def test_an_address_is_shown_without_its_password(base: str, shown: str) -> None:
    assert mask_draft(drafted({"api_base": base})).unwrap().url == shown


REDACTED = [
    (["s3cret"], "key s3cret, s3cret!", "key ***, ***!"),
    (["s3cret", "s3cret-value"], "s3cret-value s3cret", "*** ***"),
    (["abc"], "abc is too short to be a secret", "abc is too short to be a secret"),
    (["a.c+"], "a.c+ abcc", "*** abcc"),
    ([], "nothing to hide", "nothing to hide"),
]


@pytest.mark.parametrize(("known", "text", "shown"), REDACTED)
def test_a_text_is_shown_without_known_secrets(known: list[str], text: str, shown: str) -> None:
    assert Redactor(*known).redact(text) == shown


@pytest.mark.parametrize("case", SHOWN)
def test_a_secret_that_was_looked_up_is_known_from_then_on(case: str) -> None:
    context = auth_context({"KEY": "s3cret-value"})
    assert isinstance(make_authorize(context)(drafted(SHOWN[case])), Success)
    assert context.redactor.redact("said s3cret-value") == "said ***"


def test_a_key_that_never_comes_through_its_pipe_ends_with_the_time(home: Home) -> None:
    pipe = home.folder / "pipe"
    os.mkfifo(pipe, 0o600)
    home.local("http://127.0.0.1:1", client=f"api_key_file: {pipe}")
    done = home.run("--timeout", "2", "Hi")
    assert (done.code, done.out) == (69, "")
    end = f"api_key_file: {pipe} did not end within the time for everything (total timeout)"
    assert done.err.endswith(f"{end}; nothing was sent\n")


def test_a_key_comes_through_a_pipe_once_for_many_rows(home: Home) -> None:
    pipe = home.folder / "pipe"
    os.mkfifo(pipe, 0o600)
    (home.folder / "in.jsonl").write_text('{"prompt": "a"}\n{"prompt": "b"}\n{"prompt": "c"}\n')
    answer = {"choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}]}
    with serving(plain(answer)) as server:
        home.local(server.address, client=f"api_key_file: {pipe}")
        words = [str(home.folder / "in.jsonl"), "-o", str(home.folder / "out.jsonl")]
        with home.start(*words, prog="loki-batch") as process:
            pipe.write_bytes(b"key-of-pipe\nnote\n")
            _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    keys = [asked.headers["authorization"] for asked in server.asked]
    assert keys == ["Bearer key-of-pipe"] * 3
