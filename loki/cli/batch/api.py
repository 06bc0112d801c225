"""loki-batch --batch-api: flags -> a visit to the providers' batch APIs; the exit code."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from functools import partial

from returns.result import Failure, Result, Success

from loki.batch.api.journal import Journal
from loki.batch.done_rows import HashSet, row_identity
from loki.batch.kept_fields import kept_fields
from loki.batch.read_rows import read_rows
from loki.batch.row_files import find_among, read_files
from loki.batch.rows import ReadyRow, Row, RowDefaults
from loki.batch.run_key import recognize
from loki.cli.batch.api_report import print_end, print_jobs, write_jobs_summary
from loki.cli.batch.context import BatchContext
from loki.cli.startup import limits_of
from loki.edge import files
from loki.edge.batch.api.advance_jobs import advance_jobs, choose_pause, forget_job, summarize_jobs
from loki.edge.batch.api.body import check_patches, check_stream, check_window
from loki.edge.batch.api.effects import read_only_effects, real_effects
from loki.edge.batch.api.journal_file import JournalFile, open_journal, read_journal
from loki.edge.batch.api.session import Effects, Session, find_service
from loki.edge.batch.api.submit import SubmitOptions
from loki.edge.batch.api.update_jobs import cancel_jobs, update_jobs
from loki.edge.batch.input import Source, open_source
from loki.edge.batch.output import Output, open_output
from loki.edge.ledger.writer import Ledger, ledger_path
from loki.problems import EXIT_CODES, Problem
from loki.records import Task
from loki.stages.patch import patches_for


def run_batch_api(context: BatchContext, environ: dict[str, str]) -> int:
    """Do all that can be done now with the jobs of an output; return the exit code."""
    flags, console, folder = context.flags, context.console, files.directory("state", environ)
    if flags.check:
        from loki.cli.batch.api_check import print_job_count

        return print_job_count(context, folder)
    if flags.status:
        return show_status(context, folder)
    with open_output(
        flags.output, folder, context.output_format, flags.again, console.warn
    ) as opened:
        if not isinstance(opened, Success):
            return console.report(opened.failure())
        with open_journal(flags.output, make=bool(flags.text)) as journal:
            if not isinstance(journal, Success):
                return console.report(journal.failure())
            return JobRun(context, opened.unwrap(), journal.unwrap()).run()


def options_of(context: BatchContext) -> Result[SubmitOptions, Problem]:
    """Return how rows are to be submitted; fails where the run's model cannot have jobs."""
    flags, task = context.flags, task_of(context.defaults)
    hours = None if flags.window is None else round(flags.window / 3600)
    folder = os.path.dirname(os.path.abspath(flags.output))
    keeps = context.defaults.keep_fields
    read = partial(read_files, context.defaults, find_among(HashSet()))
    options = SubmitOptions(
        *(context.env, task, hours, flags.max_cost, folder, keeps, kept_fields, read),
        context.defaults.settings,
    )
    if context.defaults.ask.model is None:
        return check_stream(context.env.patches).map(lambda _: options)
    return Result.do(
        options
        for service in find_service(context.env.config, context.defaults.ask.model, task)
        for _ in check_patches(service.target, context.env.patches)
        for _ in check_stream(patches_for(service.target, context.env.patches))
        for _ in check_window(hours, service)
    )


def task_of(defaults: RowDefaults) -> Task:
    """Return what the rows want."""
    return "embedding" if defaults.embed else "chat"


# ---- a run ---------------------------------------------------------------------------------------


