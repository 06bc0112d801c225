"""--summary FILE -> whether it may be written: never over a file that the run reads or writes."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator

from returns.result import Result, Success

from loki.problems import Problem, fail


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


#: Flags beside these that may name a file to read.
OTHERS = ("schema", "tools", "system_file", "config")
