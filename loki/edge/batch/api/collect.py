"""Jobs that are over -> rows of the output: the ledger, then the rows, then a note."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import chain
from typing import Any, TypeAlias

from returns.result import Failure, Result, Success
from toolz import partition_all

from loki.batch.api.answers import (
    FULL,
    Answered,
    Outcome,
    Postponed,
    RowContext,
    Unanswered,
    give_up,
    interpret_result,
)
from loki.batch.api.job import Item, Job, next_step
from loki.batch.api.protocol import Call, JobStatus, RowResult
from loki.batch.api.sites import PROTOCOLS
from loki.batch.done_rows import row_identity
from loki.edge.auth.find_secrets import redact_reply_facts
from loki.edge.batch.api.missing_results import (
    explain_late_results,
    find_missing_results,
    refresh_status,
)
from loki.edge.batch.api.session import Service, Session
from loki.json_text import Json, JsonObject
from loki.money.batch_tier import BatchRates
from loki.problems import Kind, Problem, fail
from loki.record import replace
from loki.stages.account import Entry
from loki.wire.errors import is_out_of_credit, kind_of

Results: TypeAlias = Iterator[Result[Json, Problem]]

CHUNK = 500  # rows that are written at once


def collect(session: Session) -> None:
    """Write the rows of every job that is over."""
    for job in session.journal.open_jobs:
        if job.protocol in PROTOCOLS and next_step(job, PROTOCOLS[job.protocol]) == "collect":
            done = collect_job(session, job)
            if not isinstance(done, Success):
                session.fail(done.failure(), job)


def collect_job(session: Session, job: Job) -> Result[None, Problem]:
    """Write the rows of one job."""
    return session.service(job).bind(lambda service: collect_from(session, service, job))


def collect_from(session: Session, service: Service, job: Job) -> Result[None, Problem]:
    """Write the rows of one job; what is written already is left out."""
    assert job.standing is not None
    if job.keeps and not session.kept:
        return fail("usage", "its rows keep fields of the input: name IN to collect it")
    collector = Collector(session, service, job)
    for results in partition_all(CHUNK, fetch_job_results(session, service, job)):
        for result in results:
            if not isinstance(result, Success):
                return Failure(explain_late_results(job, result.failure(), session.effects.now()))
        collector.add_results([each.unwrap() for each in results])
    lack = find_missing_results(job, len(collector.came), session.effects.now())
    if lack is not None:
        refresh_status(session, service, job)
        return Failure(lack)
    collector.add_missing_results()
    problem = session.effects.sync()
    if problem is not None:
        return Failure(problem)
    session.effects.release(job.nonce)
    session.effects.append_to_journal(collector.journal_line())
    return Success(None)


class Collector:
    """The rows of one job as they come in."""

    def __init__(self, session: Session, service: Service, job: Job) -> None:
        self.session, self.job = session, job
        self.redact = session.redactor.redact
        rates = BatchRates(service.target.model.price, service.protocol.discount)
        find = session.effects.find_schema_violation
        self.asked = RowContext(service.target, rates, job.planned, find)
        self.items = {item.suffix: item for item in job.items}
        self.came: set[str] = set()
        self.again: list[str] = []
        self.strange: list[str] = []
        self.unreadable = self.rows = 0
        self.cost = Decimal(0)
        self.entries: list[Entry] = []
        self.lines: list[bytes] = []

    def add_results(self, results: list[Json]) -> None:
        """Take in some results, and write their rows."""
        protocol = PROTOCOLS[self.job.protocol]
        for result in results:
            row = None if result is None else protocol.read_row(result)
            if row is None:
                self.unreadable += 1
                continue
            nonce, _, suffix = row.id.partition("-")
            item = self.items.get(suffix) if nonce == self.job.nonce else None
            if item is None:
                self.strange.append(self.redact(row.id)[:64])
            elif suffix not in self.came:
                self.came.add(suffix)
                self.add_outcome(item, interpret_result(self.asked, row))
        self.flush()

    def add_missing_results(self) -> None:
        """Take in the rows of which no result came."""
        assert self.job.standing is not None
        missing = [item for suffix, item in self.items.items() if suffix not in self.came]
        places = {item.suffix: number for number, item in enumerate(self.job.items, 1)}
        for item in missing:
            self.add_outcome(
                item, self.explain_missing_result(self.job.standing, places[item.suffix])
            )
        self.flush()
        if self.job.standing.problem:
            reason = self.redact(self.job.standing.problem)
            self.session.note(f"job {self.job.nonce} failed: {reason}")
        if self.strange:
            self.session.note(
                f"job {self.job.nonce}: {len(self.strange):,} results of rows that are not in it"
            )

    def explain_missing_result(self, status: JobStatus, place: int) -> Outcome:
        """Return what to do with the row at a place of the file that has no result."""
        id = f"{self.job.nonce}-{self.job.items[place - 1].suffix}"
        if self.unreadable or self.strange:  # one of those may be its answer
            message = "its line in the results cannot be read, or has another id; it was paid for"
            problem = Problem("garbled", message, sent=True)
            return give_up(self.asked, problem, id, 1)
        if not status.problem:
            reason = status.state if status.state != "completed" else "no line in the results"
            reason = "canceled" if reason.startswith("cancel") else reason
            return interpret_result(self.asked, RowResult(id, reason=reason))
        problem = job_problem(status, self.redact)
        if problem.kind == "quota" or status.code in FULL:
            return Postponed(problem)
        if status.bad_lines and place not in status.bad_lines:
            return Unanswered(problem)
        return give_up(self.asked, problem, id, 1)

    def add_outcome(self, item: Item, outcome: Outcome) -> None:
        """Keep what came of a row."""
        known = row_identity(item.id, item.key)
        if known in self.session.done:  # written by a visit that was cut off
            self.cost += (isinstance(outcome, Answered) and outcome.entry.cost) or Decimal(0)
            return
        match outcome:
            case Postponed(problem):
                self.session.back += 1
                if not any(each.message == problem.message for each in self.session.problems):
                    self.session.problems.append(problem)
                self.session.full.add(self.job.model)
                return
            case Unanswered(problem, counts):
                tries = self.session.journal.again[known] + 1
                if counts:
                    self.again.append(item.suffix)
                if not counts or tries <= self.session.retries:
                    self.session.back += 1
                    return
                id = f"{self.job.nonce}-{item.suffix}"
                outcome = give_up(self.asked, problem, id, tries)
        self.write_row(item, outcome)

    def write_row(self, item: Item, outcome: Answered) -> None:
        """Keep the line and the entry of a row that is done."""
        known = row_identity(item.id, item.key)
        head = {"id": item.id, "line": item.line, "key": item.key}
        line = redact_reply_facts(outcome.line, self.session.redactor)
        if "error" in line:
            message = self.redact(line["error"]["message"])
            line = {**line, "error": {**line["error"], "message": message}}
        kept = self.session.kept.get(known, {})
        self.lines.append(self.session.encode({**head, **kept, **line}))
        self.entries.append(outcome.entry)
        self.session.done.add(known)
        self.session.count(outcome.entry, outcome.is_good)
        self.cost += outcome.entry.cost or Decimal(0)
        self.rows += 1

    def flush(self) -> None:
        """Write what was kept: the ledger first, for a row says that it was paid for."""
        if self.entries:
            self.session.effects.record(self.entries)
        if self.lines:
            self.session.effects.write(b"".join(self.lines))
        self.entries, self.lines = [], []

    def journal_line(self) -> JsonObject:
        """Return the note that the job is collected."""
        return {
            "collected": self.job.nonce,
            "time": self.session.effects.now(),
            "rows": self.rows,
            "cost": str(self.cost),
            "again": self.again,
            "unreadable": self.unreadable,
            "strange": self.strange[:100],
        }


def job_problem(status: JobStatus, redact: Callable[[str], str]) -> Problem:
    """Return why a job failed as a whole."""
    message = redact(f"the job failed: {status.problem}")
    is_broke = is_out_of_credit(429, status.problem)
    usual = "busy" if status.code in FULL else kind_of(400, status.code or None)
    kind: Kind = "quota" if is_broke else usual
    return Problem(kind, message, status=400, code=status.code or None, sent=True)


# ---- results -------------------------------------------------------------------------------------


def fetch_job_results(session: Session, service: Service, job: Job) -> Results:
    """Yield every result of a job, None for a line that is none; a failure comes last."""
    assert job.standing is not None
    standing, inline = job.standing, session.inline.get(job.nonce)
    if inline is None and not standing.files:
        poll = service.protocol.poll(service.site, job.id)
        answer = session.effects.send(service.target, poll, None, False)
        if not isinstance(answer, Success):
            yield Failure(answer.failure())
            return
        seen = service.protocol.read_status(answer.unwrap().json)
        inline = seen.inline if seen else ()
    yield from map(Success, inline or ())
    calls = service.protocol.fetch_results(service.site, standing)
    yield from chain.from_iterable(fetch_call_results(session, service, call) for call in calls)


def fetch_call_results(session: Session, service: Service, call: Call) -> Results:
    """Yield the results that a call fetches, a line each or in pages."""
    if service.protocol.next_page is not None:
        yield from fetch_pages(session, service, call)
        return
    lines = session.effects.fetch(service.target, call)
    if not isinstance(lines, Success):
        yield Failure(lines.failure())
        return
    for line in lines.unwrap():
        yield line.map(parse_line)


def parse_line(line: bytes) -> Json:
    """Return a line's JSON, None where it is none."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def fetch_pages(session: Session, service: Service, first: Call) -> Results:
    """Yield the results of all pages."""
    call: Call | None = first
    while call is not None:
        answer = session.call(service, call)
        if not isinstance(answer, Success):
            yield Failure(answer.failure())
            return
        page: Any = answer.unwrap().json
        yield from map(Success, page.get("results") or () if isinstance(page, dict) else ())
        assert service.protocol.next_page is not None
        call = service.protocol.next_page(call, page)


def first_result_id(session: Session, service: Service, status: JobStatus) -> str:
    """Return the custom id of the first result of a job, empty where there is none."""
    for call in service.protocol.fetch_results(service.site, status):
        for result in fetch_call_results(session, service, call):
            row = service.protocol.read_row(result.value_or(None))
            if row is not None:
                return row.id
    return ""


def delete_at_provider(session: Session, job: Job) -> None:
    """Remove from the provider what it kept of a job that is collected."""
    done = session.service(job).map(lambda service: (service, service.protocol.delete))
    if not isinstance(done, Success) or job.standing is None:
        return
    service, calls = done.unwrap()
    for call in calls(service.site, replace(job.submission), job.standing):
        answer = session.call(service, call)
        if not isinstance(answer, Success) and answer.failure().status != 404:
            session.note(f"job {job.nonce}: not removed there: {answer.failure().message}")
