"""loki's own flags: --info, --list-models, --check, --version."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from commands import Home, with_environ
from servers import ANSWER, serving

from loki.providers import TYPES


def test_loki_is_all_of_loki_pipe(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        assert home.run("Hi", prog="loki").out == "Hello.\n"


def test_info_is_made_for_grep_and_awk(home: Home) -> None:
    path = home.local("http://127.0.0.1:9")
    with home.start("--info", prog="loki") as process:
        words = "grep config_file | awk '{print $2}'"
        assert process.stdout is not None
        found = subprocess.run(["sh", "-c", words], stdin=process.stdout, capture_output=True)
    assert found.stdout.decode() == f"{path}\n"


def test_info_never_shows_nor_looks_up_a_secret(home: Home) -> None:
    mark = home.folder / "ran"
    home.local("http://127.0.0.1:9", client=f"api_key: sk-secret\naccess_token_cmd: touch {mark}")
    for words in (["--info"], ["--list-models"], ["--check"]):
        done = home.run(*words, prog="loki")
        assert done.code == 0 and "sk-secret" not in done.out + done.err
    assert not mark.exists()


def test_models_are_listed_with_what_is_known_of_them(home: Home) -> None:
    home.local("http://127.0.0.1:9", "max_input_tokens: 8192\ninput_price: 0.15\noutput_price: 2")
    assert home.run("--list-models", prog="loki").out.split() == [
        *["local:m", "chat", "8,192", "?", "$0.15", "$2"]
    ]
    (result,) = home.run("--list-models", "-o", "json", prog="loki").lines
    assert result["model"] == "local:m" and result["input_price"] == 0.15
    assert result["max_output_tokens"] is None


def test_the_catalogue_is_listed_without_a_configuration(home: Home) -> None:
    result = home.run("--list-models", "-o", "json", "-m", "openai", prog="loki").lines
    assert len(result) > 20 and {each["type"] for each in result} >= {"chat", "embedding"}
    assert all(each["model"].startswith("openai") for each in result)


def test_check_tells_everything_that_is_wrong(home: Home) -> None:
    path = home.configure("modle: x\nclients:\n  - type: opnai\n    nme: a\n  - name: b\n")
    done = home.run("--check", prog="loki")
    assert (done.code, done.out) == (78, "")
    assert done.err.splitlines() == [
        f"{path}:1:1: unknown key 'modle'; did you mean 'model'?",
        f"{path}:3:11: expected one of {', '.join(TYPES)}; found 'opnai'",
        f"{path}:4:5: unknown key 'nme'; did you mean 'name'?",
        f"{path}:5:5: 'type' is missing",
    ]
    pipe = home.run("Hi")
    assert pipe.code == 78
    assert pipe.err == (
        f"loki-pipe: config: {path}:1:1: unknown key 'modle'; did you mean 'model'?"
        " (and 3 more: loki --check)\n"
    )


def test_check_without_a_configuration_says_how_to_make_one(home: Home) -> None:
    done = home.run("--check", prog="loki")
    assert done.code == 78 and "loki --init" in done.err


def test_version_names_the_command(home: Home) -> None:
    assert home.run("--version").out.startswith("loki-pipe 0.")
    assert home.run("--version", prog="loki").out.startswith("loki 0.")


def test_python_can_run_the_package_as_loki(home: Home) -> None:
    words = [sys.executable, "-m", "loki", "--version"]
    done = subprocess.run(words, env=home.variables(), capture_output=True, timeout=30)
    assert done.returncode == 0 and done.stdout.startswith(b"loki 0.")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], ["local:big-one", "local:big-two", "local:small"]),
        (["big"], ["local:big-one", "local:big-two"]),
        (["BIG", "two"], ["local:big-two"]),
        (["local:*-one"], ["local:big-one"]),
        (["-m", "local:s", "l"], ["local:small"]),
        (["nothing"], []),
    ],
)
def test_the_list_of_models_is_filtered_by_words(
    home: Home, words: list[str], names: list[str]
) -> None:
    path = home.local("http://127.0.0.1:9")
    models = "".join(f"      - name: {name}\n" for name in ("big-one", "big-two", "small"))
    path.write_text(path.read_text().replace("      - name: m\n", models))
    done = home.call("--list-models", *words, prog="loki")
    assert [line.split()[0] for line in done.out.splitlines()] == names
    found_none = "loki: no model of a configured client has 'nothing' in its name\n"
    assert (done.code, done.err) == (0, "" if names else found_none)


@pytest.mark.parametrize("flag", ["--info", "--init", "--check", "--list-secrets"])
def test_a_stray_word_beside_an_administrative_flag_is_refused(home: Home, flag: str) -> None:
    done = home.call(flag, "stray", prog="loki")
    assert (done.code, done.out) == (64, "")
    assert done.err == f"loki: usage: {flag} takes no TEXT: 'stray'\n"


def test_our_own_faults_end_with_70_and_say_where_the_traceback_is(home: Home) -> None:
    probe = home.folder / "sitecustomize.py"
    probe.write_text(
        "import loki.cli.pipe as pipe\n"
        "def broken(flags, console): raise RuntimeError('it is ours')\n"
        "pipe.pipe = broken\n"
    )
    done = with_environ(home, {"PYTHONPATH": str(home.folder)}).run("Hi")
    assert done.code == 70 and "bug: RuntimeError: it is ours" in done.err
    saved = Path(done.err.rstrip().rpartition(" ")[2])
    assert "it is ours" in saved.read_text()
    saved.unlink()


BROKEN = {
    "before it is sent": ("loki.cli.pipe", "ask_of", False),
    "after it was sent": ("loki.cli.pipe", "check_answer", True),
}


@pytest.mark.parametrize("form", ["json", "events"])
@pytest.mark.parametrize(("module", "name", "sent"), BROKEN.values(), ids=list(BROKEN))
def test_our_own_faults_are_told_to_programs_too(
    module: str, name: str, sent: bool, form: str, home: Home
) -> None:
    probe = home.folder / "sitecustomize.py"
    probe.write_text(
        f"import {module} as module\n"
        "def broken(*values, **more): raise RuntimeError('it is ours')\n"
        f"module.{name} = broken\n"
    )
    with serving(ANSWER) as server:
        home.local(server.address)
        there = with_environ(home, {"PYTHONPATH": str(home.folder)})
        done = there.run("-m", "local:m", "-o", form, "Hi")
        assert bool(server.asked) is sent
    words, line = done.err.splitlines()
    parsed = json.loads(line)
    assert done.code == 70 and words.startswith("loki-pipe: bug: RuntimeError: it is ours; ")
    assert (parsed["kind"], parsed["sent"]) == ("bug", sent)
    assert parsed["message"] in words
    if form == "events":
        assert json.loads(done.out.splitlines()[-1]) == {"type": "error", **parsed}
    Path(words.rpartition(" ")[2]).unlink()


def test_all_clients_that_lack_a_variable_are_said_at_once_with_their_places(home: Home) -> None:
    path = home.configure(
        "clients:\n- {type: bedrock, name: a, region: '{{NOPEX}}'}\n- {type: openai, api_key: k}\n"
        "- {type: vertexai, project_id: '{{NOPEY}}'}\n"
    )
    done = home.call("--check", prog="loki")
    assert (done.code, done.out) == (78, "")
    assert done.err.splitlines() == [
        f"{path}:2:3: region: no environment variable NOPEX",
        f"{path}:4:3: project_id: no environment variable NOPEY",
    ]
    home.configure("clients:\n- {type: openai, api_key: k}\n")
    home.environ["LOKI_TEMPERATURE"] = "hot"
    done = home.call("--check", prog="loki")
    assert done.code == 78 and done.err.startswith("loki: config: LOKI_TEMPERATURE: ")


@pytest.mark.parametrize(("age", "code"), [("abc", 78), ("5", 78), ("7d", 0), ("any", 0), ("", 0)])
def test_check_says_that_the_age_of_the_cache_is_none_as_each_call_does(
    home: Home, age: str, code: int
) -> None:
    home.environ["LOKI_CACHE"] = age
    with serving(ANSWER) as server:
        home.local(server.address)
        call, check = home.call("Hi"), home.run("--check", prog="loki")
    why = f"config: LOKI_CACHE: {age!r} is not an age: 90s, 30m, 1h, 7d or 2w"
    for done in (call, check):
        assert done.code == code and (why in done.err) == bool(code), done.err
