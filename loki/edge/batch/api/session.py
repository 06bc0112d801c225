"""What a visit to the providers' batch APIs is made of, and what it has learnt."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import field
from decimal import Decimal
from hashlib import blake2b

from returns.result import Result, Success

from loki.batch.api.job import Job
from loki.batch.api.journal import Journal
from loki.batch.api.protocol import Call, JobStatus, Protocol, Site
from loki.batch.api.sites import protocol_of, site_of
from loki.batch.done_rows import HashSet
from loki.edge.batch.api.batch_client import Answer, Lines, RowsFile
from loki.formats.structured_output import FindBreach, find_schema_violation
from loki.json_text import JsonObject, compact
from loki.messages import Message
from loki.money.budget import BudgetStatus
from loki.problems import Problem, excerpt, fail
from loki.record import record, replace
from loki.records import Ask, Config, Limits, Target, Task
from loki.redaction.redactor import Redactor
from loki.stages.account import Entry
from loki.stages.resolve import resolve

NO_LIMITS = Limits()


@record
class Effects:
    """Everything that a visit does to the world, so that a test can end it anywhere."""

    send: Callable[[Target, Call, RowsFile | None, bool], Result[Answer, Problem]]
    fetch: Callable[[Target, Call], Result[Lines, Problem]]
    append_to_journal: Callable[..., None]  # lines of the journal, safe on the disk
    write: Callable[[bytes], None]  # rows of the output
    sync: Callable[[], Problem | None]  # the output, safe on the disk
    record: Callable[[list[Entry]], None]  # entries of the ledger, each once
    reserve: Callable[[str, Decimal, float], None]  # a job's worst case, in the ledger
    release: Callable[..., None]  # the same of some jobs
    now: Callable[[], float]  # seconds since the epoch
    nonce: Callable[[], str]  # 8 letters and digits that nobody else has
    #: Reserves what a job may cost before it is stored; returns the budget that has no room.
    hold: Callable[[str, Decimal], Result[BudgetStatus | None, Problem]] = lambda job, cost: (
        Success(None)
    )
    find_schema_violation: FindBreach = find_schema_violation  # of a schema, in an answer


class Session:
    """A visit: the journal, the output, and what was learnt on the way."""

    def __init__(
        self,
        config: Config,
        effects: Effects,
        journal: Journal,
        done: HashSet,
        encode: Callable[[JsonObject], bytes],
        redactor: Redactor,
        limits: Limits = NO_LIMITS,
        retries: int = 3,
    ) -> None:
        self.config, self.effects, self.journal = config, effects, journal
        self.done = done  # marks of the rows in the output
        self.encode, self.redactor = encode, redactor
        self.limits = limits
        self.retries = retries
        self.kept: dict[str, JsonObject] = {}  # fields of the input, by the marks of rows
        self.good = self.failed = 0
        self.cost, self.saved, self.unpriced = Decimal(0), Decimal(0), 0
        self.submitted = 0  # rows
        self.left = 0  # rows that were read and are neither done nor out
        self.back = 0  # rows that came back without an answer
        self.is_read = False  # whether the rows of the input were seen
        self.notes: list[str] = []
        self.problems: list[Problem] = []
        self.full: set[str] = set()  # models that take no more at the moment
        self.over: Problem | None = None  # why nothing more may be spent
        self.wait: float | None = None  # seconds that a provider asks us to wait
        self.inline: dict[str, tuple[object, ...]] = {}  # results that came with a job

    def note(self, words: str) -> None:
        """Keep a note to print, once."""
        if words not in self.notes and len(self.notes) < 20:
            self.notes.append(words)

    def fail(self, problem: Problem, job: Job | None = None) -> None:
        """Keep a problem to print, with the job that has it."""
        if job is not None:
            problem = replace(problem, message=f"job {job.nonce} ({job.model}): {problem.message}")
        self.problems.append(problem)

    def note_wait(self, answer: Answer) -> None:
        """Keep how long a provider asks us to wait, which it says in good answers too."""
        wait = answer.headers.get("retry-after", "")
        if wait.replace(".", "", 1).isdecimal():
            self.wait = max(self.wait or 0.0, float(wait))

    def count(self, entry: Entry, is_good: bool) -> None:
        """Count a row that is done."""
        self.good += is_good
        self.failed += not is_good
        if entry.cost is None or not entry.exact:
            self.unpriced += 1
        self.cost += entry.cost or Decimal(0)
        if entry.cost is not None and entry.usual_cost is not None:
            self.saved += entry.usual_cost - entry.cost

    def count_left(self) -> int:
        """Return how many rows have no answer and are not out, by the input or else the journal."""
        left = self.left + self.back
        if self.is_read or self.journal.uncollected_jobs:
            return left
        return max(left, self.journal.known.count_outside(self.done))

    def call(self, service: Service, call: Call) -> Result[Answer, Problem]:
        """Return the answer to a call that costs nothing."""
        return self.effects.send(service.target, call, None, False)

    def service(self, job: Job) -> Result[Service, Problem]:
        """Return whom to ask about a job; fails with kind auth if it is another account's."""

        def checked(service: Service) -> Result[Service, Problem]:
            if account_of(service.target, service.site) == job.account:
                return Success(service)
            who = f"another account than client {service.target.client.name!r} has now"
            return fail("auth", f"it is of {who}: its address, organisation or project changed")

        return find_service(self.config, job.model, job.task, job, self.limits).bind(checked)


