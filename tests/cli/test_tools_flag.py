"""``--tools``: a file or the JSON itself, and whose fault it is if it is wrong."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import pytest

from loki.cli.tools_flag import NO_TOOLS, tools_of

FUNCTION = {"name": "now", "description": "The time.", "parameters": {"type": "object"}}
TOOLS = json.dumps([{"type": "function", "function": FUNCTION}, {"googleSearch": {}}])


@pytest.mark.parametrize("is_file", [False, True])
def test_functions_and_tools_of_the_provider_are_told_apart(tmp_path: Path, is_file: bool) -> None:
    path = tmp_path / "t.json"
    path.write_text(TOOLS)
    functions, own = tools_of(Namespace(tools=str(path) if is_file else TOOLS)).unwrap()
    assert [tool.name for tool in functions] == ["now"] and own == ({"googleSearch": {}},)


def test_without_the_flag_there_are_none() -> None:
    assert tools_of(Namespace(tools=None)).unwrap() == NO_TOOLS


@pytest.mark.parametrize("is_file", [False, True])
def test_what_is_wrong_is_named_by_its_place(tmp_path: Path, is_file: bool) -> None:
    path = tmp_path / "t.json"
    path.write_text("[{]")
    problem = tools_of(Namespace(tools=str(path) if is_file else "[{]")).failure()
    assert problem.message.startswith(f"{path}:" if is_file else "--tools")
