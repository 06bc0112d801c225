"""The help of all commands is alike: one set of headings, a flag under the same one everywhere."""

from __future__ import annotations

import pytest

from loki.cli.commands import COMMANDS
from loki.cli.parser import parser

#: The headings, in their order; no command has another.
HEADINGS = (
    *("model", "selection", "input", "prompt", "generation", "tools", "output"),
    *("limits and concurrency", "cost", "provider batch API", "network", "request"),
    *("inspection", "configuration", "setup", "logins and secrets"),
)
#: Flags that mean another thing in some command, and so may stand elsewhere there.
OTHERS = {"--info", "--check", "--model", "--tag", "--file", "--in-flight", "--encoding"}


@pytest.mark.parametrize("prog", COMMANDS)
def test_the_headings_are_those_of_all_commands_in_the_same_order(prog: str) -> None:
    places = [HEADINGS.index(title) for title in COMMANDS[prog].groups]
    assert places == sorted(places)


def test_a_flag_stands_under_the_same_heading_in_every_command() -> None:
    places: dict[str, set[str]] = {}
    for command in COMMANDS.values():
        for title, rows in command.groups.items():
            for names, _ in rows:
                places.setdefault(names.split()[-1], set()).add(title)
    assert {name for name, titles in places.items() if len(titles) > 1} <= OTHERS


@pytest.mark.parametrize("prog", COMMANDS)
def test_the_help_fits_80_columns_and_breaks_no_flag(
    prog: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = parser(prog).format_help().partition("\nexample:")[0].splitlines()
    assert [line for line in lines if len(line) > 80 or line.endswith(("-", "loki-"))] == []


def test_store_and_query_each_have_an_entry() -> None:
    shown = parser("loki-search").format_help()
    assert "\n  STORE  " in shown and "\n  QUERY  " in shown
    assert vars(parser("loki-search").parse_intermixed_args(["s", "q"]))["text"] == ["s", "q"]
