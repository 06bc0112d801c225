"""Run a command from start to exit: signals, closed pipes and our own bugs end here."""

from __future__ import annotations

import gc
import os
import sys
from io import TextIOWrapper

TYPE_CHECKING = False  # the module typing is not needed to start
if TYPE_CHECKING:
    from argparse import Namespace
    from typing import NoReturn, TextIO

    from loki.cli.console import Console


def run(prog: str) -> NoReturn:
    """Run a command and exit without tidying up, which takes longer than its work."""
    gc.disable()  # a filter does not live long enough for it to pay
    open_streams(prog)
    code = run_guarded(prog, sys.argv[1:])
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        code = code or 141
    try:  # noqa: SIM105 - contextlib takes 2 ms to load
        sys.stderr.flush()
    except (OSError, ValueError):
        pass  # a message that cannot be written does not change the exit code
    os._exit(code)


def open_streams(prog: str) -> None:
    """Replace a closed stderr, refuse a closed stdout, and write whatever the encoding allows."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - it stays open
    if sys.stdout is None:
        sys.stderr.write(f"{prog}: usage: standard output is closed\n")
        os._exit(64)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


class Invocation:
    """A call of a command: its name, its streams, and its console once one is needed."""

    __slots__ = ("opened", "prog", "stderr", "stdout")

    def __init__(self, prog: str, stdout: TextIO, stderr: TextIO) -> None:
        self.prog = prog
        self.stdout = stdout
        self.stderr = stderr
        self.opened: Console | None = None

    def console(self) -> Console:
        """Return the console; its modules are not loaded before."""
        if self.opened is None:
            from loki.cli.console import Console

            self.opened = Console(self.prog, self.stdout, self.stderr)
        return self.opened


def run_guarded(
    prog: str, argv: list[str], stdout: TextIO | None = None, stderr: TextIO | None = None
) -> int:
    """Run a command on these streams, else the standard ones; return its exit code."""
    call = Invocation(prog, stdout or sys.stdout, stderr or sys.stderr)
    try:
        code = run_command(call, argv)
        return report_disk_full(call.opened) if call.opened and call.opened.full else code
    except BrokenPipeError:
        return 141
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        from loki.cli.console import FULL

        if error.errno not in FULL:
            return report_bug(call.console(), error)
        return report_unwritten(call.console(), error)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except Exception as bug:
        return report_bug(call.console(), bug)


def report_disk_full(console: Console) -> int:
    """Print where the rest of an answer is that stdout did not take; return the exit code."""
    assert console.full is not None
    return report_unwritten(console, console.full, f"; the rest of it is in {console.rescue}")


def report_unwritten(console: Console, error: OSError, place: str = "") -> int:
    """Print why an answer, or what a command prints, could not be written; return the exit code."""
    from loki.problems import EXIT_CODES, Problem

    paid = console.writes_answer
    message = f"cannot write {'the answer' if paid else 'to stdout'}: {error.strerror}{place}"
    problem = Problem("output", message, sent=paid)
    if place:
        return console.report(problem, console.output_format)
    console.print_problem(problem, console.output_format)  # no event: nothing takes it
    return EXIT_CODES[problem.kind]


def run_command(call: Invocation, argv: list[str]) -> int:
    """Parse the flags and do what they say; return the exit code."""
    from loki.cli.parser import UsageError, parse

    try:
        flags = parse(call.prog, argv)
    except UsageError as error:
        return report_usage(call.console(), str(error))
    catch_signals()
    console = call.console()
    console.is_quiet = getattr(flags, "quiet", False)
    if call.prog in ("loki-pipe", "loki"):  # of loki-batch it is the name of a file
        console.output_format = flags.output
    from loki.lazy import load

    given = actions_given(call.prog, flags)
    if len(given) > 1:
        names = " and ".join(f"--{each.replace('_', '-')}" for each in given)
        return report_usage(console, f"{names}: one at a time")
    action = next(iter(given), call.prog)
    if action in WITHOUT_TEXT and flags.text:
        flag = f"--{action.replace('_', '-')}"
        return report_usage(console, f"{flag} takes no TEXT: {flags.text[0]!r}")
    if action == "loki" and len(flags.text) == 1 and is_flag(flags.text[0]):
        console.warn(f"{flags.text[0]!r} is sent as a prompt; did you mean loki --{flags.text[0]}?")
    console.writes_answer = action in ANSWERING and not flags.dry_run
    code: int = load(ACTIONS[action])(flags, console)
    return code


def report_usage(console: Console, message: str) -> int:
    """Print what is wrong with the flags; return the exit code."""
    from loki.problems import Problem

    return console.report(Problem("usage", message))


#: Where the work is done, by command or administrative flag: a function of flags and console.
ACTIONS = {
    "info": "loki.cli.admin.configuration:info",
    "list_models": "loki.cli.admin.models:list_models",
    "sync_models": "loki.cli.admin.sync_models:sync_models",
    "init": "loki.cli.admin.init:init",
    "check": "loki.cli.admin.configuration:check",
    "completions": "loki.cli.admin.completions:completions",
    "clear_cache": "loki.cli.admin.clear_cache:clear_cache",
    "man": "loki.cli.admin.man:man",
    "authenticate": "loki.cli.admin.authenticate:authenticate",
    "add_secret": "loki.cli.admin.secrets:add_secret",
    "get_secret": "loki.cli.admin.secrets:get_secret",
    "update_secret": "loki.cli.admin.secrets:update_secret",
    "delete_secret": "loki.cli.admin.secrets:delete_secret",
    "list_secrets": "loki.cli.admin.secrets:list_secrets",
    "loki-pipe": "loki.cli.pipe:pipe",
    "loki": "loki.cli.pipe:pipe",
    "loki-embed": "loki.cli.embed.command:embed",
    "loki-rerank": "loki.cli.rerank:rerank",
    "loki-search": "loki.cli.search.command:search",
    "loki-batch": "loki.cli.batch.command:batch",
    "loki-cost": "loki.cli.cost.command:cost",
}


#: Commands whose stdout is paid for; loki-batch has files of its own.
ANSWERING = ("loki-pipe", "loki", "loki-embed", "loki-rerank", "loki-search")


#: Administrative flags beside which TEXT is a mistake.
WITHOUT_TEXT = (
    "info",
    "sync_models",
    "init",
    "check",
    "completions",
    "clear_cache",
    "man",
    "get_secret",
    "delete_secret",
    "list_secrets",
)


def is_flag(text: str) -> bool:
    """Return whether a text is the name of an administrative flag, or help or version.

    >>> is_flag("list-models"), is_flag("help"), is_flag("list_models"), is_flag("loki")
    (True, True, False, False)
    """
    name = text.replace("-", "_")
    is_administrative = name in ACTIONS and "_" not in text and text != "loki"
    return is_administrative or text in ("help", "version")


def actions_given(prog: str, flags: Namespace) -> list[str]:
    """Return the administrative flags that are given to loki."""
    if prog != "loki":
        return []
    return [name for name in ACTIONS if getattr(flags, name, None) not in (None, False)]


def catch_signals() -> None:
    """End a command on SIGTERM and SIGHUP as on Ctrl-C: what it cost is written on the way out.

    A SIGHUP that is ignored, as after nohup, stays so.
    """
    import signal

    def leave(number: int, frame: object) -> NoReturn:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, leave)


# ---- our own bugs ------------------------------------------------------------------------------


def report_bug(console: Console, bug: Exception) -> int:
    """Print a bug of ours: a line, JSON where that is due; save the traceback in a file."""
    from loki.cli.bug_report import save_traceback

    message = save_traceback(console.prog, bug, console.redactor)
    console.end_open_line()
    console.write_stderr(f"{console.prog}: bug: {message}\n")
    if console.output_format in ("json", "events"):
        report_bug_json(console, message)
    return 70


def report_bug_json(console: Console, message: str) -> None:
    """Print a bug of ours as JSON, on stderr and as the last event."""
    from contextlib import suppress

    from loki.formats.json_output import problem_json
    from loki.json_text import compact
    from loki.problems import Problem

    problem = problem_json(Problem("bug", message, sent=console.maybe_sent))
    console.write_stderr(compact(problem) + "\n")
    if console.output_format == "events":
        with suppress(OSError, ValueError):  # nobody reads on: the line above is there
            console.write(compact({"type": "error", **problem}) + "\n")
