"""The vault from a shell: --add-secret and its kin, at a terminal and in a pipe; and its use."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import stat
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from commands import Done, Home, with_environ
from servers import ANSWER, serving


def loki(home: Home, *words: str, stdin: bytes | str = b"") -> Done:
    """One of loki's own commands."""
    return home.run(*words, stdin=stdin, prog="loki")


def add(home: Home, **secrets: str) -> None:
    """Put secrets into the vault."""
    for name, value in secrets.items():
        assert loki(home, "--add-secret", name, stdin=value).code == 0


# ---- in a pipe ---------------------------------------------------------------------------------


def test_a_secret_s_life(home: Home) -> None:
    first = loki(home, "--add-secret", "MY_KEY", stdin="sk-one\n")
    assert (first.code, first.out) == (0, "") and "sk-one" not in first.err
    assert f"a random password for the new vault goes into {home.folder}/vault_pass" in first.err
    assert loki(home, "--get-secret", "MY_KEY") == Done(0, "sk-one\n", "")
    assert loki(home, "--add-secret", "A.b-9", stdin="x") == Done(0, "", "")
    assert loki(home, "--list-secrets") == Done(0, "A.b-9\nMY_KEY\n", "")
    assert loki(home, "--update-secret", "MY_KEY", stdin="sk-two\n") == Done(0, "", "")
    assert loki(home, "--get-secret", "MY_KEY").out == "sk-two\n"
    assert loki(home, "--delete-secret", "MY_KEY") == Done(0, "", "")
    assert loki(home, "--list-secrets").out == "A.b-9\n"
    for name in ("vault.yml", "vault_password"):
        assert stat.S_IMODE((home.folder / name).stat().st_mode) == 0o600


def test_a_secret_that_stdout_does_not_take_is_kept_nowhere(home: Home) -> None:
    add(home, MY_KEY="sk-one-0123456789")
    with (
        open("/dev/full", "wb") as full,
        home.start("--get-secret", "MY_KEY", prog="loki", stdout=full) as process,
    ):
        _, err = process.communicate(b"")
    message = b"loki: output: cannot write to stdout: No space left on device\n"
    assert (process.returncode, err) == (74, message)
    files = [path for path in home.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if b"sk-one" in path.read_bytes()]


@pytest.mark.parametrize(
    ("stdin", "out"),
    [("a", "a\n"), ("a\n", "a\n"), ("a\n\n", "a\n\n"), ("\na", "\na\n"), ("{}\n \n", "{}\n \n")],
)
def test_one_line_end_of_stdin_is_not_the_secret_s(home: Home, stdin: str, out: str) -> None:
    add(home, A=stdin)
    assert loki(home, "--get-secret", "A").out == out


def test_without_a_vault_there_is_nothing_to_list(home: Home) -> None:
    assert loki(home, "--list-secrets") == Done(0, "", "")
    assert not (home.folder / "vault.yml").exists()


WRONG: list[tuple[list[str], bytes, int, str]] = [
    (["--add-secret", "KEY"], b"x", 65, "there is a secret 'KEY' in VAULT already"),
    (["--add-secret", "NEW"], b"", 65, "an empty value is no secret"),
    (["--add-secret", "NEW"], b"\n", 65, "an empty value is no secret"),
    (["--add-secret", "NEW"], b"a\xff", 65, "stdin is not UTF-8 text: byte 1"),
    (["--add-secret", "NEW", "sk-1"], b"", 64, "a value is not taken from the command line"),
    (["--add-secret", "a b"], b"x", 64, "'a b' cannot name a secret"),
    (["--add-secret", ""], b"x", 64, "'' cannot name a secret"),
    (["--add-secret"], b"x", 64, "expected one argument"),
    (["--get-secret", "KAY"], b"", 78, "no secret 'KAY' in VAULT; did you mean 'KEY'?"),
    (["--update-secret", "KAY"], b"x", 78, "no secret 'KAY' in VAULT; did you mean 'KEY'?"),
    (["--update-secret", "KEY"], b"", 65, "an empty value is no secret"),
    (["--update-secret", "KEY", "sk-1"], b"", 64, "a value is not taken from the command line"),
    (["--delete-secret", "KAY"], b"", 78, "no secret 'KAY' in VAULT; did you mean 'KEY'?"),
]


