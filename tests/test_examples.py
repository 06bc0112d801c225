"""The files in scripts/examples do what they say: run as a user would, by a shell, git, make."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import BIN, Done, Home
from servers import CLOSE, Asked, Script, Server, plain, reply, serving
from support import ROOT

EXAMPLES = ROOT / "scripts" / "examples"


def answer(asked: Asked) -> Script:
    """Answer with something that depends on the question."""
    question = asked.json["messages"][-1]["content"]
    if "NOTHING" in question:
        return plain(reply("disk is full" if "error" in question else "NOTHING"))
    if "Translate to" in question:
        return plain(reply(question.rpartition(": ")[2].upper()))
    return plain(reply(f"About {question.split()[-1]}"))


@pytest.fixture
def server(home: Home) -> Iterator[Server]:
    """A model that answers, and a configuration with it."""
    with serving(answer) as it:
        home.local(it.address, "no_stream: true\ninput_price: 1\noutput_price: 1")
        (home.folder / "work").mkdir()
        yield it


@pytest.fixture
def shell(home: Home, server: Server) -> Callable[[str], Done]:
    """A shell in a folder of its own, which finds our commands and the examples."""
    environ = {
        **home.variables(),
        "PATH": f"{EXAMPLES}:{BIN}:{os.environ['PATH']}",
        "GIT_CONFIG_GLOBAL": os.devnull,
        **{f"GIT_{who}_NAME": "me" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "me" for who in ("AUTHOR", "COMMITTER")},
    }

    def run(lines: str) -> Done:
        done = subprocess.run(
            ["bash", "-ec", lines],
            env=environ,
            cwd=home.folder / "work",
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


def needs(program: str) -> pytest.MarkDecorator:
    """Return a visible skip where a program is not there."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"needs {program}")


def prompts(server: Server) -> list[str]:
    """Return the questions so far."""
    return [asked.json["messages"][-1]["content"] for asked in server.asked]


#: A repository with the hook and a file that is to be committed.
HOOKED = (
    f"git init -q .; mkdir -p .git/hooks; cp {EXAMPLES}/prepare-commit-msg .git/hooks; "
    "echo hello > a.txt; git add a.txt"
)


@needs("git")
def test_a_hook_writes_the_message_of_a_commit(
    server: Server, shell: Callable[[str], Done]
) -> None:
    done = shell(f"{HOOKED}; GIT_EDITOR=true git commit -q; git log --format=%B")
    assert (done.code, done.out.strip()) == (0, "About +hello"), done.err
    (asked,) = server.asked
    assert asked.json["messages"][0]["role"] == "system" and asked.json["temperature"] == 0
    assert "Write the message of a commit with these changes:" in prompts(server)[0]
    done = shell("git commit -q --allow-empty -m mine; git log -1 --format=%B")
    assert done.out.strip() == "mine" and len(server.asked) == 1


@needs("git")
def test_a_prompt_file_answers_in_a_pipe(server: Server, shell: Callable[[str], Done]) -> None:
    begin = "git init -q .; echo hello > a.txt; git add a.txt"
    done = shell(f"{begin}; git diff --cached | commit-message --set language=French")
    assert (done.code, done.out) == (0, "About +hello\n"), done.err
    assert "these changes in French:" in prompts(server)[0]


@needs("git")
def test_a_commit_goes_on_without_an_answer(home: Home, shell: Callable[[str], Done]) -> None:
    home.local("http://127.0.0.1:9", client="extra: {max_retries: 0}")
    done = shell(f"{HOOKED}; GIT_EDITOR='echo mine >' git commit -q; git log --format=%B")
    assert (done.code, done.out.strip()) == (0, "mine"), done.err


@pytest.mark.parametrize(
    ("log", "out", "requests"),
    [("all is well\n", "", 1), ("error 28\n", "disk is full\n", 1), ("", "", 0)],
)
def test_a_log_is_watched_and_silence_is_no_mail(
    home: Home, server: Server, shell: Callable[[str], Done], log: str, out: str, requests: int
) -> None:
    (home.folder / "work" / "syslog").write_text(log)
    done = shell("watch-log syslog")
    assert (done.code, done.out, done.err) == (0, out, "") and len(server.asked) == requests


def test_a_watch_that_fails_says_so(home: Home, shell: Callable[[str], Done]) -> None:
    home.local("http://127.0.0.1:9", "input_price: 1\noutput_price: 1", "extra: {max_retries: 0}")
    done = shell("echo error > syslog; watch-log syslog")
    assert (done.code, done.out) == (69, "") and "offline" in done.err


def failure(status: int, code: str) -> Script:
    """Return an error of a provider, which nothing would cure by being tried again."""
    return plain({"error": {"message": code, "code": code}}, status, "x-should-retry: false\r\n")


