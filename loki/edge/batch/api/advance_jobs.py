"""One visit to the providers: the lost are found, the done written, the rest sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from loki.batch.api.job import Job
from loki.batch.rows import Row
from loki.edge.batch.api.collect import collect, delete_at_provider
from loki.edge.batch.api.session import Session, total_rows
from loki.edge.batch.api.submit import SubmitOptions, Submitter
from loki.edge.batch.api.update_jobs import update_jobs
from loki.json_text import JsonObject
from loki.problems import EXIT_CODES, Kind
from loki.record import record


def advance_jobs(
    session: Session,
    rows: Callable[[], Iterable[Row] | None] | None = None,
    options: SubmitOptions | None = None,
    removes: bool = False,
) -> None:
    """Do all that can be done now; rows are read last, so that those that came back go again.

    Without ``rows``, or where it returns None, nothing is sent.
    """
    session.problems.clear()
    session.full.clear()
    session.over = None
    collect_done(session, removes)
    stopping = any(each.kind in STOPPING for each in session.problems)
    found = rows() if rows is not None and not stopping else None
    if found is not None and options is not None:
        session.left = session.back = 0
        session.is_read = True
        Submitter(session, options).submit(found)


def collect_done(session: Session, removes: bool = False) -> None:
    """See how jobs stand, and write the rows of those that are over."""
    before = {job.nonce for job in session.journal.open_jobs}
    closed = [nonce for nonce in session.journal.jobs if nonce not in before]
    if closed:  # of visits without a ledger
        session.effects.release(*closed)
    session.wait = None
    update_jobs(session)
    collect(session)
    if removes:
        for nonce in before:
            if session.journal.jobs[nonce].collected:
                delete_at_provider(session, session.journal.jobs[nonce])


#: After these problems nothing more is sent: the output takes nothing, or the key is no good.
STOPPING: frozenset[Kind] = frozenset({"output"})


def forget_job(session: Session, nonce: str) -> bool:
    """Give a job up whose rows may be asked again; return whether there was one."""
    job = session.journal.jobs.get(nonce)
    if job is None or not job.is_open:
        return False
    session.effects.release(nonce)
    session.effects.append_to_journal({"dropped": nonce, "why": "forgotten"})
    return True


def choose_pause(waited: float, asked: float | None = None) -> float:
    """Return the seconds to wait before the next visit: those that a provider asks for, else more
    the longer it takes.

    >>> [choose_pause(waited) for waited in (0, 300, 3600)], choose_pause(0, 10)
    ([15.0, 60.0, 300.0], 10)
    """
    if asked is not None:
        return min(max(asked, 0.2), 3600)
    return 15.0 if waited < 120 else 60.0 if waited < 900 else 300.0


# ---- how it went ---------------------------------------------------------------------------------


@record
class JobsSummary:
    """How a visit went, and what is still to come; US dollars, rows, seconds since the epoch."""

    good: int  # rows that were written now
    failed: int
    submitted: int
    out: int  # rows that are with a provider
    left: int  # rows without an answer that are not with a provider
    cost: float | None  # of the rows that were written now; None: of some nobody knows
    saved: float
    jobs: tuple[JsonObject, ...]
    code: int  # as the command would exit


def summarize_jobs(session: Session, failed_before: int = 0) -> JobsSummary:
    """Return how a visit went."""
    return JobsSummary(
        good=session.good,
        failed=session.failed,
        submitted=session.submitted,
        out=total_rows(session.journal.uncollected_jobs),
        left=session.count_left(),
        cost=None if session.unpriced else float(session.cost),
        saved=float(session.saved),
        jobs=tuple(job_json(job) for job in session.journal.jobs.values() if job.is_open),
        code=exit_code(session, failed_before),
    )


def exit_code(session: Session, failed_before: int = 0) -> int:
    """Return 0 where all rows are answered, 1 where some failed, else why more is to come."""
    kinds = [each.kind for each in session.problems]
    worst = next((kind for kind in ORDER if kind in kinds), kinds[0] if kinds else None)
    if worst:
        return EXIT_CODES[worst]
    if session.over:
        return EXIT_CODES["budget"]
    if session.journal.uncollected_jobs or session.count_left():
        return EXIT_CODES["busy"]
    return int(bool(session.failed or failed_before))


#: Which problem of several the exit code tells of.
ORDER: tuple[Kind, ...] = ("output", "auth", "quota", "config", "usage", "input", "offline")


def job_json(job: Job) -> JsonObject:
    """Return a job for programs."""
    standing = job.standing
    return {
        "job": job.nonce,
        "id": job.id or None,
        "model": job.model,
        "state": state_of(job),
        "rows": job.submission.rows,
        "done": standing.done if standing else None,
        "failed": standing.failed if standing else None,
        "planned": job.planned,
        "expires": standing.expires if standing else None,
        "worst": None if job.worst is None else float(job.worst),
    }


def state_of(job: Job) -> str:
    """Return how a job stands, in a word."""
    if job.id:
        return job.standing.state if job.standing else "created"
    return "unknown" if job.is_uncollected else "planned"
