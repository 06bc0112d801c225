"""loki --clear-cache: delete the answers that ``--cache`` kept."""

from __future__ import annotations

from argparse import Namespace

from returns.result import Success

from loki.cli.console import Console
from loki.cli.startup import environment
from loki.edge.answer_files import cache_folder, clear_folder


def clear_cache(flags: Namespace, console: Console) -> int:
    """Delete every kept answer, print how many there were; return the exit code."""
    folder = cache_folder(environment(flags))
    cleared = clear_folder(folder)
    if not isinstance(cleared, Success):
        return console.report(cleared.failure())
    count, size = cleared.unwrap()
    console.write(f"{count:,} answer{'s' * (count != 1)} deleted, {size:,} bytes: {folder}\n")
    return 0
