"""-T, --template: prompts as files, as a shell sees them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from commands import BIN, Done, Home
from servers import ANSWER, Server, plain, reply, serving

from loki.cli.template import DESTS, ROWS, values_of
from loki.config.prompt_file import FIELDS

FRONT = "---\nmodel: local:m\nsystem: Be brief.\ntemperature: 0.5\nstop: [A, B]\n---\n"


def prompt(server: Server) -> Any:
    """Return what the user asked in the last request."""
    return server.asked[-1].json["messages"][-1]["content"]


def written(home: Home, content: str, name: str = "a.md") -> str:
    """Write a prompt file; return its path."""
    path = home.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    return str(path)


@pytest.mark.parametrize(
    ("content", "words", "stdin", "expected"),
    [
        ("Summarise:\n", [], "A text.\n", "Summarise:\nA text.\n"),
        ("Summarise <{{ input }}>.\n", [], "A text.\n", "Summarise <A text.\n>."),
        ("Summarise.\n", ["in", "French"], "A text.\n", "Summarise.\nin French\nA text.\n"),
        ("Say {{ input }}.", ["Now."], "Hi", "Say Hi.\nNow."),
        ("To {{ lang }}:", ["--set", "lang=fr"], "Hi", "To fr:\nHi"),
        ("{{ a }}{{ b|default('-') }}", ["--set", "a=x=y", "--set", "a=z"], "", "z-"),
        ("Say {{ input }}.", ["-n"], "unread", "Say ."),
        ("{% raw %}{{ x }}{% endraw %}", [], "", "{{ x }}"),
        ("", ["Hi"], "", "Hi"),
    ],
)
def test_a_prompt_file_is_filled_in(
    home: Home, content: str, words: list[str], stdin: str, expected: str
) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.call("-T", written(home, content), *words, stdin=stdin or None)
    assert (done.code, done.out, done.err) == (0, "Hello.\n", "")
    assert prompt(server) == expected


def test_front_matter_sets_what_flags_set(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        home.environ["LOKI_MODEL"] = "nobody:x"
        assert home.call("-T", written(home, FRONT + "Hi")).code == 0
    body = server.asked[0].json
    assert (body["temperature"], body["stop"]) == (0.5, ["A", "B"])
    assert [each["content"] for each in body["messages"]] == ["Be brief.", "Hi"]


def test_the_command_line_goes_before_the_front_matter(home: Home) -> None:
    (home.folder / "system.txt").write_text("From a file.")
    with serving(ANSWER) as server:
        home.local(server.address)
        path = written(home, FRONT.replace("local:m", "nobody:x") + "Hi")
        words = ["-m", "local:m", "-t", "1", "--stop", "C"]
        for system in (["-s", "Mine."], ["--system-file", str(home.folder / "system.txt")]):
            assert home.call("-T", path, *words, *system).code == 0
    first, second = (asked.json for asked in server.asked)
    assert (first["temperature"], first["stop"]) == (1.0, ["C"])
    assert first["messages"][0]["content"] == "Mine."
    assert second["messages"][0]["content"] == "From a file."


def test_output_code_and_schema_can_be_set(home: Home) -> None:
    schema = "schema:\n  type: object\n  required: [n]\n"
    with serving(plain(reply('{"n": 1}')), plain(reply("```\nls\n```"))) as server:
        home.local(server.address, "no_stream: true")
        done = home.call("-T", written(home, f"---\noutput: json\n{schema}---\nHi"))
        assert done.json["data"] == {"n": 1}
        done = home.call("-T", written(home, f"---\noutput: json\n{schema}---\nHi"), "-o", "text")
        assert done.code == 65 and "the answer is not JSON" in done.err  # and no JSON line
        assert done.err.count("\n") == 1
        done = home.call("-T", written(home, "---\ncode: true\n---\nHi"))
    assert done.out == "ls\n"


def test_the_front_matter_is_as_the_flags_are() -> None:
    assert {*FIELDS} <= {*ROWS} and DESTS["system"] == "prompt" and DESTS["output"] == "output"
    assert all(ROWS[name][1].get("nargs") is None for name in FIELDS)


def test_no_secret_is_put_in_and_none_of_it_is_rendered(home: Home) -> None:
    home.environ["HIDDEN_KEY"] = "sk-secret"
    with serving(ANSWER) as server:
        home.local(server.address, client="api_key: '{{HIDDEN_KEY}}'")
        path = written(home, "---\nsystem: '{{HIDDEN_KEY}} {{ 1 + 1 }}'\n---\nHi")
        assert home.call("-T", path).code == 0
        done = home.call("-T", written(home, "{{ HIDDEN_KEY }}"))
    assert server.asked[0].json["messages"][0]["content"] == "{{HIDDEN_KEY}} {{ 1 + 1 }}"
    assert done.code == 65 and "'HIDDEN_KEY' is undefined" in done.err
    assert len(server.asked) == 1 and "sk-secret" not in done.err


#: The file, further flags, the exit code, and what is said.
WRONG: dict[str, tuple[str, list[str], int, str]] = {
    "a name that nobody gives": (
        "Hi\n{{ lang }}",
        [],
        65,
        "input: FILE:2: 'lang' is undefined; set it with --set lang=VALUE",
    ),
    "a name that is nearly given": (
        "{{ lang }}{{ lnag }}",
        ["--set", "lang=fr"],
        65,
        "input: FILE:1: 'lnag' is undefined; did you mean 'lang'?",
    ),
    "a value for no name": (
        "{{ lang }}",
        ["--set", "lagn=fr"],
        64,
        "usage: --set lagn: FILE does not use that name; did you mean 'lang'?",
    ),
    "no value": ("Hi", ["--set", "lang"], 64, "usage: --set 'lang' is not NAME=VALUE"),
    "no name": ("Hi", ["--set", "a-b=c"], 64, "usage: --set 'a-b=c' is not NAME=VALUE"),
    "another input": ("Hi", ["--set", "input=x"], 64, "usage: --set input: that is what is piped"),
    "a wrong value": (
        "---\ntemperature: 3\n---\nHi",
        [],
        65,
        "input: FILE:2: temperature: '3' is not a number from 0 to 2",
    ),
    "a wrong choice": (
        "---\n\noutput: xml\n---\nHi",
        [],
        65,
        "input: FILE:3: output: 'xml' is none of text, json, events",
    ),
    "a wrong schema": (
        "---\nschema: {type: nonesuch}\n---\nHi",
        [],
        65,
        "input: FILE:2: schema: not a JSON Schema",
    ),
    "a refused key": ("---\nconfig: x\n---\nHi", [], 65, "input: FILE:2:1: 'config' is for the co"),
    "a loop": ("{% for i in range(10**12) %}{% endfor %}", [], 65, "input: FILE:1: Range too big"),
    "an empty prompt": ("---\ncode: true\n---\n \n", [], 64, "usage: no prompt"),
    "binary": ("\0", [], 65, "input: FILE is binary: byte 0 is 0\n"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_and_nothing_is_sent(home: Home, case: str) -> None:
    content, words, code, message = WRONG[case]
    with serving(ANSWER) as server:
        home.local(server.address)
        path = written(home, content)
        done = home.call("-T", path, *words)
        assert (done.code, done.out, server.asked) == (code, "", [])
    assert done.err.startswith("loki-pipe: " + message.replace("FILE", path)), done.err
    assert done.err.count("\n") == 1


def test_set_without_a_prompt_file_is_refused(home: Home) -> None:
    home.local("http://127.0.0.1:9")
    done = home.call("--set", "a=b", "Hi")
    assert done.code == 64 and "name one with -T" in done.err


def test_values_keep_bytes_of_any_locale() -> None:
    assert values_of(["a=é"]).unwrap() == {"a": "é"} and values_of(["a="]).unwrap() == {"a": ""}


def test_input_that_is_missing_sends_nothing_where_that_was_asked(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.call("-T", written(home, "{{ input }}"), "--if-input")
        assert (done.code, done.out, done.err, server.asked) == (0, "", "", [])


# ---- where it is -------------------------------------------------------------------------------


def test_a_name_alone_is_looked_for_in_the_configuration_folder(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    there.mkdir()
    monkeypatch.chdir(there)
    (there / "review").write_text("Here")
    (there / "other").write_text("Other")
    written(home, "Kept", "templates/review")
    with serving(ANSWER) as server:
        home.local(server.address)
        for name, expected in (("review", "Kept"), ("./review", "Here"), ("other", "Other")):
            assert home.call("-T", name).code == 0 and prompt(server) == expected
        done = home.call("-T", "reveiw")
    assert done.code == 66 and f"no file reveiw, nor in {home.folder}/templates" in done.err
    assert "did you mean 'review'?" in done.err
    done = home.call("-T", "./nowhere")
    assert done.code == 66 and done.err == "loki-pipe: missing: --template: no file ./nowhere\n"


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_template_of_the_search_path_that_others_can_write_is_refused(
    home: Home, what: str
) -> None:
    path = Path(written(home, "Kept", "templates/review"))
    (path if what == "file" else path.parent).chmod(0o777)
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.call("-T", "review")
        assert (done.code, server.asked) == (78, []) and "anybody can write it" in done.err
        named = home.call("-T", str(path))  # who names a path has chosen that file
    assert named.code == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run as somebody else")
def test_a_template_of_another_user_is_refused(home: Home) -> None:
    path = Path(written(home, "Kept", "templates/review"))
    script = (
        "import os\n"
        "from loki.cli.template import find_template\n"
        "os.setgid(1234); os.setuid(1234)\n"
        f"environ = {{'LOKI_CONFIG_DIR': {str(home.folder)!r}}}\n"
        "print(find_template('review', environ).failure().message)"
    )
    for folder in (home.folder, *home.folder.parents):
        if folder.stat().st_mode & 0o011 != 0o011:
            folder.chmod(0o755)
    os.chown(path, 4321, 4321)
    command = [str(BIN / "python"), "-c", script]
    done = subprocess.run(command, capture_output=True, env=home.variables())
    assert b"another user owns it (uid 4321)" in done.stdout, done.stderr


# ---- as a program --------------------------------------------------------------------------------


def shell(home: Home, line: str) -> Done:
    """Run a line of a shell that finds our commands."""
    environ = {**home.variables(), "PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", line], env=environ, cwd=home.folder, capture_output=True, timeout=60
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_a_prompt_file_is_a_program(home: Home) -> None:
    path = Path(written(home, f"#!/usr/bin/env -S loki-pipe -T\n{FRONT}Write it.\n", "commit"))
    path.chmod(0o755)
    with serving(ANSWER) as server:
        home.local(server.address)
        done = shell(home, "echo a diff | ./commit")
        assert (done.out, prompt(server)) == ("Hello.\n", "Write it.\na diff\n"), done.err
        done = shell(home, "echo a diff | ./commit -o json in French")
        assert json.loads(done.out)["text"] == "Hello."
        assert prompt(server) == "Write it.\nin French\na diff\n"
        assert shell(home, "printf '' | ./commit --if-input").out == ""
        assert len(server.asked) == 2


def test_explain_says_what_came_from_the_file(home: Home) -> None:
    home.local("http://127.0.0.1:9/v1")
    path = written(home, FRONT + "{{ lang }}")
    done = home.call("-T", path, "--set", "lang=fr", "--explain", "--dry-run", "--top-p", "0.5")
    assert done.code == 0, done.err
    lines = done.err.splitlines()
    assert any(each.startswith(f"model         local:m (from {path}:2;") for each in lines)
    assert f"temperature   0.5 ({path}:4)" in lines
    assert "top_p         0.5 (command line)" in lines
    assert f"template      {path}" in lines
    assert f"system        {path}:3" in lines and f"stop          {path}:5" in lines
    assert done.json["body"]["messages"][-1]["content"] == "fr"


def test_a_time_limit_holds_for_the_template_too(home: Home) -> None:
    home.local("http://127.0.0.1:9")
    loop = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    done = home.call("-T", written(home, loop), "--timeout", "1")
    assert done.code in (65, 69) and ("total timeout" in done.err or "takes over" in done.err)