def test_what_cannot_be_done_is_told_and_changes_nothing(home: Home) -> None:
    add(home, KEY="sk-1")
    path = home.folder / "vault.yml"
    before = path.read_bytes()
    for words, stdin, code, message in WRONG:
        done = loki(home, *words, stdin=stdin)
        assert (done.code, done.out) == (code, ""), words
        assert message.replace("VAULT", str(path)) in done.err and done.err.count("\n") == 1
        assert path.read_bytes() == before


def test_the_configuration_says_where_the_password_is(home: Home) -> None:
    home.configure("vault_password_file: ~/mine/word\n")
    add(home, KEY="sk-1")
    assert (home.folder / "mine" / "word").exists()
    assert not (home.folder / "vault_password").exists()
    assert loki(home, "--get-secret", "KEY").out == "sk-1\n"
    (home.folder / "word").write_text("other")
    (home.folder / "word").chmod(0o600)
    other = with_environ(home, {"LOKI_VAULT_PASSWORD_FILE": "~/word"})
    assert "wrong password in" in loki(other, "--get-secret", "KEY").err
    home.configure("vault_pasword_file: ~/mine/word\n")
    broken = loki(home, "--get-secret", "KEY")
    assert broken.code == 78 and "vault_password_file" in broken.err


def test_many_processes_at_once_lose_nothing(home: Home) -> None:
    names = [f"KEY_{i}" for i in range(6)]
    processes = [home.start("--add-secret", name, prog="loki") for name in names]
    for name, process in zip(names, processes, strict=True):
        assert process.stdin
        process.stdin.write(name.lower().encode())
        process.stdin.close()
    for process in processes:
        assert process.stdout and process.stderr
        with process:
            assert process.wait(60) == 0, process.stderr.read()
    assert loki(home, "--list-secrets").out.split() == names
    for name in names:
        assert loki(home, "--get-secret", name).out == name.lower() + "\n"


def test_a_file_that_may_not_grow_leaves_the_old_vault(home: Home) -> None:
    add(home, KEY="sk-1")
    path = home.folder / "vault.yml"
    before = path.read_bytes()
    words = ["sh", "-c", 'ulimit -f 0; exec "$0" --update-secret KEY', sys.executable]
    words[-1:] = [str(Path(sys.executable).parent / "loki")]
    done = subprocess.run(words, env=home.variables(), input=b"sk-2", capture_output=True)
    assert done.returncode == 78 and path.read_bytes() == before
    assert done.stderr.decode() == (
        f"loki: config: cannot write {path}: file too large; it is as it was\n"
    )
    assert loki(home, "--get-secret", "KEY").out == "sk-1\n"


# ---- at a terminal -----------------------------------------------------------------------------


def typed(home: Home, *words: str, answers: tuple[tuple[str, str], ...]) -> tuple[int, str]:
    """The exit code of a command at a terminal, and all that the terminal showed."""
    ours, its = pty.openpty()

    def controlled() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = home.start(
        *words,
        prog="loki",
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
        preexec_fn=controlled,
    )
    os.close(its)
    shown = ""
    for prompt, answer in answers:
        shown += until(ours, prompt)
        os.write(ours, answer.encode())
    shown += until(ours, None)
    os.close(ours)
    return process.wait(10), shown.replace("\r\n", "\n")


def until(terminal: int, prompt: str | None) -> str:
    """What a terminal shows until it asks something, or to the end."""
    shown, end = b"", time.monotonic() + 20
    while prompt is None or not shown.decode().endswith(prompt):
        assert select.select([terminal], [], [], end - time.monotonic())[0], shown
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # Linux: the other end is closed
            piece = b""
        if not piece:
            assert prompt is None, shown
            break
        shown += piece
    return shown.decode()


VALUE = "Value of KEY (not shown): "
PASSWORD = "Password (not shown; enter for a random one): "
AGAIN = "The same again: "


