"""Flags, file of a conversation -> the whole Ask, the turns that are new, the commands of tools."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping

from returns.result import Result, Success

from loki.cli.conversation.transcript import Turns
from loki.cli.tools_flag import tools_json
from loki.edge.conversation import read_turns
from loki.formats.tool_commands import ToolCommand, read_commands
from loki.formats.turns import answer_open_calls, append_turns
from loki.problems import Problem, fail
from loki.record import replace
from loki.records import Ask

UNANSWERED = "nobody answered this call"


def preview(flags: Namespace, ask: Ask) -> Result[Ask, Problem]:
    """Return the ask with its whole conversation; fail where flags or files are wrong."""
    if flags.if_input and not ask.messages:
        return Success(ask)
    return Result.do(
        asked
        for _ in check_flags(flags)
        for _ in read_tool_commands(flags)
        for before in turns_before(flags)
        for asked, _ in continue_conversation(flags, before, ask)
    )


def check_flags(flags: Namespace) -> Result[None, Problem]:
    """Return the Problem of flags that contradict each other."""
    path = flags.conversation
    faults = {
        "-C needs the name of a file": path in ("", "-"),
        "-C and --messages contradict each other": path is not None and flags.messages,
        "--run-tools needs --tools": flags.run_tools and flags.tools is None,
        "--max-steps needs --run-tools": flags.max_steps is not None and not flags.run_tools,
    }
    fault = next((message for message, is_so in faults.items() if is_so), None)
    return fail("usage", fault) if fault else Success(None)


def read_tool_commands(flags: Namespace) -> Result[Mapping[str, ToolCommand], Problem]:
    """Return the commands of the tools, none without ``--run-tools``."""
    if not flags.run_tools:
        return Success({})
    return tools_json(flags).bind(lambda value: read_commands(value, flags.tools))


def turns_before(flags: Namespace) -> Result[Turns, Problem]:
    """Return the conversation so far."""
    return read_turns(flags.conversation) if flags.conversation else Success(())


def continue_conversation(
    flags: Namespace, before: Turns, ask: Ask
) -> Result[tuple[Ask, Turns], Problem]:
    """Return the ask with the conversation before it, and the turns that are new."""
    if flags.conversation is None:
        return Success((ask, ask.messages))
    return append_turns(before, ask.messages, flags.conversation).map(
        lambda new: (replace(ask, messages=(*answer_open_calls(before, UNANSWERED), *new)), new)
    )
