"""--template -> whether the columns of a table make a prompt, and what is odd about it."""

from __future__ import annotations

import os
from argparse import Namespace

from returns.result import Result, Success

from loki.batch.template import lone_brace, suggest_field, template_names
from loki.edge.batch.input import Source, Warn
from loki.problems import Problem, fail


def check_columns(flags: Namespace, rows: Source, warn: Warn) -> Result[Source, Problem]:
    """Check that a table has the columns that the template names; fails with kind usage."""
    if flags.template is not None:
        warn_of_template(flags.template, rows, warn)
    if not rows.columns or flags.template_file:
        return Success(rows)
    known = [*rows.columns]
    if flags.template is None and "prompt" not in known:
        hint = f"--template '{{{known[-1]}}}'"
        table = "--csv" if flags.csv else rows.name
        return fail("usage", f"{table} needs a prompt: make it of columns with {hint}")
    missing = next(
        (name for name in template_names(flags.template or "") if name not in known), None
    )
    if missing is not None:
        lack = f"--template names {missing!r}, and {rows.name} has no such column"
        return fail("usage", lack + suggest_field(missing, known))
    return Success(rows)


def warn_of_template(template: str, rows: Source, warn: Warn) -> None:
    """Warn of a template that may not be what was meant."""
    if lone := lone_brace(template):
        warn(f"--template: the brace at {lone[:20]!r} has no partner and is sent as it is")
    if os.path.isfile(template):
        warn(f"--template is the name of a file, and sent as text: to read it, use -T {template}")
    elif rows.columns and not template_names(template):
        warn(
            f"--template names no column, so each row sends the same: {{{rows.columns[-1]}}} is one"
        )
