"""The .env file: a pipe or a file, there or not, and what of it means nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from commands import Home
from servers import ANSWER, serving

from loki.edge.env_file import bad_lines, environment, notes_in, refusal, without_env_file

CONFIG = "clients:\n- {type: openai-compatible, name: local, api_base: 'http://127.0.0.1:1'}\n"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("A=1\n\n# note\n  # note\nexport B='x\ny'\n", []),
        ("bad line\n", [1]),
        ("A=1\n=x\n1A=x\nB=2\nexport\n", [2, 3, 5]),
        ("A='x\ny' z\nB=1\n", [2]),
        ("\ufeffA=1\r\nodd\r\n", [2]),
    ],
)
def test_lines_that_mean_nothing_are_found(text: str, lines: list[int]) -> None:
    assert [*bad_lines(text)] == lines


def test_a_bad_line_is_a_note_with_its_place_and_never_its_words(home: Home) -> None:
    (home.folder / ".env").write_text("sk-secret line\nLOKI_TAG=a\n=x\n")
    notes = [f"{home.folder}/.env:{n}: not NAME=VALUE, so it is not used" for n in (1, 3)]
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.call("Hi")
        assert (done.code, done.err.splitlines()) == (0, [f"loki-pipe: {n}" for n in notes])
        checked = home.call("--check", prog="loki")
    assert [line for line in checked.err.splitlines() if ".env" in line] == [
        f"note: {note}" for note in notes
    ]
    assert "sk-secret" not in done.err + checked.err


@pytest.mark.parametrize(
    ("name", "words"),
    [("none", "LOKI_ENV_FILE: no file "), ("file/none", "LOKI_ENV_FILE: not a directory: ")],
)
def test_a_named_file_that_is_not_there_is_an_error(home: Home, name: str, words: str) -> None:
    home.configure(CONFIG)
    (home.folder / "file").touch()
    home.environ["LOKI_ENV_FILE"] = str(home.folder / name)
    for prog, flag in (("loki-pipe", "Hi"), ("loki", "--check")):
        done = home.call(flag, prog=prog)
        assert (done.code, done.out) == (78, "")
        assert done.err == f"{prog}: config: {words}{home.folder}/{name}\n"


def test_a_pipe_that_never_ends_is_waited_for_until_the_timeout(home: Home) -> None:
    pipe = home.folder / "pipe"
    os.mkfifo(pipe, 0o600)
    home.configure(CONFIG)
    home.environ["LOKI_ENV_FILE"] = str(pipe)
    done = home.run("--timeout", "0.3", "Hi")
    assert (done.code, done.out) == (69, "")
    assert done.err.startswith(f"loki-pipe: offline: .env: {pipe} did not end within the time")
    assert done.err.endswith("; nothing was sent\n")


def test_the_variables_of_a_pipe_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.write(write, b"LOKI_TEST_NEW=piped\n")
    os.close(write)
    monkeypatch.setenv("LOKI_ENV_FILE", f"/dev/fd/{read}")
    found = environment()
    os.close(read)
    assert (found["LOKI_TEST_NEW"], refusal(found), notes_in(found)) == ("piped", None, ())


def test_nothing_that_is_handed_on_reaches_a_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my.env").write_text("bad line\nLOKI_TEST_NEW=x\n")
    monkeypatch.setenv("LOKI_ENV_FILE", str(tmp_path / "my.env"))
    monkeypatch.setenv("LOKI_CONFIG_FILE_READ", "of somebody else")
    found = environment()
    assert "LOKI_CONFIG_FILE_READ" not in found and len(notes_in(found)) == 1
    children = without_env_file({**found, "LOKI_CONFIG_FILE_READ": "text"})
    assert not [name for name in children if name.startswith("LOKI_TEST") or "_READ" in name]
    assert "LOKI_ENV_FILE_NOTES" not in children