def test_a_terminal_is_asked_and_shows_nothing(home: Home) -> None:
    asked = ((VALUE, "sk-hidden\n"), (PASSWORD, "my word\n"), (AGAIN, "my word\n"))
    code, shown = typed(home, "--add-secret", "KEY", answers=asked)
    assert code == 0 and "sk-hidden" not in shown and "my word" not in shown
    assert "random password for" not in shown
    assert (home.folder / "vault_password").read_text() == "my word\n"
    assert loki(home, "--get-secret", "KEY").out == "sk-hidden\n"
    code, shown = typed(home, "--update-secret", "KEY", answers=((VALUE, "sk-änders\n"),))
    assert code == 0 and shown.strip() == VALUE.strip()
    assert loki(home, "--get-secret", "KEY").out == "sk-änders\n"


def test_enter_makes_a_random_password(home: Home) -> None:
    asked = ((VALUE, "sk-hidden\n"), (PASSWORD, "\n"))
    code, shown = typed(home, "--add-secret", "KEY", answers=asked)
    assert code == 0 and f"goes into {home.folder}/vault_password: keep a copy" in shown
    assert len((home.folder / "vault_password").read_text()) == 44
    assert stat.S_IMODE((home.folder / "vault_password").stat().st_mode) == 0o600


TYPED: list[tuple[tuple[tuple[str, str], ...], int, str]] = [
    (((VALUE, "\n"),), 65, "input: an empty value is no secret"),
    (((VALUE, "\x04"),), 65, "input: nothing was typed"),
    (((VALUE, "\x03"),), 130, ""),
    (
        ((VALUE, "x\n"), (PASSWORD, "one\n"), (AGAIN, "two\n")),
        65,
        "input: the two passwords differ",
    ),
    (((VALUE, "x\n"), (PASSWORD, "\x03")), 130, ""),
]


@pytest.mark.parametrize(("asked", "code", "message"), TYPED)
def test_whoever_thinks_better_of_it_leaves_nothing_behind(
    home: Home, asked: tuple[tuple[str, str], ...], code: int, message: str
) -> None:
    ended, shown = typed(home, "--add-secret", "KEY", answers=asked)
    assert ended == code and message in re.sub(r"\x1b\[\d*m", "", shown)
    assert not {"vault.yml", "vault_password"} & set(os.listdir(home.folder))


def test_a_terminal_is_asked_for_nothing_that_cannot_be_done(home: Home) -> None:
    add(home, KEY="sk-1")
    for words, result in ((["--add-secret", "KEY"], 65), (["--update-secret", "KAY"], 78)):
        code, shown = typed(home, *words, answers=())
        assert code == result and "not shown" not in shown
    (home.folder / "vault_password").unlink()
    for words in (["--add-secret", "NEW"], ["--update-secret", "KEY"]):
        code, shown = typed(home, *words, answers=())
        assert code == 77 and "is locked" in shown and "not shown" not in shown


def test_a_locked_vault_names_the_setting_and_the_password_that_init_may_have_made(
    home: Home,
) -> None:
    environ = {"LOKI_STATE_DIR": str(home.folder / "state")}
    made = home.folder / "state" / "vault_password"
    home.configure(f"vault_password_file: {made}\n")
    add(home, KEY="sk-1")
    home.configure("{}\n")
    done = loki(with_environ(home, environ), "--get-secret", "KEY")
    assert done.code == 77 and done.err.endswith(
        "/vault_password is not there; vault_password_file in the configuration says where it is:"
        f" perhaps {made}\n"
    )
    made.unlink()
    done = loki(with_environ(home, environ), "--get-secret", "KEY")
    assert done.err.endswith(" in the configuration says where it is\n")


# ---- in use ------------------------------------------------------------------------------------

CLIENT = "api_key: '{{KEY}}'"


