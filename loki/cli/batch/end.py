"""A run that is over -> its summary, the line that says how to go on, and the exit code."""

from __future__ import annotations

import shlex
import sys

from loki.cli.batch.run_state import RunState
from loki.cli.batch.stop_reason import StopReason
from loki.cli.batch.summary_file import write_summary
from loki.cli.console import Console
from loki.cli.describe import one_line
from loki.problems import EXIT_CODES, count_of


def report_end(
    console: Console,
    summary: str | None,
    run: RunState,
    stop: StopReason,
    left: int | None,
    is_piped: bool = False,
) -> int:
    """Print how a run went, write its summary where one is wanted; return the exit code.

    The rows of a run that ``is_piped`` came from stdin, and must come again for it to go on.
    """
    why = stop.first or (run.fatal.kind if run.fatal else "")
    for note in run.notes:
        console.warn(note)
    code = write_summary(console, summary, run.summary(why, left), exit_code(run, why))
    if run.unsorted:
        console.print_problem(run.unsorted)
    problem = run.problem()
    if problem:
        console.print_problem(problem)
    elif run.last:
        console.warn(f"the last row that failed: {run.last.kind}: {one_line(run.last.message)}")
    console.warn(run.summary_text())
    if why:
        reason, cure = {"SIGINT": "Ctrl-C"}.get(why, why), CURES.get(why, "")
        say = console.note if why == "--max-time" else console.warn  # no other line says it
        calls = count_of(run.cut_off, "call")
        lost = f"{calls} cut off, which may have been billed; " if run.cut_off else ""
        rows = " < INPUT (the same rows again)" if is_piped else ""
        say(f"ended early ({reason}); {lost}to go on{cure}: {resume_command(console.prog)}{rows}")
    if run.out_rows and not why and not run.fatal:
        console.note(run.describe_rows_in_jobs())
    return code


def exit_code(run: RunState, why: str) -> int:
    """Return the exit code of a run that ended early for a reason, or of one that is complete."""
    if run.fatal:
        return EXIT_CODES[run.fatal.kind]
    if why:
        return ENDS[why]
    if run.out_rows:
        return EXIT_CODES["busy"]
    if run.unsorted:
        return EXIT_CODES[run.unsorted.kind]
    return EXIT_CODES["budget"] if run.is_all_too_dear else int(bool(run.failed))


#: What must be done before the same command can go on.
CURES = {
    "auth": " once the key is mended",
    "quota": " once the account has credit",
    "config": " once the configuration is mended",
}

ENDS = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129, "--max-cost": 80, "--max-time": 75}


def resume_command(prog: str) -> str:
    """The command that was typed."""
    return shlex.join([prog, *sys.argv[1:]])
