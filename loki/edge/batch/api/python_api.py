"""Asks -> jobs of the providers' batch APIs, and their answers in a file: for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from returns.result import Failure, Result, Success

from loki.batch.row_key import ask_key
from loki.batch.rows import ReadyRow, Row, RunSettings
from loki.batch.run_key import run_key, run_settings
from loki.edge import files
from loki.edge.batch.api.advance_jobs import JobsSummary, advance_jobs, summarize_jobs
from loki.edge.batch.api.effects import real_effects
from loki.edge.batch.api.journal_file import open_journal
from loki.edge.batch.api.session import Session
from loki.edge.batch.api.submit import SubmitOptions
from loki.edge.batch.output import open_output
from loki.edge.env_file import environment
from loki.edge.ledger.writer import Ledger, ledger_path
from loki.pipeline import Env
from loki.problems import Problem
from loki.record import replace
from loki.records import Ask, Task

#: An ask, or one with an id of its own.
Asks = Iterable[Ask | tuple[str, Ask]]


def batch_api(
    env: Env, asks: Asks = (), path: str = "", task: Task = "chat", ledger: bool = True
) -> Result[JobsSummary, Problem]:
    """Send asks as batch jobs, write the answers that are there to ``path``, and return at once.

    Call it again, with the same asks or with none, until ``out`` and ``left`` of what it returns
    are 0. What is out is known from the file ``path`` + ``.jobs``, and never sent twice. Fails
    where nothing could be done; what went wrong with one job is told by ``code``.
    """
    environ = environment()
    book = Ledger(ledger_path(environ), redactor=env.redactor) if ledger else None
    rows = list(rows_of(asks, run_settings(env.config, env.patches)))
    with open_output(path, files.directory("state", environ), retry_failed=False) as opened:
        if not isinstance(opened, Success):
            return Failure(opened.failure())
        out = opened.unwrap()
        with open_journal(path) as found:
            if not isinstance(found, Success):
                return Failure(found.failure())
            journal = found.unwrap()
            effects = real_effects(env, out, journal, book, lambda message: None)
            session = Session(
                env.config, effects, journal.journal, out.done, out.form.encode, env.redactor
            )
            advance_jobs(session, (lambda: rows) if rows else None, SubmitOptions(env, task))
            if session.problems and not (session.good or session.submitted):
                return Failure(session.problems[0])
            return Success(summarize_jobs(session, out.earlier.failed))


def rows_of(asks: Asks, settings: RunSettings) -> Iterator[Row]:
    """Yield the rows that some asks are; the id of one without is its key."""
    for line, each in enumerate(asks, 1):
        id, ask = each if isinstance(each, tuple) else ("", each)
        ask = replace(ask, stream=False)
        earlier_key = ask_key(ask)
        key = run_key(earlier_key, ask, settings)
        yield ReadyRow(line, id or key, key, ask, earlier_key=earlier_key)
