"""Flags of loki-batch -> whether they are about batch jobs, and whether they go together then."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from returns.result import Result

from loki.batch.output_format import is_csv_path
from loki.cli.batch.embed_flags import check_embed_flags
from loki.problems import Problem, fail

#: The flags that only --batch-api makes sense of.
JOB_FLAGS = ("wait", "status", "cancel", "again", "window", "forget", "remote_delete")

#: Flags that make no sense beside --batch-api, their value when they are not given, and why.
REFUSED: tuple[tuple[str, str, Any, str], ...] = (
    ("in_flight", "-j", 16, "the provider sets the pace"),
    ("rpm", "--rpm", None, "the provider sets the pace"),
    ("tpm", "--tpm", None, "the provider sets the pace"),
    ("scheduler", "--scheduler", None, "the work is the provider's"),
    ("ordered", "--ordered", False, "rows come when their job is done"),
    ("fallback", "--fallback", [], "a job has one model"),
    ("cache", "--cache", None, "the rows are answered by the provider's jobs"),
    ("max_time", "--max-time", None, "use --wait=TIME"),
)


def job_flag(flags: Namespace) -> str:
    """Return the first flag that is given and is about batch jobs, empty if none is."""
    given = vars(flags)
    return next((name for name in JOB_FLAGS if given.get(name) not in (None, False)), "")


def check_job_flags(flags: Namespace) -> Result[None, Problem]:
    """Return nothing; fails with kind usage where the flags do not go together."""
    if not flags.batch_api:
        return fail("usage", f"--{job_flag(flags).replace('_', '-')} needs --batch-api")
    for name, flag, default, why in REFUSED:
        value = getattr(flags, name)
        if (list(value) if isinstance(value, list | tuple) else value) != default:
            return fail("usage", f"{flag} and --batch-api: {why}")
    message = next((message for applies, message in RULES if applies(flags)), None)
    return fail("usage", message) if message else check_embed_flags(flags)


def has_no_file(flags: Namespace) -> bool:
    """Return whether there is no regular file to write to."""
    path = flags.output
    return not path or path == "-" or (os.path.exists(path) and not os.path.isfile(path))


#: What must not be, and what to say of it.
RULES: tuple[tuple[Callable[[Namespace], bool], str], ...] = (
    (has_no_file, "--batch-api needs -o OUT, a file that the next call goes on with"),
    (lambda flags: len(flags.text) > 1, "one input at most"),
    (
        lambda flags: flags.lines and flags.csv,
        "--lines and --csv: a line is a prompt, or a row of a table",
    ),
    (
        lambda flags: bool(flags.lines and flags.template),
        "--template needs fields: JSON lines, or --csv",
    ),
    (
        lambda flags: is_csv_path(flags.output) and not flags.text,
        "an OUT in CSV has the columns of IN: name IN too",
    ),
    (lambda flags: flags.check and not flags.text, "--check needs IN: the rows to count"),
    (lambda flags: flags.again and not flags.text, "--again needs IN: the rows to ask again"),
)
