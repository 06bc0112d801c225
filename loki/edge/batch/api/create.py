"""Rows in a file -> a job: what is free first, then a note, then what is paid for, once."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from returns.result import Failure, Result, Success

from loki.batch.api.job import Item, Job
from loki.batch.api.journal import plan_line, row_lines, status_line
from loki.batch.api.protocol import Call
from loki.edge.batch.api.batch_client import Answer, RowsFile
from loki.edge.batch.api.session import Service, Session, format_answer, is_secret, without_secrets
from loki.edge.batch.api.update_jobs import drop_job
from loki.problems import Problem, fail
from loki.record import replace
from loki.redaction.redactor import Redactor

#: Statuses of 4xx that do not say for certain that nothing was done.
UNCERTAIN = (408, 409, 425, 499)


def submit_job(
    session: Session, service: Service, job: Job, items: Sequence[Item], rows: RowsFile
) -> Result[None, Problem]:
    """Store the rows, note the intent, send what is paid for once, note what came of it."""
    stored = upload_rows(session, service, job, rows)
    if not isinstance(stored, Success):
        return Failure(stored.failure())  # and nothing was noted: nothing is there
    ref, now = stored.unwrap()
    uploaded = [{"uploaded": job.nonce, "ref": ref}] if ref else []
    session.effects.append_to_journal(plan_line(job), *row_lines(job.nonce, items), *uploaded)
    if job.worst is not None:
        session.effects.reserve(job.nonce, job.worst, job.planned)
    session.effects.append_to_journal({"intent": job.nonce, "time": now})
    job = session.journal.jobs[job.nonce]
    call = service.protocol.create(service.site, job.submission)
    answer = session.effects.send(service.target, call, rows if call.upload_as else None, True)
    if not isinstance(answer, Success):
        return Failure(explain_unanswered(session, job, answer.failure()))
    return record_created_job(session, service, job, answer.unwrap())


def explain_unanswered(session: Session, job: Job, problem: Problem) -> Problem:
    """Return why a job is not known to be created; one that certainly was not is dropped."""
    if is_surely_not_created(problem):
        drop_job(session, job, f"refused: {problem.kind}")
        return problem
    message = f"nobody knows whether it was created: {problem.message}; it is looked for next time"
    return replace(problem, message=message)


def is_surely_not_created(problem: Problem) -> bool:
    """Return whether a problem says for certain that no job was created.

    >>> is_surely_not_created(Problem("busy", "", status=429, sent=True))
    True
    >>> is_surely_not_created(Problem("offline", "", status=503, sent=True))
    False
    >>> is_surely_not_created(Problem("offline", "no connection"))
    True
    """
    if problem.status is None:
        return not problem.sent
    return problem.status == 529 or (
        300 <= problem.status < 500 and problem.status not in UNCERTAIN
    )


def record_created_job(
    session: Session, service: Service, job: Job, answer: Answer
) -> Result[None, Problem]:
    """Note the job that was created."""
    standing = service.protocol.read_status(answer.json)
    id = (
        job.submission.ref
        if service.protocol.upload_creates_job
        else standing.id
        if standing
        else ""
    )
    if not id or is_secret(id, session.redactor):
        shown = format_answer(answer, session.redactor)
        message = f"not a batch job: {shown}; it is looked for next time"
        return fail("garbled", message, sent=True)
    session.effects.append_to_journal({"job": job.nonce, "id": id, "time": answer.now})
    session.note_wait(answer)
    checked = without_secrets(standing, session.redactor) if standing is not None else None
    clean = checked.value_or(None) if checked is not None else None
    if clean is not None:
        session.effects.append_to_journal(status_line(job.nonce, clean, session.effects.now()))
    return Success(None)


def upload_rows(
    session: Session, service: Service, job: Job, rows: RowsFile
) -> Result[tuple[str, float], Problem]:
    """Do what is free: return what was stored, if anything, and the time there."""
    send, protocol = session.effects.send, service.protocol
    if protocol.upload is None:  # a list costs nothing, and says whether the key is good
        call = protocol.list_jobs(service.site, job.submission, "")
        return send(service.target, call, None, False).map(lambda answer: ("", answer.now))
    call = protocol.upload(service.site, job.submission, rows.size)
    answer = send(service.target, call, rows if call.upload_as else None, False)
    if protocol.upload_url_header:
        answer = answer.bind(lambda got: send_file(session, service, got, rows))
    return answer.bind(
        lambda got: require_file_ref(protocol.read_upload(got.json), got, session.redactor)
    )


def require_file_ref(
    ref: str, answer: Answer, redactor: Redactor
) -> Result[tuple[str, float], Problem]:
    """Return the name of what was stored; fails where there is none."""
    if not ref or is_secret(ref, redactor):
        return fail("garbled", f"not a stored file: {format_answer(answer, redactor)}", sent=True)
    return Success((ref, answer.now))


def send_file(
    session: Session, service: Service, answer: Answer, rows: RowsFile
) -> Result[Answer, Problem]:
    """Send the rows where an answer says that they may go, without a credential."""
    url = answer.headers.get(service.protocol.upload_url_header, "")
    place, own = urlsplit(url), urlsplit(service.site.base)
    if place.netloc != own.netloc and not (
        place.scheme == "https" and (place.hostname or "").endswith(".googleapis.com")
    ):
        return fail("garbled", "the address for the file is not of the provider", sent=True)
    headers = {"X-Goog-Upload-Offset": "0", "X-Goog-Upload-Command": "upload, finalize"}
    call = Call("POST", url, upload_as="raw", headers=headers, is_signed=False)
    return session.effects.send(service.target, call, rows, False)