@record
class Service:
    """Whom to ask about the jobs of a model."""

    target: Target
    name: str  # of the protocol
    protocol: Protocol = field(repr=False)
    site: Site


def find_service(
    config: Config,
    model: str | None,
    task: Task,
    job: Job | None = None,
    limits: Limits = NO_LIMITS,
) -> Result[Service, Problem]:
    """Return whom to ask about the jobs of a model; fails where there is no batch API."""
    ask = Ask(
        (Message("user", "?"),),
        model=model,
        texts=("?",),
        schema=job.schema if job else None,
        tag=job.tag if job else "",
        limits=limits,
        stream=False,
    )
    return resolve(config, task)(ask).bind(service_of)


def service_of(target: Target) -> Result[Service, Problem]:
    """Return whom to ask about the jobs of a target."""
    return protocol_of(target).map(
        lambda found: Service(target, found[0], found[1], site_of(target, found[0]))
    )


def format_answer(answer: Answer, redactor: Redactor) -> str:
    """Return the beginning of an answer for a message, without any secret."""
    return excerpt(redactor.redact(compact(answer.json)), 200)


def is_secret(name: str, redactor: Redactor) -> bool:
    """Return whether a provider's name of something is, or holds, a secret of ours."""
    return redactor.redact(name) != name


def without_secrets(status: JobStatus, redactor: Redactor) -> Result[JobStatus, Problem]:
    """Return how a job stands as the journal may keep it; fails where a name in it is a secret."""
    if any(is_secret(name, redactor) for name in (status.id, *status.files)):
        return fail("garbled", "the provider names a job or a file by a secret of ours", sent=True)
    redact = redactor.redact
    texts = {name: redact(getattr(status, name)) for name in ("state", "problem", "code")}
    return Success(replace(status, **texts))  # type: ignore[arg-type]


#: Settings that say whose the jobs are; a credential is renewed, and says nothing.
OWNER = ("organization_id", "project_id", "location")


def account_of(target: Target, site: Site) -> str:
    """Return a hash of whose jobs are at a site: the client and where it is, not its key."""
    settings = target.client.settings
    known = {name: settings[name].value for name in OWNER if name in settings}
    base = settings["api_base"].value.rstrip("/") if "api_base" in settings else site.base
    parts = [target.client.name, target.client.type, base, known]
    return blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()


def total_rows(jobs: Iterable[Job]) -> int:
    """Return how many rows some jobs have."""
    return sum(job.submission.rows for job in jobs)
