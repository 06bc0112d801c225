"""The README is true: its commands parse, its configuration loads, its tables are ours."""

from __future__ import annotations

import ast
import re
import subprocess

import pytest
from documents import blocks, commands, named_models
from matrix import matrix
from support import ROOT

import loki
from loki.cli.admin.man import pages
from loki.cli.commands import COMMANDS
from loki.cli.parser import parse, parser
from loki.config.catalogue import parse_section
from loki.config.parse_config import find_complaints
from loki.stages.resolve import DEFAULT_LIMITS

README = (ROOT / "README.rst").read_text()
CALLS = commands(README)


@pytest.mark.parametrize("words", CALLS, ids=" ".join)
def test_the_shell_examples_are_commands_of_ours(words: list[str]) -> None:
    assert parse(words[0], words[1:])


def test_there_are_shell_examples() -> None:
    assert len(CALLS) >= 4 and "cat report.txt | loki-pipe" in README


def test_the_call_from_python_is_python_and_names_what_loki_exports() -> None:
    (example,) = blocks(README, "python")
    imported, *others = ast.parse(example).body
    assert isinstance(imported, ast.ImportFrom) and imported.module == "loki" and len(others) == 2
    assert {name.name for name in imported.names} <= {*loki.__all__}


def test_the_configuration_has_nothing_wrong() -> None:
    (example,) = blocks(README, "yaml")
    plain, complaints = find_complaints(example)
    clients = {client.get("name", client["type"]) for client in plain["clients"]}
    assert complaints == ()
    named = {name.partition(":")[0] for name in named_models(CALLS)}
    assert named <= clients, "the examples work with what is shown"


def test_the_files_it_names_are_there() -> None:
    named = re.findall(r"``((?:loki|scripts|tests)/[\w/.-]*\w/?)``", README)
    assert len(named) > 8
    assert [path for path in named if not (ROOT / path).exists()] == []
    assert all((ROOT / "Makefile").read_text().count(f"\n{name}:") for name in ("demo", "test"))


def test_the_matrix_is_what_the_tables_draft() -> None:
    result = README.partition(".. matrix begins")[2].partition(".. matrix ends")[0]
    assert result.partition("\n\n")[2].strip() == matrix().strip()


@pytest.mark.parametrize("name", named_models(CALLS))
def test_the_models_of_the_examples_are_in_the_catalogue(name: str) -> None:
    client, _, model = name.partition(":")
    assert model in parse_section((ROOT / "loki/data/models.json").read_text(), client)


@pytest.mark.parametrize("prog", COMMANDS)
def test_the_example_in_the_help_is_one_line(prog: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    shown = parser(prog).format_help()
    assert shown.endswith(f"\nexample:\n  {COMMANDS[prog].example}\n") and " [=" not in shown


@pytest.mark.parametrize("prog", ["loki-pipe", "loki-embed", "loki-rerank", "loki-batch"])
def test_the_defaults_in_the_help_are_those_of_a_call(prog: str) -> None:
    shown = " ".join(parser(prog).format_help().split())
    names = {"timeout": "total", "connect-timeout": "connect", "idle-timeout": "idle"}
    for flag, limit in (names | {"retries": "retries", "max-wait": "max_wait"}).items():
        result = re.search(rf" --{flag} [SN] [^(]*\(default (\d+)", shown)
        assert result and int(result[1]) == getattr(DEFAULT_LIMITS, limit), flag


def test_the_manual_that_it_names_is_there() -> None:
    named = re.findall(r"``(loki(?:-[a-z]+)*)\((\d)\)``", README)
    assert {f"{name}.{number}" for name, number in named} == {*pages()}


def test_the_command_that_lists_the_stages_prints_them_in_order() -> None:
    (command,) = re.findall(r"``(head [^`]*)``", README)
    run = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    *stages, package = run.stdout.splitlines()
    numbers = [re.findall(r'^"""(\d)([a-z]?)\. ', line)[0] for line in stages]
    assert numbers == sorted(numbers) and len(numbers) > 10 and "The stages" in package


def test_what_answers_from_the_output_of_our_commands_asks_nothing_without_it() -> None:
    lines = [line for line in README.splitlines() if "| loki-rerank" in line]
    assert lines and all("loki-pipe" in line and "--if-input" in line for line in lines)
