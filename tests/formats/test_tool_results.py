"""Results of tools: a text whatever a function gives, and words for the model where it fails."""

from __future__ import annotations

from typing import Any

import pytest

from loki.formats.tool_results import call_functions, find_argument_fault
from loki.messages import Message, Tool, ToolCall

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
DOUBLE = Tool("double", "", SCHEMA)


def double(n: int) -> Any:
    """Return twice a number, which must not be 0."""
    return 2 * n // bool(n)


@pytest.mark.parametrize(
    ("arguments", "text", "is_error"),
    [
        ({"n": 2}, "4", False),
        ({"n": 0}, "ZeroDivisionError: ", True),
        ({"n": "2"}, "the arguments break the schema of double at $.n: '2'", True),
        ({}, "the arguments break the schema of double at $: 'n' is a required property", True),
        ({"n": 2, "m": 3}, "TypeError: ", True),
    ],
)
def test_a_call_has_a_result(arguments: Any, text: str, is_error: bool) -> None:
    (result,) = call_functions(
        (DOUBLE,), {"double": double}, (ToolCall("c1", "double", arguments),)
    )
    assert result.text.startswith(text) and result.is_error == is_error
    assert (result.role, result.tool_call_id) == ("tool", "c1")


def test_a_tool_without_a_function_cannot_be_called() -> None:
    (result,) = call_functions((DOUBLE,), {}, (ToolCall("c1", "double", {"n": 1}),))
    assert result == Message("tool", "there is no tool 'double'", (), "c1", is_error=True)


def test_what_is_wrong_is_said_before_anything_is_called() -> None:
    assert find_argument_fault(ToolCall("c1", "double", {"n": 1}), {"double": SCHEMA}) == ""
    assert find_argument_fault(ToolCall("c1", "x", {}), {"double": SCHEMA}).endswith(
        "; known: double"
    )
