"""Results of a job that are not there, or not whole -> why its rows wait."""

from __future__ import annotations

from loki.batch.api.job import Job
from loki.batch.api.journal import status_line
from loki.batch.api.sites import PROTOCOLS
from loki.edge.batch.api.session import Service, Session, without_secrets
from loki.problems import Problem, count_of
from loki.record import replace

YOUNG = 86400.0  # seconds in which results may still appear where there are none yet


def explain_late_results(job: Job, problem: Problem, now: float) -> Problem:
    """Return a problem of fetching results; those of a job that ended lately may still come."""
    if problem.status == 404 and (job.ended is None or now - job.ended < YOUNG):
        return Problem("busy", f"its results are not there yet: {problem.message}")
    return problem


def find_missing_results(job: Job, came: int, now: float) -> Problem | None:
    """Return why the rows without a result must wait: fewer came than the provider counts.

    It was a bad download, and asking them again would pay twice. Once the provider has thrown the
    results away there is nothing to wait for.
    """
    assert job.standing is not None
    done = min(job.standing.done or 0, len(job.items))
    kept_until = (now if job.ended is None else job.ended) + PROTOCOLS[job.protocol].retention
    if came >= done or now >= kept_until:
        return None
    counts = f"{came:,} of {count_of(done, 'row')} that it counts as done"
    return Problem("busy", f"its results are not whole yet, {counts}; they are fetched again later")


def refresh_status(session: Session, service: Service, job: Job) -> None:
    """Look at a job that is over once more: it may name other files by now."""
    answer = session.call(service, service.protocol.poll(service.site, job.id))
    seen = answer.map(lambda got: service.protocol.read_status(got.json)).value_or(None)
    checked = without_secrets(seen, session.redactor) if seen is not None else None
    clean = checked.value_or(None) if checked is not None else None
    if clean is None:
        return
    if clean.inline:
        session.inline[job.nonce] = clean.inline
    if replace(clean, inline=()) != job.standing:
        session.effects.append_to_journal(status_line(job.nonce, clean, session.effects.now()))