def test_a_name_is_looked_up_in_the_vault_before_the_environment(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(
            server.address,
            client=f"{CLIENT}\npatch:\n  chat_completions:\n    '.*':\n"
            "      headers:\n        X-Team: 'team {{TEAM}}, {{ROOM}}'",
        )
        add(home, KEY="sk-vault", TEAM="red")
        mine = with_environ(home, {"KEY": "sk-environment", "ROOM": "9"})
        assert mine.run("Hi") == Done(0, "Hello.\n", "")
    (asked,) = server.asked
    assert asked.headers["authorization"] == "Bearer sk-vault"
    assert asked.headers["x-team"] == "team red, 9"


def test_what_is_not_in_the_vault_comes_from_the_environment(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address, client=CLIENT)
        add(home, OTHER="x")
        mine = with_environ(home, {"KEY": "sk-environment"})
        assert mine.run("Hi").code == 0
        lost = home.run("Hi")
    assert server.asked[0].headers["authorization"] == "Bearer sk-environment"
    where = f"no secret KEY in {home.folder}/vault.yml, and no environment variable KEY"
    assert lost.code == 77 and where in lost.err and len(server.asked) == 1


BROKEN = {
    "a wrong password": ("vault_password", "1234-5678", "wrong password in"),
    "a vault that is none": ("vault.yml", "KEY: sk-1\n", "vault.yml:1: expected the line"),
    "a vault that is empty": ("vault.yml", "", "the rest of the file is missing"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_nothing_steps_in_for_a_broken_vault(home: Home, case: str) -> None:
    name, content, message = BROKEN[case]
    with serving(ANSWER) as server:
        home.local(server.address, client=CLIENT)
        add(home, KEY="sk-vault")
        (home.folder / name).write_text(content)
        done = with_environ(home, {"KEY": "sk-environment"}).run("Hi")
    assert done.code == 77 and done.out == "" and server.asked == []
    assert "clients[0].api_key: " in done.err and message in done.err
    assert done.err.count("\n") == 1


LOOKING = [
    ["--dry-run", "Hi"],
    ["--dry-run=curl", "Hi"],
    ["--dry-run", "--explain", "Hi"],
    ["--info"],
    ["--list-models"],
]


@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
def test_the_vault_stays_shut_while_nothing_is_sent(home: Home, words: list[str]) -> None:
    home.local("http://127.0.0.1:9", client=CLIENT)
    add(home, KEY="sk-vault")
    os.unlink(home.folder / "vault_password")
    (home.folder / "vault.yml").write_text("not a vault\n")
    done = loki(home, *words)
    assert done.code == 0 and "vault.yml:" not in done.err and "sk-vault" not in done.out + done.err


def test_a_server_that_repeats_the_secret_does_not_make_us_show_it(home: Home) -> None:
    def echo(asked: object) -> list[bytes | float]:
        body = json.dumps({"error": {"message": "bad key sk-vault-1234"}}).encode()
        return [b"HTTP/1.1 401 X\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)]

    with serving(echo) as server:
        home.local(server.address, client=CLIENT)
        add(home, KEY="sk-vault-1234")
        done = home.run("Hi")
    assert done.code == 77 and "bad key ***" in done.err and "sk-vault" not in done.err


PROBE = """
import json, sys
from loki.cli.main import run_guarded
code = run_guarded("loki-pipe", ["Hi"])
sys.stderr.write(json.dumps([code, sorted(sys.modules)]))
"""


@pytest.mark.parametrize(("name", "is_opened"), [("KEY", True), ("OTHER", False)])
def test_only_a_name_that_the_vault_holds_costs_a_cipher(
    home: Home, name: str, is_opened: bool
) -> None:
    with serving(ANSWER) as server:
        home.local(server.address, client=CLIENT)
        add(home, **{name: "sk-vault"})
        mine = with_environ(home, {"KEY": "sk-environment"})
        assert mine.run("Hi").code == 0  # which parses the configuration
        done = subprocess.run(
            [sys.executable, "-c", PROBE],
            env=mine.variables(),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=30,
        )
    code, modules = json.loads(done.stderr)
    assert code == 0 and ("cryptography" in modules) == is_opened
    assert not {"filelock", "subprocess", "getpass", "secrets"} & set(modules)
