"""The manual is true and whole: pages are current, examples run, everything has its entry."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from doctest import DocTestParser
from io import StringIO
from pathlib import Path

import manual
import pytest
import responses
from documents import blocks, commands, named_models, terms
from support import ROOT
from support import request as some_request

import loki
from loki.batch.output_format import COLUMNS
from loki.cli.admin.roff import to_text
from loki.cli.admin_flags import ADMINISTRATION
from loki.cli.commands import COMMANDS
from loki.cli.parser import parse
from loki.config.catalogue import parse_section
from loki.config.grammar import SECRET_FORMS
from loki.config.parse_config import find_complaints
from loki.config.setting_names import LIMITS, MODEL_SETTINGS, OAUTH_ALIASES, SETTINGS, TOP
from loki.edge.auth.oauth_profiles import DEFAULTS
from loki.edge.env_file import ADDED, PASSING
from loki.formats.json_output import event_json, problem_json, reply_with_message_json
from loki.messages import ToolCall
from loki.money.report import GROUPS, Tally
from loki.pipeline import Env
from loki.problems import EXIT_CODES, Problem
from loki.providers import KNOWN, TYPES
from loki.record import field_names
from loki.replies import Reply
from loki.retrieval.passages import Match, Passage, match_json
from loki.usage import Usage

SOURCES = {name: manual.source(name) for name in manual.names()}


@pytest.mark.parametrize("name", SOURCES)
def test_the_pages_are_what_their_sources_and_the_tables_make(name: str) -> None:
    assert (manual.PAGES / name).read_text() == manual.page(name), "write them anew: make manual"


def test_there_are_no_other_pages() -> None:
    assert sorted(path.name for path in manual.PAGES.iterdir()) == manual.names()


def test_there_is_a_page_for_every_command() -> None:
    assert {f"{prog}.1" for prog in COMMANDS} < {*SOURCES}


@pytest.mark.parametrize("name", SOURCES)
def test_a_page_is_readable_by_groff_without_a_warning(name: str) -> None:
    if shutil.which("groff") is None:
        pytest.skip("no groff on this machine")
    words = ["groff", "-ww", "-K", "utf8", "-t", "-man", "-Tutf8", "-rLL=78n"]
    path = str(manual.PAGES / name)
    done = subprocess.run([*words, path], capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("name", SOURCES)
def test_a_page_is_readable_by_mandoc_without_an_error(name: str) -> None:
    if shutil.which("mandoc") is None:
        pytest.skip("no mandoc on this machine")
    words = ["mandoc", "-Tlint", "-Wwarning", str(manual.PAGES / name)]
    assert subprocess.run(words, timeout=60).returncode == 0


# ---- whole ---------------------------------------------------------------------------------------


def shown(name: str) -> str:
    """Return a page as people read it."""
    return to_text((manual.PAGES / name).read_text())


@pytest.mark.parametrize("prog", COMMANDS)
def test_every_flag_has_its_entry(prog: str) -> None:
    groups = ADMINISTRATION if prog == "loki" else COMMANDS[prog].groups
    flags = {name for rows in groups.values() for names, _ in rows for name in names.split()}
    entries = re.findall(r"^ +(-.*)$", shown(f"{prog}.1"), re.MULTILINE)
    assert flags <= {word.strip(",").partition("[")[0] for each in entries for word in each.split()}


#: Flags of which there is more to say, and which other branches bring; this may only shrink.
def test_nothing_is_said_of_flags_that_are_not() -> None:
    names = {
        name
        for command in COMMANDS.values()
        for rows in command.groups.values()
        for names, _ in rows
        for name in names.split()
    }
    assert {key.split()[-1] for key in manual.details()} <= names


def test_every_setting_has_its_entry() -> None:
    configured = {each.name for each in MODEL_SETTINGS if each.configured}
    login = {*DEFAULTS, *OAUTH_ALIASES, *OAUTH_ALIASES.values(), "client_id", "client_secret"}
    urls = {"authorize_url", "token_url", "device_authorization_url", "redirect_port"}
    others = {"type", "name", "models", "patch", "extra", "oauth", "clients"}
    settings = {*SETTINGS, *TOP, *LIMITS, *configured, *login, *urls, *others, *TYPES, *KNOWN}
    assert settings - terms(SOURCES["loki-config.5"]) == set()
    text = SOURCES["loki-config.5"]
    assert [name for name in SECRET_FORMS if name.endswith("_cmd") and name not in text] == []


#: Variables that loki sets for itself.
INTERNAL = {ADDED, *PASSING, "LOKI_TOOL_CALL"}


def variables() -> set[str]:
    """Return the names of our environment variables, wherever the code has one."""
    code = "\n".join(path.read_text() for path in (ROOT / "loki").rglob("*.py"))
    named = set(re.findall(r"\bLOKI_[A-Z][A-Z_]*[A-Z]\b", code)) - INTERNAL
    folders = {f"LOKI_{kind}_DIR" for kind in ("CONFIG", "CACHE", "STATE")}
    return named | folders | {f"LOKI_{name.upper()}" for name in TOP}


def test_every_variable_has_its_entry() -> None:
    assert variables() - terms(SOURCES["loki-config.5"]) - {"LOKI_PATCH"} == set()


@pytest.mark.parametrize("prog", COMMANDS)
def test_every_exit_code_has_its_entry(prog: str) -> None:
    heads = re.findall(r"^(\d+) \((\w+)\)$", SOURCES[f"{prog}.1"], re.MULTILINE)
    assert {kind: int(code) for code, kind in heads} == EXIT_CODES


USAGE = Usage(input=1, output=1)
CALL = ToolCall("a", "b", {})
REPLY = Reply(
    "c:m", "Hi", "", (CALL,), "stop", None, USAGE, some_request({"type": "openai"}), carry=({},)
)
FIELDS = {
    "loki-pipe.1": [reply_with_message_json(REPLY, data=1), problem_json(Problem("bug", ""))],
    "loki-batch.1": [{"id": 0, "line": 0, "key": 0, "embedding": 0, "error": 0}],
    "loki-search.1": [{"query": "", **match_json(Match(0.5, Passage("Hi")))}],
    "loki-rerank.1": [dict.fromkeys(("index", "id", "score", "document"))],
    "loki-embed.1": [dict.fromkeys(("id", "index", "embedding", "chunk", "source", "line"))],
    "loki-cost.1": [Tally()._asdict(), GROUPS],
}


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_of_json_has_its_entry(name: str) -> None:
    fields = {field for each in FIELDS[name] for field in each}
    assert fields - terms(SOURCES[name]) == set()


def test_the_columns_of_a_batch_in_csv_have_their_entries() -> None:
    known = terms(SOURCES["loki-batch.1"]) | terms(SOURCES["loki-pipe.1"])
    assert {path[0] for path in COLUMNS.values()} - known == set()


@pytest.mark.parametrize("event", [CALL, USAGE], ids=lambda event: type(event).__name__)
def test_the_types_of_events_are_named(event: ToolCall | Usage) -> None:
    assert f'"type": "{event_json(event)["type"]}"' in SOURCES["loki-pipe.1"]


# ---- true ----------------------------------------------------------------------------------------

CALLS = [(name, call) for name, text in SOURCES.items() for call in commands(text)]


@pytest.mark.parametrize(("name", "words"), CALLS, ids=lambda value: " ".join(value)[:60])
def test_the_shell_examples_are_commands_of_ours(name: str, words: list[str]) -> None:
    assert parse(words[0], words[1:])


def test_most_pages_have_shell_examples() -> None:
    assert {name for name, _ in CALLS} >= {f"{prog}.1" for prog in COMMANDS}


@pytest.mark.parametrize("name", named_models([call for _, call in CALLS]))
def test_the_models_of_the_examples_are_in_the_catalogue(name: str) -> None:
    client, _, model = name.partition(":")
    assert model in parse_section((ROOT / "loki/data/models.json").read_text(), client)


EXAMPLES = [
    (name, language, block)
    for name, text in SOURCES.items()
    for language in ("yaml", "python")
    for block in blocks(text, language)
]


@pytest.mark.parametrize(("name", "language", "block"), EXAMPLES, ids=lambda value: value[:40])
def test_the_other_examples_are_right(name: str, language: str, block: str) -> None:
    if language == "yaml":
        assert find_complaints(block)[1] == ()
    else:
        assert ast.parse(block).body


PYTHON = SOURCES["loki-python.7"]


@pytest.mark.parametrize("script", blocks(PYTHON, "python"), ids=lambda script: script[:20])
def test_the_scripts_in_python_print_what_they_are_answered(
    script: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("LOKI_CONFIG_DIR", "LOKI_STATE_DIR", "LOKI_CACHE_DIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("LOKI_PLATFORM", "openai")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setattr(sys, "stdin", StringIO("Hi"))
    answer = {"choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}]}
    with responses.RequestsMock() as server:
        server.post("https://api.openai.com/v1/chat/completions", json=answer)
        exec(compile(script, "loki-python.7", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out == "Hello.\n"


def test_the_examples_in_python_are_typed_without_a_configuration(tmp_path: Path) -> None:
    steps = [example.source for example in DocTestParser().get_examples(PYTHON)]
    scripts = blocks(PYTHON, "python")
    paths = [tmp_path / f"example_{number}.py" for number in range(len(scripts) + 1)]
    for path, text in zip(paths, ["".join(steps), *scripts], strict=True):
        path.write_text(text)
    words = [sys.executable, "-m", "mypy", "--strict", "--config-file=", *map(str, paths)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_of_python_names_every_public_name_and_every_part_of_an_env() -> None:
    assert {name for name in loki.__all__ if not re.search(rf"\b{name}\b", PYTHON)} == set()
    parts = PYTHON.split("\nENV\n")[1].split("\nSTAGES\n")[0]
    assert {*field_names(Env)} == terms(parts)
    known = {*field_names(Problem), *field_names(Reply), *EXIT_CODES, "is_cached"}
    result = PYTHON.split("\nFAILURES\n")[1].split("\nFUNCTIONS\n")[0]
    result += PYTHON.split("\nREPLY\n")[1].split("\nA SCHEMA\n")[0]
    assert terms(result) <= known


@pytest.mark.parametrize("name", SOURCES)
def test_pages_name_only_pages_that_are(name: str) -> None:
    named = re.findall(r"\b(loki(?:-[a-z]+)?)\((\d)\)", SOURCES[name])
    assert {f"{title}.{number}" for title, number in named} <= {*SOURCES}
    assert "SEE ALSO" in SOURCES[name] and Decimal(name[-1]) in (1, 5, 7)


def test_the_pages_are_installed_where_man_finds_them() -> None:
    setup = Path(ROOT / "setup.cfg").read_text()
    sections = {name[-1] for name in SOURCES}
    assert all(f"share/man/man{n} = loki/data/man/*.{n}\n" in setup for n in sections)
