"""A session -> what its jobs became meanwhile: lost ones found, the others looked at."""

from __future__ import annotations

from returns.result import Failure, Result, Success

from loki.batch.api.job import Job, next_step
from loki.batch.api.journal import status_line
from loki.batch.api.protocol import Found, JobStatus
from loki.batch.api.sites import PROTOCOLS
from loki.edge.batch.api.batch_client import Answer
from loki.edge.batch.api.collect import first_result_id
from loki.edge.batch.api.session import Service, Session, format_answer, is_secret, without_secrets
from loki.problems import Problem, count_that_are, fail
from loki.record import replace

MAX_PAGES = 100  # of a list of jobs; beyond these nobody knows


def update_jobs(session: Session) -> None:
    """Bring every job as far as its provider has it; nothing is collected yet."""
    for nonce in [job.nonce for job in session.journal.open_jobs]:
        job = session.journal.jobs[nonce]
        if job.protocol not in PROTOCOLS:
            session.fail(Problem("usage", f"a newer loki made it: {job.protocol}"), job)
            continue
        update_job(session, job)


def update_job(session: Session, job: Job) -> None:
    """Bring one job as far as its provider has it."""
    step = next_step(job, PROTOCOLS[job.protocol])
    if step == "drop":
        lost = "it is nowhere in the provider's list" if job.looks else "it was never asked for"
        drop_job(session, job, lost)
        return
    if step not in ("look", "hold", "poll"):
        return
    done = session.service(job).bind(lambda service: STEPS[step](session, service, job))
    if not isinstance(done, Success):
        session.fail(done.failure(), job)


def drop_job(session: Session, job: Job, why: str) -> None:
    """Give a job up that is not out: its rows are to be asked again."""
    session.effects.release(job.nonce)
    session.effects.append_to_journal({"dropped": job.nonce, "why": why})


# ---- a job that may be lost ----------------------------------------------------------------------


def find_lost_job(session: Session, service: Service, job: Job) -> Result[None, Problem]:
    """Look for a job that may have been created; note it, or that it was looked for in vain."""
    cursor, now = "", 0.0
    for _ in range(MAX_PAGES):
        page = list_page(session, service, job, cursor)
        if not isinstance(page, Success):
            return Failure(page.failure())
        found, now = page.unwrap()
        if found.id and not is_secret(found.id, session.redactor):
            adopt_job(session, job, found.id)
            return Success(None)
        cursor = found.cursor
        if not cursor:
            session.effects.append_to_journal({"looked": job.nonce, "time": now})
            drop_uncreated_job(session, session.journal.jobs[job.nonce])
            return Success(None)
    return fail("busy", "the provider lists too many jobs to find it among them")


def drop_uncreated_job(session: Session, job: Job) -> None:
    """Drop a job that was looked for often enough; tell of one that was not."""
    if next_step(job, PROTOCOLS[job.protocol]) == "drop":
        drop_job(session, job, "it is nowhere in the provider's list")
    else:
        session.note(
            f"job {job.nonce}: nobody knows yet whether it was created; it is looked for again"
        )


def list_page(
    session: Session, service: Service, job: Job, cursor: str
) -> Result[tuple[Found, float], Problem]:
    """Return what a page of a list says of a job, and when."""
    call = service.protocol.list_jobs(service.site, job.submission, cursor)

    def read(answer: Answer) -> tuple[Found, float]:
        return service.protocol.read_list(answer.json, job.submission, cursor), answer.now

    return session.call(service, call).map(read)


def adopt_job(session: Session, job: Job, id: str) -> None:
    """Note a job that was created and not noted, and see how it stands."""
    session.effects.append_to_journal({"job": job.nonce, "id": id, "found": True})
    session.note(f"job {job.nonce} was found again: it is {id}")
    update_job(session, session.journal.jobs[job.nonce])


def find_candidates(session: Session, service: Service, job: Job) -> Result[None, Problem]:
    """Look for a job that has no mark to find it by; only its results say whose it is."""
    cursor, candidates = "", list[str]()
    for _ in range(MAX_PAGES):
        page = list_page(session, service, job, cursor)
        if not isinstance(page, Success):
            return Failure(page.failure())
        found, _ = page.unwrap()
        candidates += found.candidates
        cursor = found.cursor
        if not cursor:
            break
    known = {each.id for each in session.journal.jobs.values()}
    for id in candidates:
        if id not in known and is_ours(session, service, job, id):
            adopt_job(session, job, id)
            return Success(None)
    return explain_ambiguous_job(job, len([id for id in candidates if id not in known]))


def explain_ambiguous_job(job: Job, candidates: int) -> Result[None, Problem]:
    """Return why the rows of a job wait that may have been created: for a person, or its end."""
    seen = f"{candidates:,} of as many rows and that time" if candidates else "none like it"
    return fail(
        "busy",
        f"nobody knows whether it was created, and its provider lists {seen}: its"
        f" {count_that_are(job.submission.rows, 'row')} held."
        f" If you know it was not: --forget {job.nonce}",
    )


def is_ours(session: Session, service: Service, job: Job, id: str) -> bool:
    """Return whether the results of a job have our ids; before its end nobody knows."""
    answer = session.call(service, service.protocol.poll(service.site, id))
    standing = answer.map(lambda got: service.protocol.read_status(got.json)).value_or(None)
    if standing is None or not standing.is_final:
        return False
    return first_result_id(session, service, standing).startswith(job.nonce)


# ---- a job that is out ---------------------------------------------------------------------------


def poll_job(session: Session, service: Service, job: Job) -> Result[None, Problem]:
    """See how a job stands, and note what is new."""
    answer = session.call(service, service.protocol.poll(service.site, job.id))
    return answer.alt(explain_unknown_job).bind(
        lambda got: read_polled_status(session, service, job, got)
    )


def explain_unknown_job(problem: Problem) -> Problem:
    """Return a problem; a job that is not known there is another account's, not lost."""
    if problem.status != 404:
        return problem
    message = f"the provider does not know it: is the key of another account? ({problem.message})"
    return replace(problem, kind="auth", message=message)


def read_polled_status(
    session: Session, service: Service, job: Job, answer: Answer
) -> Result[None, Problem]:
    """Note how a job stands, if that is new."""
    found = service.protocol.read_status(answer.json)
    if found is None:
        shown = format_answer(answer, session.redactor)
        return fail("garbled", f"not a batch job: {shown}", sent=True)
    session.note_wait(answer)
    clean = without_secrets(found, session.redactor)
    return clean.map(lambda standing: record_status(session, job, standing))


def record_status(session: Session, job: Job, status: JobStatus) -> None:
    """Note how a job stands, if that is new."""
    if status.inline:
        session.inline[job.nonce] = status.inline
    if replace(status, inline=()) != job.standing:
        session.effects.append_to_journal(status_line(job.nonce, status, session.effects.now()))


def cancel_jobs(session: Session) -> None:
    """Ask the providers to stop all jobs that are out."""
    for job in session.journal.uncollected_jobs:
        if job.id and not is_final(job.standing):
            done = cancel_job(session, job)
            if not isinstance(done, Success):
                session.fail(done.failure(), job)


def cancel_job(session: Session, job: Job) -> Result[Answer, Problem]:
    """Ask the provider to stop a job."""
    return session.service(job).bind(
        lambda service: session.call(service, service.protocol.cancel(service.site, job.id))
    )


STEPS = {"look": find_lost_job, "hold": find_candidates, "poll": poll_job}


def is_final(status: JobStatus | None) -> bool:
    """Return whether a job is over."""
    return status is not None and status.is_final