BUSY, BROKE = failure(429, "rate_limit_exceeded"), failure(429, "insufficient_quota")
FULL = plain(reply("disk is full"))
#: What the two models answer; the report then, what is printed for the mail, the exit code.
REPORTS: dict[str, tuple[list[Script], str, str, int]] = {
    "whole": ([FULL], "disk is full\n", "", 0),
    "cut off": ([plain(reply("disk is", "length"))], "old\n", "cut off", 1),
    "the second model": ([BUSY, FULL], "disk is full\n", "", 0),
    "busy": ([BUSY, BUSY], "old\n", "", 0),
    "offline": ([[CLOSE], [CLOSE]], "old\n", "", 0),
    "garbled": ([plain({}), plain({})], "old\n", "", 0),
    "out of credit": ([BUSY, BROKE], "old\n", "No report until there is money", 1),
    "no key": ([failure(401, "no")], "old\n", "auth", 1),
}


@pytest.mark.parametrize("case", REPORTS)
def test_a_report_is_whole_or_stays_as_it_is(
    home: Home, shell: Callable[[str], Done], case: str
) -> None:
    answers, report, mail, code = REPORTS[case]
    with serving(*answers) as models:
        client = (
            "  - type: openai-compatible\n    name: {}\n    api_base: {}\n    api_key: k\n"
            "    models:\n      - name: {}\n        no_stream: true\n"
        )
        names = [("local", "m"), ("groq", "openai/gpt-oss-120b")]
        clients = "".join(client.format(name, models.address, model) for name, model in names)
        home.configure(f"model: local:m\nclients:\n{clients}")
        done = shell("echo old > report; echo error | nightly-report report || exit 1")
    assert (home.folder / "work" / "report").read_text() == report
    assert done.code == code and mail in done.out and bool(done.out) == bool(mail), done


def test_a_night_without_a_log_keeps_the_report(
    home: Home, server: Server, shell: Callable[[str], Done]
) -> None:
    done = shell("echo old > report; nightly-report report < /dev/null; cat report")
    assert (done.code, done.out, server.asked) == (0, "old\n", [])


def test_a_table_is_translated(home: Home, server: Server, shell: Callable[[str], Done]) -> None:
    table = "id,lang,text\n1,French,good day\n2,German,good night\n"
    (home.folder / "work" / "texts.csv").write_text(table)
    command = translate_command()
    done = shell(f"cp {EXAMPLES}/translate . && {command}")
    assert done.code == 0, done.err
    with open(home.folder / "work" / "translated.csv", newline="") as file:
        rows = {row["id"]: (row["input_text"], row["text"]) for row in csv.DictReader(file)}
    assert rows == {"1": ("good day", "GOOD DAY"), "2": ("good night", "GOOD NIGHT")}
    assert shell(command).code == 0 and len(server.asked) == 2  # what is done is not done again


def translate_command() -> str:
    """Return the command that the example says is to be typed."""
    match = re.search(r"^# (loki-batch .*)$", (EXAMPLES / "translate").read_text(), re.MULTILINE)
    assert match is not None
    return match[1]


@needs("make")
def test_make_asks_again_only_about_what_changed(
    home: Home, server: Server, shell: Callable[[str], Done]
) -> None:
    none = shell(f"cp {EXAMPLES}/summaries/* . && make -s")
    assert none.code == 2 and "no *.txt here to summarise" in none.err
    begin = "echo one > a.txt && echo two > b.txt"
    done = shell(f"{begin} && make -s && cat summary.md")
    assert (done.code, done.out) == (0, "About one\nAbout two\n"), done.err
    assert shell("make -s").code == 0 and len(server.asked) == 2
    done = shell("echo three > b.txt && touch -d '+1 minute' b.txt && make -s && cat summary.md")
    assert done.out == "About one\nAbout three\n" and len(server.asked) == 3
    home.local("http://127.0.0.1:9", client="extra: {max_retries: 0}")
    done = shell("echo four > c.txt; make -s || ls")
    assert "c.summary" not in done.out and "a.summary" in done.out


def test_a_script_is_run_again_without_the_network(
    home: Home, server: Server, shell: Callable[[str], Done]
) -> None:
    script = 'for n in 1 2 3; do loki-pipe -n --cache=1h "Say $n"; done'
    first = shell(script)
    assert first.out == "About 1\nAbout 2\nAbout 3\n" and len(server.asked) == 3
    again = shell(script)
    assert again == first and len(server.asked) == 3


def test_every_example_is_tried() -> None:
    """A new example has its test here; what is executable says how to run it."""
    files = [path for path in EXAMPLES.rglob("*") if path.is_file()]
    assert {str(path.relative_to(EXAMPLES)) for path in files} == {
        "commit-message",
        "prepare-commit-msg",
        "watch-log",
        "nightly-report",
        "translate",
        "summaries/Makefile",
        "summaries/summarise",
    }
    runnable = {path.name for path in files if path.read_bytes().startswith(b"#!")}
    assert runnable == {path.name for path in files if os.access(path, os.X_OK)}


def test_the_examples_are_short() -> None:
    assert all(len(Path(path).read_text().splitlines()) <= 12 for path in EXAMPLES.glob("[!s]*"))
