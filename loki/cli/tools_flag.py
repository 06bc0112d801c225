"""``--tools`` -> the tools that are offered to the model."""

from __future__ import annotations

from argparse import Namespace
from math import inf
from typing import Any, TypeAlias

from returns.result import Result, Success

from loki.cli.startup import is_json, text_or_file
from loki.edge import stdin
from loki.edge.trust import open_in_safe_folder, open_user_file
from loki.formats.openai_messages import read_json, split_tools
from loki.json_text import JsonObject
from loki.messages import Tool
from loki.problems import Problem

#: Functions, and tools that the provider runs itself.
OfferedTools: TypeAlias = tuple[tuple[Tool, ...], tuple[JsonObject, ...]]


NO_TOOLS: OfferedTools = ((), ())


def tools_of(flags: Namespace, deadline: float = inf) -> Result[OfferedTools, Problem]:
    """Return the tools of ``--tools``: functions, and those that the provider runs itself."""
    if flags.tools is None:
        return Success(NO_TOOLS)
    return tools_json(flags, deadline).bind(lambda value: split_tools(value, name_of_tools(flags)))


def tools_json(flags: Namespace, deadline: float = inf) -> Result[Any, Problem]:
    """Return the JSON of ``--tools``: itself, or a file that nobody else can have written.

    Tools that are run are kept in the flags: a pipe has nothing left for whoever reads it again.
    """
    if not getattr(flags, "run_tools", False):
        return read_tools(flags, open_user_file, deadline)
    if "tools_read" not in flags:
        flags.tools_read = read_tools(flags, open_in_safe_folder, deadline)
    found: Result[Any, Problem] = flags.tools_read
    return found


def read_tools(flags: Namespace, opener: stdin.Opener, deadline: float) -> Result[Any, Problem]:
    """Return the JSON of ``--tools`` from where it is."""
    text = text_or_file(flags.tools, "--tools", opener, deadline)
    return text.bind(lambda text: read_json(text, name_of_tools(flags)))


def name_of_tools(flags: Namespace) -> str:
    """Return what messages call the value of ``--tools``."""
    return "--tools" if is_json(flags.tools) else str(flags.tools)
