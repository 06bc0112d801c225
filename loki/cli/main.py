"""A command from start to exit: signals, closed pipes and our own bugs end here."""

from __future__ import annotations

import errno
import gc
import os
import sys
from io import TextIOWrapper

TYPE_CHECKING = False  # the module typing is not needed to start
if TYPE_CHECKING:
    from argparse import Namespace
    from typing import NoReturn


def run(prog: str) -> NoReturn:
    """Run a command and leave; tidying up a process that ends takes longer than its work."""
    gc.disable()  # a filter does not live long enough for it to pay
    open_streams()
    code = guarded(prog, sys.argv[1:])
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        code = code or 141
    try:  # noqa: SIM105 - contextlib takes 2 ms to load
        sys.stderr.flush()
    except (OSError, ValueError):
        pass  # what cannot be told does not change the verdict
    os._exit(code)


def open_streams() -> None:
    """Make up for streams that were closed before we began, and for poor encodings."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - it stays open
    if sys.stdout is None:
        sys.stderr.write("usage: standard output is closed: there is nowhere to answer\n")
        os._exit(64)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def guarded(prog: str, argv: list[str]) -> int:
    """The exit code of a command, whatever happens in it."""
    course = Course()
    try:
        return command(prog, argv, course)
    except BrokenPipeError:
        return 141
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG):
            return report(prog, error, course)
        sys.stderr.write(f"{prog}: output: cannot write the answer: {error.strerror}\n")
        return 74  # EX_IOERR of sysexits.h
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 0
    except Exception as bug:
        return report(prog, bug, course)


class Course:
    """How far a command has come, which a report of our own fault tells."""

    __slots__ = ("form", "sent")

    def __init__(self) -> None:
        self.form = "text"  # of the output: text, json, events or raw
        self.sent = False  # a request may have left


def command(prog: str, argv: list[str], course: Course) -> int:
    """Read the flags, do what they say."""
    from loki.cli.parser import Misused, parse

    try:
        flags = parse(prog, argv)
    except Misused as misused:
        from loki.cli.console import complain
        from loki.problems import EXIT_CODES, Problem

        complain(prog, Problem("usage", str(misused)), "text")
        return EXIT_CODES["usage"]
    course.form = getattr(flags, "output", None) or "text"
    flags.course = course
    catch_sigterm()
    chore = chosen(flags) if prog == "loki" else ""
    from importlib import import_module

    module, _, name = (CHORES[chore] if chore else RUNS[prog]).partition(":")
    code: int = getattr(import_module(module), name)(prog, flags)
    return code


#: Where each piece of house-keeping is done, by its flag.
CHORES = {
    "info": "loki.cli.admin.configuration:info",
    "list_models": "loki.cli.admin.models:list_models",
    "sync_models": "loki.cli.admin.sync_models:sync_models",
    "init": "loki.cli.admin.configuration:init",
    "check": "loki.cli.admin.configuration:check",
    "completions": "loki.cli.admin.completions:completions",
    "authenticate": "loki.cli.admin.authenticate:authenticate",
    "add_secret": "loki.cli.admin.secrets:add_secret",
    "get_secret": "loki.cli.admin.secrets:get_secret",
    "update_secret": "loki.cli.admin.secrets:update_secret",
    "delete_secret": "loki.cli.admin.secrets:delete_secret",
    "list_secrets": "loki.cli.admin.secrets:list_secrets",
}

#: Where each command's work is done: a function of its name and its flags.
RUNS = {
    "loki-pipe": "loki.cli.pipe:pipe",
    "loki": "loki.cli.pipe:pipe",
    "loki-embed": "loki.cli.embed.command:embed",
    "loki-rerank": "loki.cli.rerank:rerank",
    "loki-batch": "loki.cli.batch.command:batch",
    "loki-cost": "loki.cli.cost.command:cost",
}


def chosen(flags: Namespace) -> str:
    """The piece of house-keeping that is wanted, if one is."""
    return next((name for name in CHORES if getattr(flags, name) not in (None, False)), "")


def catch_sigterm() -> None:
    """SIGTERM ends a command as Ctrl-C does: connections are closed on the way out."""
    import signal

    def leave(number: int, frame: object) -> NoReturn:
        raise SystemExit(143)

    signal.signal(signal.SIGTERM, leave)


def report(prog: str, bug: Exception, course: Course) -> int:
    """Tell our own fault: one line, a line of JSON where one is due, the traceback in a file."""
    words = saved(prog, bug)
    sys.stderr.write(f"{prog}: bug: {words}\n")
    if prog in ("loki-pipe", "loki") and course.form in ("json", "events"):
        report_json(words, course)
    return 70


def saved(prog: str, bug: Exception) -> str:
    """Write a traceback into a file; return what happened and where the file is, on one line."""
    import tempfile
    import traceback

    from loki.edge.auth.redaction import redact

    text = redact("".join(traceback.format_exception(bug)))
    try:
        handle, path = tempfile.mkstemp(prefix=f"{prog}-bug-", suffix=".txt")
        with open(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        where = f"the traceback is in {path}"
    except OSError:
        where = "the traceback could not be saved"
    told = " ".join(redact(f"{type(bug).__name__}: {bug}").split())[:200]
    words = "".join(filter(str.isprintable, told))
    return f"{words}; {where}"


def report_json(message: str, course: Course) -> None:
    """Tell our own fault to programs too, as any other problem is told."""
    from loki.formats.json_output import problem_json
    from loki.json_text import compact
    from loki.problems import Problem

    told = problem_json(Problem("bug", message, sent=course.sent))
    sys.stderr.write(compact(told) + "\n")
    if course.form == "events":
        from contextlib import suppress

        with suppress(OSError, ValueError):  # nobody reads on: the line above is there
            sys.stdout.write(compact({"type": "error", **told}) + "\n")
