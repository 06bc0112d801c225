"""IMPURE. Rows -> jobs that are out: what is free first, then a note, then what is paid for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from urllib.parse import urlsplit

from returns.result import Failure, Result, Success

from loki.batch.api.answers import FULL
from loki.batch.api.journal import Item, Job, plan_line, row_lines, rows_allowed, seen_line
from loki.batch.api.protocol import Call
from loki.batch.hash_set import Seen, mark
from loki.batch.jobs import Bad, Row
from loki.batch.jobs import Job as Asking
from loki.edge.batch.api.exchange import Answer, Rows
from loki.edge.batch.api.group import Group, batch_worst_case
from loki.edge.batch.api.session import (
    Service,
    Session,
    is_secret,
    service_of,
    shown,
    without_secrets,
)
from loki.edge.batch.api.settle import drop
from loki.json_text import compact
from loki.money.batch_tier import BatchRates
from loki.money.budget import describe_budget, format_dollars
from loki.pipeline import Env, prepare
from loki.problems import Problem, fail
from loki.record import record
from loki.records import JsonObject, Patch, Request, Target, Task
from loki.stages.patch import patches_for
from loki.stages.resolve import unknown_worst_case

#: Statuses of 4xx that do not say for certain that nothing was done.
UNCERTAIN = (408, 409, 425, 499)


@record
class SubmitOptions:
    """How rows are to be submitted."""

    env: Env  # its patches are those of the command line
    task: Task = "chat"
    hours: int | None = None  # in which answers are wanted
    max_cost: Decimal | None = None  # US dollars, of all jobs of the output
    folder: str = "."  # for files of rows
    keeps: bool = False
    fields: Callable[[Row], JsonObject] = lambda row: {}  # of the input, for the line of a row


class Submitter:
    """Puts rows into jobs, and jobs on their way."""

    def __init__(self, session: Session, options: SubmitOptions) -> None:
        self.session, self.options = session, options
        self.out = session.journal.marks_out()
        self.asked = Seen()
        self.groups: dict[tuple[str, str], Group] = {}
        self.allowed: dict[str, int | None] = {}  # by the names of models
        self.rates: dict[str, BatchRates] = {}
        self.taken = session.journal.spent()  # US dollars, the worst cases of rows included
        self.env = replace(options.env, authorize=Success)  # bodies carry no credential

    def submit(self, rows: Iterable[Row]) -> None:
        """Submit the rows that are neither done nor out."""
        try:
            self.take_all(rows)
            for group in list(self.groups.values()):
                self.send(group)
        finally:
            for group in self.groups.values():
                group.file.close()

    def take_all(self, rows: Iterable[Row]) -> None:
        """Put the rows that are neither done nor out into jobs; those that are full are sent."""
        for row in rows:
            known = mark(row.id, row.key if isinstance(row, Asking) else f"line:{row.line}")
            if known in self.session.done or known in self.out:
                continue
            if not self.asked.add(known):
                self.session.note(f"line {row.line} asks the same as an earlier one of its id")
                continue
            problem = row.problem if isinstance(row, Bad) else self.take(row)
            if problem is not None:
                self.refuse(row, problem)

    def take(self, row: Asking) -> Problem | None:
        """Put a row into a job; return why it can be in none."""
        drafted = body_of(self.env, self.options.task, row)
        if not isinstance(drafted, Success):
            return drafted.failure()
        service, body, patches = drafted.unwrap()
        name = service.target.name
        if name not in self.allowed:
            self.allowed[name] = rows_allowed(self.session.journal, name, FULL)
        most = self.allowed[name]
        if self.session.over or name in self.session.full or most == 0:
            self.session.left += 1
            return None
        if name not in self.rates:
            self.rates[name] = BatchRates(service.target.model.price, service.protocol.discount)
        worst = batch_worst_case(service.target, self.rates[name], row, patches)
        if (lack := self.check_limit(service.target, worst)) is not None:
            self.session.over = self.session.over or lack
            self.session.left += 1
            return None
        key = (name, compact(service.target.ask.schema))
        return self.add(self.groups.get(key) or self.open(key, service), row, body, worst, most)

    def add(
        self, group: Group, row: Asking, body: JsonObject, worst: Decimal | None, most: int | None
    ) -> Problem | None:
        """Put a row into the job that is being filled, or where that is full into the next."""
        try:
            item, line = group.line(row, body)
        except (ValueError, RecursionError) as error:
            return Problem("input", f"the request is not JSON: {error}")
        if not group.has_room(len(line), most):
            key = next(key for key, each in self.groups.items() if each is group)
            self.send(group)
            if most is not None or group.service.target.name in self.session.full:
                self.session.full.add(group.service.target.name)
                self.session.left += 1
                return None
            group = self.open(key, group.service)
            item, line = group.line(row, body)
        group.add(item, line, worst)
        self.taken += worst or Decimal(0)
        return None

    def open(self, key: tuple[str, str], service: Service) -> Group:
        """Begin a job."""
        hours = self.options.hours or service.protocol.hours[0] or 24
        hours = 24 if service.protocol.hours[0] <= 24 and not self.options.hours else hours
        nonce = self.session.effects.nonce()
        self.groups[key] = Group(service, nonce, self.options.folder, hours)
        return self.groups[key]

    def check_limit(self, target: Target, worst: Decimal | None) -> Problem | None:
        """Return why a row may not be paid for, None where it may."""
        limit, config = self.options.max_cost, self.session.config
        if worst is None:
            if limit is not None:
                return unknown_worst_case(target)
            if config.budget and not config.allow_unpriced:
                message = unknown_worst_case(target).message.replace("--max-cost", "budget")
                return Problem("budget", message)
            if target.model.price.input is None:
                self.session.note(f"{target.name} is sent at an unknown price")
            return None
        if limit is not None and self.taken + worst > limit:
            gone = f"{format_dollars(self.taken)} of --max-cost {format_dollars(limit)} is taken"
            return Problem("budget", f"{gone}, and the next row could cost {format_dollars(worst)}")
        return None

    def refuse(self, row: Row, problem: Problem) -> None:
        """Write the line of a row that no job can have."""
        key = row.key if isinstance(row, Asking) else f"line:{row.line}"
        error = {"kind": problem.kind, "message": problem.message, "status": None, "sent": False}
        line = {"id": row.id, "line": row.line, "key": key}
        kept = self.options.fields(row)
        self.session.effects.write(self.session.encode({**line, **kept, "error": error}))
        self.session.done.add(mark(row.id, key))
        self.session.failed += 1

    # ---- a job -----------------------------------------------------------------------------------

    def send(self, group: Group) -> None:
        """Submit a job; its rows stay planned if that fails."""
        self.groups = {key: each for key, each in self.groups.items() if each is not group}
        with group.file:
            if group.items:
                self.send_rows(group, group.close())

    def send_rows(self, group: Group, rows: Rows) -> None:
        """Submit a job whose file is complete."""
        job = group.job(self.session.effects.now(), self.options.keeps)
        lack = self.check_budgets(job)
        name = group.service.target.name
        if lack is not None or name in self.session.full:
            self.session.over = self.session.over or lack
            self.session.left += len(group.items)
            return
        sent = submit_job(self.session, group.service, job, group.items, rows)
        if not isinstance(sent, Success):
            self.session.fail(sent.failure(), job)
            self.session.full.add(name)
        known = self.session.journal.jobs.get(job.nonce)
        is_out = known is not None and known.is_out
        self.session.submitted += len(group.items) if is_out else 0
        self.session.left += 0 if is_out else len(group.items)

    def check_budgets(self, job: Job) -> Problem | None:
        """Return which budget a job could pass, None where there is room in all."""
        if self.session.effects.spent is None or job.worst is None:
            return None
        spent = self.session.effects.spent()
        if not isinstance(spent, Success):
            return spent.failure()
        for purse in spent.unwrap():
            if purse.spent + job.worst > purse.budget:
                could = f"{job.submission.rows:,} rows could cost {format_dollars(job.worst)}"
                return Problem("budget", f"{job.model}: {could}, and of {describe_budget(purse)}")
        return None


def body_of(
    env: Env, task: Task, row: Asking
) -> Result[tuple[Service, JsonObject, tuple[Patch, ...]], Problem]:
    """Return whom to ask, the body of a row, and the patches that are in it."""
    with_own = replace(env, patches=(*env.patches, row.patch)) if row.patch else env
    return Result.do(
        (service, body, with_own.patches)
        for request in prepare(with_own, row.ask, task)
        for service in service_of(request.target)
        for _ in only_bodies(request.target, with_own.patches)
        for body in without_stream(request)
    )


def only_bodies(target: Target, patches: tuple[Patch, ...]) -> Result[None, Problem]:
    """Return nothing; fails where a patch changes more than bodies, which is all that a job has."""
    for each in patches_for(target, patches):
        part = "url" if each.url else "headers" if each.headers else ""
        if part:
            where = f" ({each.origin})" if each.origin else ""
            return fail("usage", f"a patch sets {part}{where}, which no row of a batch job has")
    return Success(None)


def without_stream(request: Request) -> Result[JsonObject, Problem]:
    """Return a body that asks for no stream."""
    body = request.draft.body
    if body.get("stream"):
        return fail("usage", "a patch sets stream, which no row of a batch job has")
    return Success({name: body[name] for name in body if name not in ("stream", "stream_options")})


# ---- never twice ---------------------------------------------------------------------------------


def submit_job(
    session: Session, service: Service, job: Job, items: Sequence[Item], rows: Rows
) -> Result[None, Problem]:
    """Store the rows, note the intent, send what is paid for once, note what came of it."""
    stored = store(session, service, job, rows)
    if not isinstance(stored, Success):
        return Failure(stored.failure())  # and nothing was noted: nothing is there
    ref, now = stored.unwrap()
    uploaded = [{"uploaded": job.nonce, "ref": ref}] if ref else []
    session.effects.note(plan_line(job), *row_lines(job.nonce, items), *uploaded)
    if job.worst is not None:
        session.effects.reserve(job.nonce, job.worst, job.planned)
    session.effects.note({"intent": job.nonce, "time": now})
    job = session.journal.jobs[job.nonce]
    call = service.protocol.create(service.site, job.submission)
    answer = session.effects.send(service.target, call, rows if call.rows else None, True)
    if not isinstance(answer, Success):
        return Failure(unanswered(session, job, answer.failure()))
    return keep_job(session, service, job, answer.unwrap())


def unanswered(session: Session, job: Job, problem: Problem) -> Problem:
    """Return why a job is not known to be created; one that certainly was not is dropped."""
    if is_refusal(problem):
        drop(session, job, f"refused: {problem.kind}")
        return problem
    message = f"nobody knows whether it was created: {problem.message}; it is looked for next time"
    return replace(problem, message=message)


def is_refusal(problem: Problem) -> bool:
    """Return whether a problem says for certain that no job was created.

    >>> is_refusal(Problem("busy", "", status=429, sent=True))
    True
    >>> is_refusal(Problem("offline", "", status=503, sent=True))
    False
    >>> is_refusal(Problem("offline", "no connection"))
    True
    """
    if problem.status is None:
        return not problem.sent
    return problem.status == 529 or (
        300 <= problem.status < 500 and problem.status not in UNCERTAIN
    )


def keep_job(session: Session, service: Service, job: Job, answer: Answer) -> Result[None, Problem]:
    """Note the job that was created."""
    standing = service.protocol.read(answer.json)
    id = job.submission.ref if service.protocol.job_is_deposit else standing.id if standing else ""
    if not id or is_secret(id):
        message = f"not a batch job: {shown(answer)}; it is looked for next time"
        return fail("garbled", message, sent=True)
    session.effects.note({"job": job.nonce, "id": id, "time": answer.now})
    session.note_wait(answer)
    clean = without_secrets(standing).value_or(None) if standing is not None else None
    if clean is not None:
        session.effects.note(seen_line(job.nonce, clean, session.effects.now()))
    return Success(None)


def store(
    session: Session, service: Service, job: Job, rows: Rows
) -> Result[tuple[str, float], Problem]:
    """Do what is free: return what was stored, if anything, and the time there."""
    send, protocol = session.effects.send, service.protocol
    if protocol.deposit is None:  # a list costs nothing, and says whether the key is good
        call = protocol.listing(service.site, job.submission, "")
        return send(service.target, call, None, False).map(lambda answer: ("", answer.now))
    call = protocol.deposit(service.site, job.submission, rows.size)
    answer = send(service.target, call, rows if call.rows else None, False)
    if protocol.upload_at:
        answer = answer.bind(lambda got: upload(session, service, got, rows))
    return answer.bind(lambda got: named(protocol.read_deposit(got.json), got))


def named(ref: str, answer: Answer) -> Result[tuple[str, float], Problem]:
    """Return the name of what was stored; fails where there is none."""
    if not ref or is_secret(ref):
        return fail("garbled", f"not a stored file: {shown(answer)}", sent=True)
    return Success((ref, answer.now))


def upload(
    session: Session, service: Service, answer: Answer, rows: Rows
) -> Result[Answer, Problem]:
    """Send the rows where an answer says that they may go, without a credential."""
    url = answer.headers.get(service.protocol.upload_at, "")
    place, own = urlsplit(url), urlsplit(service.site.base)
    if place.netloc != own.netloc and not (
        place.scheme == "https" and (place.hostname or "").endswith(".googleapis.com")
    ):
        return fail("garbled", "the address for the file is not of the provider", sent=True)
    headers = {"X-Goog-Upload-Offset": "0", "X-Goog-Upload-Command": "upload, finalize"}
    call = Call("POST", url, rows="raw", headers=headers, is_signed=False)
    return session.effects.send(service.target, call, rows, False)
