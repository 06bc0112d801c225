"""loki --completions: TAB in real shells, at a terminal of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import BIN, Home
from terminals import Terminal

from loki.cli.admin.completions import SHELLS, options
from loki.cli.commands import COMMANDS

BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")

#: How each shell starts without the user's own files, and what it then reads.
STARTS: dict[str, tuple[list[str], str]] = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source {script}"),
    "bash with bash-completion": (
        ["bash", "--norc", "--noprofile", "-i"],
        f"source {BASH_COMPLETION}; source {{script}}",
    ),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -D; source {script}"),
    "fish": (["fish", "--no-config", "-i"], "source {script}"),
}

#: What is typed before TAB, and what the line then is.
TABS = [
    ("loki-pipe --sche", "loki-pipe --schema"),
    ("loki-pipe -m local:b", "loki-pipe -m local:big-one"),
    ("loki-pipe --fallback other:c", "loki-pipe --fallback other:cheap:free"),
    ("loki-pipe --fallback other:cheap:f", "loki-pipe --fallback other:cheap:free"),
    ("loki-pipe --model=local:b", "loki-pipe --model=local:big-one"),
    ("loki-pipe --dry-run=c", "loki-pipe --dry-run=curl"),
    ("loki-pipe -C tri", "loki-pipe -C trip.jsonl"),
    ("loki-pipe -T comm", "loki-pipe -T commit.md"),
    ("loki-cost -o js", "loki-cost -o json"),
    ("loki-cost --by mo", "loki-cost --by mo"),
    ("loki-batch --ord", "loki-batch --ordered"),
    ("loki --get-secret ALP", "loki --get-secret ALPHA"),
    ("loki --authenticate oth", "loki --authenticate other"),
    ("loki --man loki-conf", "loki --man loki-config"),
    ("loki --completions z", "loki --completions zsh"),
]


@pytest.fixture
def furnished(home: Home) -> Home:
    """A home with clients, models, a secret, a template and a conversation."""
    home.configure(
        "clients:\n"
        "- {type: openai-compatible, name: local, api_base: 'http://127.0.0.1:9',\n"
        "   models: [{name: big-one}, {name: small}]}\n"
        "- {type: openai-compatible, name: other, api_base: 'http://127.0.0.1:9',\n"
        "   models: [{name: 'cheap:free'}]}\n"
    )
    (home.folder / "templates").mkdir()
    (home.folder / "templates" / "commit.md").write_text("Hi")
    work = home.folder / "work"
    work.mkdir()
    (work / "trip.jsonl").write_text("")
    assert home.run("--add-secret", "ALPHA", stdin="s\n", prog="loki").code == 0
    return home


@pytest.fixture(params=STARTS)
def terminal(request: pytest.FixtureRequest, furnished: Home) -> Iterator[Terminal]:
    """A shell that has read the script of its completions."""
    shell = request.param.partition(" ")[0]
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} on this machine")
    if "with" in request.param and not BASH_COMPLETION.exists():
        pytest.skip("no bash-completion on this machine")
    words, reads = STARTS[request.param]
    script = furnished.folder / "script"
    script.write_text(furnished.call("--completions", shell, prog="loki").out)
    environ = {
        **furnished.variables(),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "TERM": "dumb",
        "PS1": "$ ",
        "INPUTRC": os.devnull,
    }
    made = Terminal(words, environ, cwd=str(furnished.folder / "work"))
    made.type(f"{reads.format(script=script)}; echo rea''dy\r")
    assert "ready" in made.read(lambda shown: "\nready" in bare(shown))
    yield made
    made.close()


CODES = r"\x1b(?:\[[0-9;?<>=]*[A-Za-z]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[=>()][0B]?)"


def bare(shown: str) -> str:
    """Return what is shown, without codes of terminals and what was taken back."""
    line: list[str] = []
    for key in re.sub(CODES, "", shown).replace("\r", ""):
        if key == "\b":
            del line[-1:]
        else:
            line.append(key)
    return "".join(line)


def test_tab_completes_what_a_flag_takes(terminal: Terminal) -> None:
    for typed, line in TABS:
        terminal.shown = ""
        terminal.type(f"{typed}\t")
        shown = bare(terminal.read(lambda shown, line=line: line in bare(shown)))  # type: ignore[misc]
        assert line in shown, typed
        terminal.type("\x05\x15")  # to the end, and all of it away


def test_tab_after_the_name_of_a_secret_lists_no_files(terminal: Terminal) -> None:
    terminal.shown = ""
    terminal.type("loki --get-secret tri\t")
    terminal.type("x\t --inf\t")
    shown = bare(terminal.read(lambda shown: "--info" in bare(shown)))
    assert "--info" in shown and "trip.jsonl" not in shown


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_says_first_how_to_load_it_and_has_every_flag(shell: str, home: Home) -> None:
    script = home.call("--completions", shell, prog="loki").out
    assert script.startswith(f"# {shell}, in ~/.") and f"--completions {shell}" in script[:80]
    for prog in COMMANDS:
        names = [name.lstrip("-") for flag in options(prog) for name in flag.names]
        assert prog in script and [name for name in names if name not in script] == []
    program = shutil.which(shell)
    if program:
        (home.folder / "script").write_text(script)
        subprocess.run([program, "-n", str(home.folder / "script")], check=True, timeout=30)
