"""--summary FILE -> whether it may be written, never over a file of the run; and its writing."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator

from returns.result import Result, Success

from loki.cli.console import Console
from loki.edge.files import describe_os_error
from loki.edge.trust import open_private
from loki.json_text import JsonObject, compact
from loki.problems import EXIT_CODES, Problem, fail


def check_summary(flags: Namespace) -> Result[Namespace, Problem]:
    """Return the flags; fails with kind usage where the summary would overwrite another file."""
    if flags.summary:
        for name, path in named_files(flags):
            if is_same_file(flags.summary, path):
                message = f"--summary would overwrite {name} ({path}): name another file"
                return fail("usage", message)
    return Success(flags)


def named_files(flags: Namespace) -> Iterator[tuple[str, str]]:
    """Yield the files that the flags name, each with what it is; ``-`` is none."""
    template = getattr(flags, "prompt_file", None)
    yield from (("IN", path) for path in flags.text if path != "-")
    if flags.output and flags.output != "-":
        yield "OUT", flags.output
    if template is not None:
        yield "the template", template.path
    for name in OTHERS:
        if path := getattr(flags, name, None):
            yield f"--{name.replace('_', '-')}", path


def is_same_file(one: str, other: str) -> bool:
    """Return whether two paths lead to one file, which need not be there; devices do not count."""
    try:
        if os.path.exists(one) and not os.path.isfile(one):
            return False
        if os.path.exists(one) and os.path.exists(other):
            return os.path.samefile(one, other)
        return os.path.realpath(one) == os.path.realpath(other)
    except (OSError, ValueError):  # JSON in place of a path
        return False


def write_summary(console: Console, path: str | None, facts: JsonObject, code: int) -> int:
    """Write a summary where one is wanted; return the exit code of a run that ends with ``code``.

    One that cannot be written makes it 74, unless the run itself ended early for a reason.
    """
    if not path:
        return code
    try:
        with open(path, "w", encoding="utf-8", opener=open_private) as file:
            file.write(compact(facts) + "\n")
    except OSError as error:
        why = f"cannot write --summary {path}: {describe_os_error(error)}"
        console.print_problem(Problem("output", why))
        return EXIT_CODES["output"] if code in (0, 1) else code
    return code


#: Flags beside these that may name a file to read.
OTHERS = ("schema", "tools", "system_file", "config")
