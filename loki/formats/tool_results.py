"""Calls of tools -> their results: functions are called, what is wrong is said to the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from loki.formats.structured_output import FindBreach, find_schema_violation
from loki.json_text import JsonObject, compact
from loki.messages import Message, Tool, ToolCall
from loki.problems import suggest_nearest


def call_functions(
    tools: tuple[Tool, ...],
    functions: Mapping[str, Callable[..., Any]],
    calls: tuple[ToolCall, ...],
    find: FindBreach = find_schema_violation,
) -> tuple[Message, ...]:
    """Return the results of calls, each by its function, in their order."""
    schemas = {tool.name: tool.parameters for tool in tools if tool.name in functions}
    return tuple(call_function(schemas, functions, call, find) for call in calls)


def call_function(
    schemas: Mapping[str, JsonObject],
    functions: Mapping[str, Callable[..., Any]],
    call: ToolCall,
    find: FindBreach,
) -> Message:
    """Return the result of one call; what its function raises is the model's to mend."""
    if fault := find_argument_fault(call, schemas, find):
        return result_of(call, fault, is_error=True)
    try:
        value = functions[call.name](**call.arguments)
        return result_of(call, value if isinstance(value, str) else compact(value))
    except Exception as error:
        return result_of(call, f"{type(error).__name__}: {error}", is_error=True)


def find_argument_fault(
    call: ToolCall, schemas: Mapping[str, JsonObject], find: FindBreach = find_schema_violation
) -> str:
    """Return why a call cannot be run, in words for the model; empty if it can.

    >>> find_argument_fault(ToolCall("1", "nwo", {}), {"now": {}})
    "there is no tool 'nwo'; did you mean 'now'?"
    >>> find_argument_fault(ToolCall("1", "now", {"zone": 1}), {"now": {"required": ["city"]}})
    "the arguments break the schema of now at $: 'city' is a required property"
    """
    if call.name not in schemas:
        return f"there is no tool {call.name!r}{suggest_nearest(call.name, sorted(schemas))}"
    breach = find(call.arguments, schemas[call.name])
    return f"the arguments break the schema of {call.name} at {breach}" if breach else ""


def result_of(call: ToolCall, text: str, is_error: bool = False) -> Message:
    """Return the result of a call as a turn of the conversation; no provider takes an empty one."""
    return Message("tool", text or NOTHING, tool_call_id=call.id, is_error=is_error)


NOTHING = "(nothing was printed)"
