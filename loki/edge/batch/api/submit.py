"""Rows -> jobs that are out: sorted into files, within what may be spent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from returns.result import Success

from loki.batch.api.answers import FULL
from loki.batch.api.job import Job
from loki.batch.api.journal import max_rows_to_submit
from loki.batch.done_rows import HashSet, row_identity
from loki.batch.row_files import content_identities
from loki.batch.rows import InvalidRow, Row, RunSettings
from loki.batch.rows import ReadyRow as Asking
from loki.batch.run_key import recognize
from loki.edge.batch.api.batch_client import RowsFile
from loki.edge.batch.api.body import (
    check_window,
    draft_row_body,
    explain_too_large,
    without_credentials,
)
from loki.edge.batch.api.create import submit_job
from loki.edge.batch.api.job_draft import SHARE, JobDraft, batch_worst_cost
from loki.edge.batch.api.session import (
    Service,
    Session,
)
from loki.edge.batch.read_slow import ReadFiles
from loki.json_text import JsonObject, compact
from loki.money.batch_tier import BatchRates
from loki.money.budget import describe_budget
from loki.pipeline import Env
from loki.price import format_dollars
from loki.problems import Problem, count_of
from loki.record import record
from loki.records import Patch, Target, Task
from loki.stages.check_max_cost import explain_unknown_cost


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
    read: ReadFiles = lambda row: row  # what a row attaches, and is not read yet
    settings: RunSettings = RunSettings()  # that the keys of rows are made with


MAX_OPEN = 50  # jobs that are filled at once: each has a file that is open


class Submitter:
    """Puts rows into jobs, and jobs on their way."""

    def __init__(self, session: Session, options: SubmitOptions) -> None:
        self.session, self.options = session, options
        self.out = session.journal.uncollected_rows()
        self.asked = HashSet()
        self.groups: dict[tuple[str, str], JobDraft] = {}
        self.allowed: dict[str, int | None] = {}  # by the names of models
        self.rates: dict[str, BatchRates] = {}
        self.taken = session.journal.spent()  # US dollars, the worst cases of rows included
        self.env = without_credentials(options.env)

    def submit(self, rows: Iterable[Row]) -> None:
        """Submit the rows that are neither done nor out."""
        try:
            self.submit_rows(rows)
            for group in list(self.groups.values()):
                self.submit_job(group)
        finally:
            for group in self.groups.values():
                group.file.close()

    def submit_rows(self, rows: Iterable[Row]) -> None:
        """Put the rows that are neither done nor out into jobs; those that are full are sent."""
        for read in rows:
            row = recognize(read, self.is_known)
            known = row_identity(row.id, row.key if isinstance(row, Asking) else f"line:{row.line}")
            if self.is_known(known):
                continue
            if not self.asked.add(known):
                self.session.note(f"line {row.line} asks the same as an earlier one of its id")
                continue
            problem = row.problem if isinstance(row, InvalidRow) else self.read_and_submit(row)
            if problem is not None:
                self.write_invalid_row(row, problem)

    def read_and_submit(self, row: Asking) -> Problem | None:
        """Put a row into a job with what it attaches, unless an earlier version did."""
        read = self.options.read(row)
        if isinstance(read, InvalidRow):
            return read.problem
        identities = content_identities(self.options.settings, row, read)
        is_known = read is not row and any(map(self.is_known, identities))
        return None if is_known else self.submit_row(read)

    def is_known(self, identity: str) -> bool:
        """Return whether a row is done, or out as part of a job."""
        return identity in self.session.done or identity in self.out

    def submit_row(self, row: Asking) -> Problem | None:
        """Put a row into a job; return why it can be in none."""
        drafted = draft_row_body(self.env, self.options.task, row)
        if not isinstance(drafted, Success):
            return drafted.failure()
        service, body, patches = drafted.unwrap()
        name = service.target.name
        window = check_window(self.options.hours, service)
        if not isinstance(window, Success):
            return window.failure()
        if name not in self.allowed:
            self.allowed[name] = max_rows_to_submit(self.session.journal, name, FULL)
        most = self.allowed[name]
        if self.session.over or name in self.session.full or most == 0:
            self.session.left += 1
            return None
        if name not in self.rates:
            self.rates[name] = BatchRates(service.target.model.price, service.protocol.discount)
        worst = batch_worst_cost(service.target, self.rates[name], row, patches)
        if (lack := self.check_limit(service.target, worst, patches)) is not None:
            self.session.over = self.session.over or lack
            self.session.left += 1
            return None
        key = (name, compact(service.target.ask.schema))
        return self.add(
            self.groups.get(key) or self.job_draft_for(key, service), row, body, worst, most
        )

    def add(
        self,
        group: JobDraft,
        row: Asking,
        body: JsonObject,
        worst_cost: Decimal | None,
        most: int | None,
    ) -> Problem | None:
        """Put a row into the job that is being filled, or where that is full into the next."""
        try:
            item, line = group.make_line(row, body)
        except (ValueError, RecursionError) as error:
            return Problem("input", f"the request is not JSON: {error}")
        if len(line) > group.service.protocol.max_bytes * SHARE:
            return explain_too_large(len(line), group.service)
        if not group.has_room(len(line), most):
            key = next(key for key, each in self.groups.items() if each is group)
            self.submit_job(group)
            if most is not None or group.service.target.name in self.session.full:
                self.session.full.add(group.service.target.name)
                self.session.left += 1
                return None
            group = self.job_draft_for(key, group.service)
            item, line = group.make_line(row, body)
        group.add(item, line, worst_cost)
        self.taken += worst_cost or Decimal(0)
        return None

    def job_draft_for(self, key: tuple[str, str], service: Service) -> JobDraft:
        """Begin a job; where too many are being filled, the first of them goes as it is."""
        if len(self.groups) >= MAX_OPEN:
            self.submit_job(next(iter(self.groups.values())))
        nonce, hours = self.session.effects.nonce(), self.options.hours or 24
        self.groups[key] = JobDraft(service, nonce, self.options.folder, hours)
        return self.groups[key]

    def check_limit(
        self, target: Target, worst_cost: Decimal | None, patches: tuple[Patch, ...]
    ) -> Problem | None:
        """Return why a row may not be paid for, None where it may."""
        limit, config = self.options.max_cost, self.session.config
        if worst_cost is None:
            if limit is not None:
                return explain_unknown_cost(target, patches)
            if config.budget and not config.allow_unpriced:
                message = explain_unknown_cost(target, patches).message.replace(
                    "--max-cost", "budget"
                )
                return Problem("budget", message)
            if target.model.price.input is None:
                self.session.note(f"{target.name} is sent at an unknown price")
            return None
        if limit is not None and self.taken + worst_cost > limit:
            gone = f"{format_dollars(self.taken)} of --max-cost {format_dollars(limit)} is taken"
            return Problem(
                "budget", f"{gone}, and the next row could cost {format_dollars(worst_cost)}"
            )
        return None

    def write_invalid_row(self, row: Row, problem: Problem) -> None:
        """Write the line of a row that no job can have."""
        key = row.key if isinstance(row, Asking) else f"line:{row.line}"
        message = self.session.redactor.redact(problem.message)
        error = {"kind": problem.kind, "message": message, "status": None, "sent": False}
        line = {"id": row.id, "line": row.line, "key": key}
        kept = self.options.fields(row)
        self.session.effects.write(self.session.encode({**line, **kept, "error": error}))
        self.session.done.add(row_identity(row.id, key))
        self.session.failed += 1

    # ---- a job -----------------------------------------------------------------------------------

    def submit_job(self, group: JobDraft) -> None:
        """Submit a job; its rows stay planned if that fails."""
        self.groups = {key: each for key, each in self.groups.items() if each is not group}
        with group.file:
            if group.items:
                self.send_rows(group, group.close())

    def send_rows(self, group: JobDraft, rows: RowsFile) -> None:
        """Submit a job whose file is complete."""
        job = group.make_job(self.session.effects.now(), self.options.keeps)
        name = group.service.target.name
        lack = None if name in self.session.full else self.hold(job)
        if lack is not None or name in self.session.full:
            self.session.over = self.session.over or lack
            self.session.left += len(group.items)
            return
        sent = submit_job(self.session, group.service, job, group.items, rows)
        if not isinstance(sent, Success):
            self.session.fail(sent.failure(), job)
            self.session.full.add(name)
        known = self.session.journal.jobs.get(job.nonce)
        if known is None:  # nothing was noted of it
            self.session.effects.release(job.nonce)
        is_out = known is not None and known.is_uncollected
        self.session.submitted += len(group.items) if is_out else 0
        self.session.left += 0 if is_out else len(group.items)

    def hold(self, job: Job) -> Problem | None:
        """Reserve what a job may cost; return which budget has no room for it, if one has none."""
        if job.worst is None:
            return None
        full = self.session.effects.hold(job.nonce, job.worst)
        if not isinstance(full, Success):
            return full.failure()
        budget = full.unwrap()
        if budget is None:
            return None
        could = f"{count_of(job.submission.rows, 'row')} could cost {format_dollars(job.worst)}"
        return Problem("budget", f"{job.model}: {could}, and of {describe_budget(budget)}")
