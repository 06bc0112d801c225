"""0. Tools in OpenAI's format -> the commands that run them, by name."""

from __future__ import annotations

from returns.result import Result, Success

from loki.formats.structured_output import read_schema
from loki.json_text import Json, JsonObject
from loki.problems import Problem, fail
from loki.railway import gather
from loki.record import record

DEFAULT_TIMEOUT = 60.0  # seconds
LONGEST = 1e6  # seconds


@record
class ToolCommand:
    """A tool that is a command: its arguments go in as JSON, what it prints is the result."""

    name: str
    argv: tuple[str, ...]
    schema: JsonObject  # of the arguments
    timeout: float = DEFAULT_TIMEOUT  # seconds


def read_commands(value: Json, name: str) -> Result[dict[str, ToolCommand], Problem]:
    """Return the commands of the tools that have one; ``value`` are tools, ``name`` their file.

    >>> now = {"type": "function", "function": {"name": "now"}, "command": ["date", "-u"]}
    >>> read_commands([now], "tools.json").unwrap()["now"].argv
    ('date', '-u')
    """
    tools = value if isinstance(value, list) else []
    numbered = [
        (number, tool)
        for number, tool in enumerate(tools, 1)
        if isinstance(tool, dict) and "command" in tool
    ]
    return gather(read_command(tool, f"{name}: tool {number}") for number, tool in numbered).bind(
        lambda commands: by_name(commands, name)
    )


def by_name(
    commands: tuple[ToolCommand, ...], name: str
) -> Result[dict[str, ToolCommand], Problem]:
    """Return commands by the names of their tools; fail where there are none, or two of a name."""
    found = {command.name: command for command in commands}
    if not found:
        return fail("usage", f"--run-tools: no tool in {name} has a command: add {SHAPE}")
    names = [command.name for command in commands]
    twice = next((each for each in names if names.count(each) > 1), None)
    if twice is not None:
        return fail("input", f"{name}: two tools are named {twice!r}")
    return Success(found)


def read_command(tool: JsonObject, place: str) -> Result[ToolCommand, Problem]:
    """Parse one tool that has a command; ``place`` is for messages of problems."""
    match tool:
        case {"function": {"name": str(name)} as function}:
            schema = function.get("parameters") or {}
        case _:
            return fail("input", f"{place}: a command, but no function with a name")
    return Result.do(
        ToolCommand(name, argv, checked, timeout)
        for argv in read_argv(tool["command"], place)
        for timeout in read_timeout(tool.get("timeout", DEFAULT_TIMEOUT), place)
        for checked in read_schema(schema, f"{place}: parameters")
    )


def read_argv(value: Json, place: str) -> Result[tuple[str, ...], Problem]:
    """Return a program and its arguments; no shell reads them, so a single text is refused.

    >>> read_argv("date -u", "t.json: tool 1").failure().message
    't.json: tool 1: command is not a list of texts, such as ["grep", "-rn"]; no shell reads it'
    """
    match value:
        case [str(program), *arguments] if program and all(map(is_argument, value)):
            return Success((program, *arguments))
        case _:
            lack = 'command is not a list of texts, such as ["grep", "-rn"]; no shell reads it'
            return fail("input", f"{place}: {lack}")


def is_argument(value: Json) -> bool:
    """Return whether a value can be an argument of a program."""
    return isinstance(value, str) and "\0" not in value


def read_timeout(value: Json, place: str) -> Result[float, Problem]:
    """Return the time limit of a tool in seconds.

    >>> read_timeout(0, "t.json: tool 1").failure().message
    't.json: tool 1: timeout is 0, not a number of seconds above 0'
    """
    match value:
        case bool():
            pass
        case int() | float() if 0 < value <= LONGEST:
            return Success(float(value))
    return fail("input", f"{place}: timeout is {value!r}, not a number of seconds above 0")


#: How a tool gets a command.
SHAPE = '"command": ["PROGRAM", …] beside its "function"'
