"""What the prompt is made of: stdin, its encoding and its absence, system prompts, code blocks."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest
from commands import BIN, Home
from servers import ANSWER, Server, plain, reply, serving


def sent(server: Server) -> list[tuple[str, Any]]:
    """Return the roles and contents of the messages of the last request."""
    return [(each["role"], each["content"]) for each in server.asked[-1].json["messages"]]


# ---- stdin -------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["-n", "--no-stdin"])
def test_no_stdin_leaves_stdin_to_the_loop_around_it(home: Home, flag: str) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        loop = f'while read -r line; do {BIN}/loki-pipe {flag} "$line"; done'
        done = subprocess.run(
            ["bash", "-c", loop], input=b"one\ntwo\n", env=home.variables(), capture_output=True
        )
    assert done.returncode == 0, done.stderr
    assert [each.json["messages"][-1]["content"] for each in server.asked] == ["one", "two"]


@pytest.mark.parametrize(
    ("stdin", "requests"), [("", 0), ("a document\n", 1), ("\n", 1)], ids=["empty", "text", "line"]
)
def test_if_input_sends_nothing_where_stdin_is_empty(home: Home, stdin: str, requests: int) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.call("--if-input", "Summarise", stdin=stdin)
    assert (done.code, done.out, done.err) == (0, "Hello.\n" * requests, "")
    assert len(server.asked) == requests


@pytest.mark.parametrize(
    "words",
    [
        ["-n", "-f", "-", "Hi"],
        ["-n", "--messages", "-"],
        ["-n", "-"],
        ["-n", "--if-input", "Hi"],
        ["--if-input", "-f", "-", "Hi"],
        ["--system", "a", "--system-file", "b", "Hi"],
        ["--encoding", "nonesuch", "Hi"],
        ["--encoding", "hex", "Hi"],
    ],
    ids=" ".join,
)
def test_flags_that_contradict_each_other_are_refused(home: Home, words: list[str]) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.call(*words, stdin="x")
    assert (done.code, done.out) == (64, "") and server.asked == []


@pytest.mark.parametrize(
    ("data", "words", "text"),
    [
        ("é☃".encode(), [], "é☃"),
        ("é☃".encode("utf-8-sig"), [], "é☃"),
        ("é☃".encode("utf-8-sig"), ["--encoding", "utf-8"], "é☃"),
        ("é☃".encode("utf-16"), [], "é☃"),
        (b"\xfe\xff" + "é☃".encode("utf-16-be"), [], "é☃"),
        ("é☃".encode("utf-32"), [], "é☃"),
        (b"caf\xe9", ["--encoding", "latin-1"], "café"),
        ("é☃".encode("utf-16-le"), ["--encoding", "utf-16-le"], "é☃"),
    ],
)
def test_stdin_is_decoded_as_its_mark_or_the_flag_says(
    home: Home, data: bytes, words: list[str], text: str
) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.call(*words, stdin=data)
    assert (done.code, done.err) == (0, "") and sent(server) == [("user", text)]


def test_bytes_without_a_meaning_are_replaced_with_a_note(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        done, quiet = home.call(stdin=b"a\xffb\xfe"), home.call("-q", stdin=b"a\xffb\xfe")
    assert (done.code, done.out) == (0, "Hello.\n") and sent(server) == [("user", "a�b�")]
    assert "stdin is not UTF-8 text: byte 1 is 0xff" in done.err and "--encoding" in done.err
    assert len(done.err.splitlines()) == 1 and quiet.err == ""


@pytest.mark.parametrize(
    ("data", "words", "text", "note"),
    [
        (b"caf\xe9", [], "caf�", "stdin is not UTF-8 text: byte 3 is 0xe9"),
        (b"caf\xe9", ["--encoding", "latin-1"], "café", ""),
        ("é☃".encode("utf-16"), [], "é☃", ""),
        ("é☃".encode(), [], "é☃", ""),
    ],
)
def test_stdin_that_is_attached_is_decoded_alike(
    home: Home, data: bytes, words: list[str], text: str, note: str
) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.call(*words, "-f", "-", "Hi", stdin=data)
    assert done.code == 0 and note in done.err and len(done.err.splitlines()) == bool(note)
    assert sent(server) == [("user", f'<file name="stdin">\n{text}\n</file>\n\nHi')]


def test_stdin_that_is_attached_and_neither_text_nor_media_is_refused(home: Home) -> None:
    home.local("http://127.0.0.1:9")
    done = home.call("-f", "-", "Hi", stdin=b"\0\1\2")
    assert done.code == 65 and "stdin: neither text in UTF-8, PNG" in done.err


# ---- system prompts ----------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["-s", "--system", "--prompt", "--system-file"])
def test_a_system_prompt_is_text_or_a_file(home: Home, flag: str) -> None:
    (home.folder / "system.txt").write_text("Be brief.")
    value = str(home.folder / "system.txt") if flag == "--system-file" else "Be brief."
    with serving(ANSWER) as server:
        home.local(server.address)
        assert home.call(flag, value, "Hi").code == 0
    assert sent(server) == [("system", "Be brief."), ("user", "Hi")]


def test_a_system_prompt_that_is_not_there_is_missing(home: Home) -> None:
    home.local("http://127.0.0.1:9")
    done = home.call("--system-file", "nowhere", "Hi")
    assert done.code == 66 and "--system-file: no file nowhere" in done.err


# ---- JSON, itself or in a file -----------------------------------------------------------------

CAT = {"type": "function", "function": {"name": "cat", "parameters": {"type": "object"}}}
BEFORE = [{"role": "user", "content": "Hi"}]
PATCH = {"body": {"user": "me"}}


@pytest.mark.parametrize("form", ["file", "JSON"])
def test_json_is_given_itself_or_in_a_file(home: Home, form: str) -> None:
    values = {"tools": [CAT], "messages": BEFORE, "patch": PATCH, "schema": {"type": "string"}}
    words = []
    for name, value in values.items():
        (home.folder / f"{name}.json").write_text(json.dumps(value))
        given = str(home.folder / f"{name}.json") if form == "file" else f" {json.dumps(value)}"
        words += [f"--{name}", given]
    with serving(plain(reply('"Hello."'))) as server:
        home.local(server.address, "supports_function_calling: true\nno_stream: true")
        done = home.call(*words, "And?")
    assert (done.code, done.out) == (0, '"Hello."\n'), done.err
    body = server.asked[0].json
    assert (body["tools"], body["user"]) == ([CAT], "me") and "response_format" in body
    assert sent(server) == [("user", "Hi"), ("user", "And?")]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--messages", "[1"], 65, "--messages:1:3: not JSON"),
        (["--tools", "[{}]"], 65, "--tools: tool 1: expected"),
        (["--patch", "sk-a-secret"], 65, "--patch:1:1: not JSON"),
        (["--patch", "broken.json"], 65, "broken.json:1:2: not JSON"),
        (["--patch", "odd.json"], 65, "odd.json: unknown key 'bdy'"),
        (["--patch", "open.json"], 78, "open.json: anybody can write it"),
        (["--system", "@system.txt", "--schema", "@schema.json"], 66, "--schema: no file @schema"),
    ],
)
def test_what_is_wrong_with_such_json_is_said(
    home: Home, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, message: str
) -> None:
    monkeypatch.chdir(home.folder)
    files = {"broken.json": "{", "odd.json": '{"bdy": 1}', "open.json": "{}", "system.txt": "x"}
    for name, text in files.items():
        (home.folder / name).write_text(text)
    (home.folder / "open.json").chmod(0o666)
    home.local("http://127.0.0.1:9")
    done = home.call(*words, "Hi")
    assert done.code == code and message in done.err and "a-secret" not in done.err, done.err


# ---- code --------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["text", "json"])
def test_code_without_a_fence_is_an_input_problem(home: Home, form: str) -> None:
    with serving(plain(reply("No code today."))) as server:
        home.local(server.address)
        done = home.call("-c", "-o", form, "Hi")
    assert (done.code, done.out) == (65, "")
    assert done.err.startswith("loki-pipe: input: the answer has no fenced code block")


def test_completions_know_the_flags_for_files(home: Home) -> None:
    script = home.folder / "script"
    script.write_text(home.call("--completions", "bash", prog="loki").out)
    (home.folder / "system.txt").write_text("x")
    lines = f"""
        source {script}
        COMP_LINE="loki-pipe --system-file sys" COMP_POINT=99; _loki loki-pipe
        echo "${{COMPREPLY[@]}}"
        COMP_LINE="loki-pipe --if"; _loki loki-pipe; echo "${{COMPREPLY[@]}}"
    """
    environ = {**home.variables(), "PATH": f"{BIN}:{os.defpath}"}
    done = subprocess.run(["bash", "-c", lines], env=environ, capture_output=True, cwd=home.folder)
    assert done.stdout.decode().split() == ["system.txt", "--if-input"]
