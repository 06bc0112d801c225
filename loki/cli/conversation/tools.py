"""Calls of tools -> their results, as ``--run-tools`` runs and shows them."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from functools import partial
from math import inf

from loki.cli.console import Console
from loki.cli.conversation.transcript import Turns
from loki.cli.describe import one_line
from loki.formats.tool_commands import ToolCommand
from loki.json_text import compact
from loki.messages import Message, ToolCall
from loki.pipeline import Env
from loki.problems import excerpt
from loki.records import Ask
from loki.tool_use import CallTools


def tool_runner(
    env: Env,
    ask: Ask,
    flags: Namespace,
    environ: Mapping[str, str],
    console: Console,
    commands: Mapping[str, ToolCommand],
) -> CallTools:
    """Return what runs the calls of a turn, and tells of their results."""
    end = inf if ask.limits.deadline is None else ask.limits.deadline

    def run(calls: tuple[ToolCall, ...]) -> Turns:
        from loki.edge.auth.child_environment import child_environment, register_secrets
        from loki.edge.tools import run_tools

        register_secrets(env.config, environ, env.redactor)
        variables = child_environment(env.config, environ, env.redactor)
        show = partial(print_result, flags, console)
        return run_tools(commands, variables, end, show, env.redactor, calls)

    return run


def print_result(
    flags: Namespace, console: Console, call: ToolCall, result: Message, seconds: float
) -> None:
    """Print the result of a call: an event where events are wanted, a line with ``-v``."""
    if flags.output == "events":
        event = {"type": "tool_result", "id": call.id, "name": call.name}
        console.write_json({**event, "content": result.text, "is_error": result.is_error})
    if flags.verbose:
        outcome = "failed: " if result.is_error else ""
        shown = excerpt(f"{outcome}{result.text}", 200)
        arguments = excerpt(compact(call.arguments), 200)
        console.note(one_line(f"{call.name} {arguments} · {seconds:.1f} s · {shown}"))