class JobRun:
    """A call of the command, from the journal to the exit code."""

    def __init__(self, context: BatchContext, out: Output, journal: JournalFile) -> None:
        self.context, self.flags, self.out, self.journal = context, context.flags, out, journal
        ledger = None
        if not self.flags.no_ledger:
            ledger = Ledger(ledger_path(os.environ), context.console.warn, context.env.redactor)
        effects = real_effects(context.env, out, journal, ledger, context.console.warn)
        self.session = session_of(context, out, effects, journal.journal)
        self.first = True

    def run(self) -> int:
        """Visit the providers once, or until all is done; print how it went."""
        options = (
            options_of(self.context)
            if self.flags.text
            else Success(SubmitOptions(self.context.env))
        )
        if not isinstance(options, Success):
            return self.context.console.report(options.failure())
        if self.flags.forget is not None and not forget_job(self.session, self.flags.forget):
            known = ", ".join(job.nonce for job in self.session.journal.uncollected_jobs) or "none"
            message = f"--forget: no open job {self.flags.forget!r}; open: {known}"
            return self.context.console.report(Problem("usage", message))
        if self.flags.cancel:
            cancel_jobs(self.session)
        self.remember_keep_flag()
        submits = bool(self.flags.text) and not self.flags.cancel
        self.advance(options.unwrap(), submits)
        if self.flags.wait:
            self.wait(options.unwrap(), submits)
        return self.end()

    def advance(self, options: SubmitOptions, submits: bool) -> None:
        """Visit the providers once."""
        rows = self.rows() if submits else None
        advance_jobs(self.session, rows, options, self.flags.remote_delete)

    def rows(self) -> Callable[[], Iterable[Row] | None]:
        """Return what reads the rows: always at first, later where some are to be asked again."""
        if self.first:
            self.first = False
            return lambda: read_rows(self.context.defaults, self.context.inputs.lines)
        return self.read_again

    def read_again(self) -> Iterable[Row] | None:
        """Return the rows once more; None where they are not needed, or were in a pipe."""
        is_needed = self.session.back or self.session.left
        path = self.context.inputs.path
        if not path or not is_needed:
            return None
        opened = open_source(path, self.context.defaults.input_format)
        if not could_open(opened):
            return None
        return read_rows(self.context.defaults, opened.unwrap().lines)

    def remember_keep_flag(self) -> None:
        """Keep the fields of rows that are out, where their lines are to have them."""
        path = self.context.inputs.path
        if not any(job.keeps for job in self.session.journal.open_jobs) or not path:
            return
        away = self.session.journal.uncollected_rows()
        opened = open_source(path, self.context.defaults.input_format)
        for read in (
            read_rows(self.context.defaults, opened.unwrap().lines) if could_open(opened) else ()
        ):
            row = recognize(read, away.__contains__)
            if isinstance(row, ReadyRow) and row_identity(row.id, row.key) in away:
                self.session.kept[row_identity(row.id, row.key)] = kept_fields(row)

    def wait(self, options: SubmitOptions, submits: bool) -> None:
        """Visit the providers again and again, until all is done or the time is over."""
        began = time.monotonic()
        printed = ""
        while self.is_unfinished():
            printed = print_jobs(self.context.console, self.session, printed)
            waited = time.monotonic() - began
            seconds = choose_pause(waited, self.session.wait)
            if waited + seconds > self.flags.wait:
                return
            time.sleep(seconds)
            self.remember_keep_flag()
            self.advance(options, submits)

    def is_unfinished(self) -> bool:
        """Return whether waiting longer may help."""
        is_lost = any(each.kind in HOPELESS for each in self.session.problems)
        return bool(self.session.journal.uncollected_jobs) and not is_lost

    def end(self) -> int:
        """Print how it went; return the exit code."""
        failed_before = 0 if self.flags.again else self.out.earlier.failed
        result = summarize_jobs(self.session, failed_before)
        code = write_jobs_summary(self.context.console, self.flags.summary, result)
        print_end(self.context.console, self.session, result)
        return code


#: Problems that the time does not cure.
HOPELESS = frozenset({"auth", "output", "config", "usage"})


def could_open(result: Result[Source, Problem]) -> bool:
    """Return whether an input could be opened."""
    return isinstance(result, Success)


def session_of(context: BatchContext, out: Output, effects: Effects, journal: Journal) -> Session:
    """Return what a visit works with."""
    flags = context.flags
    retries = 3 if flags.retries is None else flags.retries
    return Session(
        context.env.config,
        effects,
        journal,
        out.done,
        out.form.encode,
        context.env.redactor,
        limits_of(flags),
        retries,
    )


def show_status(context: BatchContext, rescue: str) -> int:
    """Print how the jobs stand; nothing is written, collected or sent but questions."""
    journal = read_journal(context.flags.output, must_exist=True)
    stands = find_existing_output(context, rescue)
    for problem in (each.failure() for each in (journal, stands) if isinstance(each, Failure)):
        return context.console.report(problem)
    effects = read_only_effects(context.env, journal.unwrap())
    session = session_of(context, stands.unwrap(), effects, journal.unwrap())
    update_jobs(session)
    for each in session.problems:
        context.console.print_problem(each)
    result = summarize_jobs(session, stands.unwrap().earlier.failed)
    if context.flags.status == "json":
        context.console.write_json({"jobs": list(result.jobs), "out": result.out})
    else:
        print_jobs(context.console, session, "", to_stdout=True)
    return result.code if not session.problems else EXIT_CODES[session.problems[0].kind]


def find_existing_output(context: BatchContext, rescue: str) -> Result[Output, Problem]:
    """Return what stands in the output, which is left as it is."""
    from loki.edge.batch.output import read_existing

    return read_existing(context.flags.output, rescue, context.output_format, retry_failed=False)
