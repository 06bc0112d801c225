"""Commands of tools: what is wrong with one is said by its file and number, before it is run."""

from __future__ import annotations

from typing import Any

import pytest

from loki.formats.openai_messages import read_tools
from loki.formats.tool_commands import ToolCommand, read_commands

FUNCTION = {"name": "now", "parameters": {"type": "object"}}


def tool(**fields: Any) -> dict[str, Any]:
    """A tool of a file."""
    return {"type": "function", "function": FUNCTION, **fields}


def test_a_tool_with_a_command_can_be_run() -> None:
    tools = [
        tool(command=["date", "-u"], timeout=5),
        {"type": "function", "function": {"name": "x"}},
    ]
    assert read_commands(tools, "t.json").unwrap() == {
        "now": ToolCommand("now", ("date", "-u"), {"type": "object"}, 5.0)
    }


def test_what_a_provider_is_told_of_a_tool_has_no_command() -> None:
    result = read_tools([tool(command=["date"], timeout=5)], "t.json").unwrap()
    assert result == read_tools([tool()], "t.json").unwrap()


@pytest.mark.parametrize(
    ("tools", "message"),
    [
        ([tool()], '--run-tools: no tool in t.json has a command: add "command": ["PROGRAM", …]'),
        ([tool(command="date -u")], "tool 1: command is not a list of texts"),
        ([tool(command=[])], "tool 1: command is not a list of texts"),
        ([tool(command=[""])], "tool 1: command is not a list of texts"),
        ([tool(command=["a", 5])], "tool 1: command is not a list of texts"),
        ([tool(command=["a\0"])], "tool 1: command is not a list of texts"),
        ([tool(), tool(command=["a"], timeout="5")], "tool 2: timeout is '5', not a number"),
        ([tool(command=["a"], timeout=0)], "tool 1: timeout is 0, not a number"),
        ([tool(command=["a"], timeout=True)], "tool 1: timeout is True, not a number"),
        ([tool(command=["a"], timeout=float("inf"))], "tool 1: timeout is inf, not a number"),
        ([tool(command=["a"]), tool(command=["b"])], "t.json: two tools are named 'now'"),
        ([{"type": "x", "command": ["a"]}], "tool 1: a command, but no function with a name"),
        (
            [{"function": {"name": "a", "parameters": {"type": 5}}, "command": ["a"]}],
            "tool 1: parameters: not a JSON Schema: $.type",
        ),
    ],
)
def test_what_is_wrong_with_a_command_is_said(tools: Any, message: str) -> None:
    problem = read_commands(tools, "t.json").failure()
    assert problem.kind in ("usage", "input") and message in problem.message
