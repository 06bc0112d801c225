"""On a worker of a Dask cluster: rows in, many asked at once, results out as they come."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from returns.result import Failure, Result, Success

from loki.batch.ask_row import ask_row
from loki.batch.lanes import lane_finder
from loki.batch.rows import ReadyRow
from loki.edge.auth.find_secrets import redact_problem, redact_reply_facts
from loki.edge.batch.bell import Bell
from loki.edge.batch.cpu import pin_to_core
from loki.edge.batch.pace_lease import Lease, LeasedPace, LeasedRates, LeaseReply, LeaseReport
from loki.edge.batch.rate_limiter import Pacers
from loki.edge.batch.worker_pool import PAUSE, WorkerPool
from loki.json_text import JsonObject
from loki.money.estimate import estimate_rate_tokens
from loki.pipeline import Env
from loki.problems import Problem
from loki.record import replace
from loki.records import Patch, Task
from loki.redaction.redactor import Redactor
from loki.stages.account import Entry

MAX_WAIT = 0.1  # seconds that an exchange waits for results
GATHER = 0.02  # seconds that it waits for more of them: few large messages cost less than many
ABANDONED = 10.0  # seconds without an exchange, after which nothing more is sent


class WorkerSettings(NamedTuple):
    """What a worker is told once about a run; none of it is secret."""

    embed: bool = False
    fallback: tuple[str, ...] = ()
    patches: tuple[Patch, ...] = ()
    per_minute: float | None = None  # requests, of the whole run
    tokens_per_minute: float | None = None
    worker_index: int = 0  # of this worker among those of its machine


class Parcel(NamedTuple):
    """What a run sends to a worker: rows by their numbers, and turns that were asked for."""

    jobs: list[tuple[int, ReadyRow]]
    share: int  # rows that this worker may have in flight
    lease: LeaseReply = LeaseReply([], [])
    is_last: bool = False  # begin nothing more


class RowResult(NamedTuple):
    """What came of a row: its line or why there is none, and the ledger's entries."""

    number: int
    line: JsonObject | None
    problem: Problem | None
    entries: tuple[Entry, ...]

    def result(self) -> Result[JsonObject, Problem]:
        """Return what came of the row."""
        return Success(self.line or {}) if self.problem is None else Failure(self.problem)


class WorkerReport(NamedTuple):
    """What a worker sends back."""

    answers: list[RowResult]
    lease: LeaseReport
    closed_lanes: list[tuple[str, Problem]]  # clients and models that ask for too long a wait
    waiting: int  # rows that were set aside until their client and model take more
    is_over: bool  # nothing is in flight, and nothing will be
    error: Problem | None = None  # why this worker can ask nothing


class BatchWorker:
    """A Dask actor that asks a run's rows; ``exchange`` is called over and over.

    A thread begins nothing new before the run has kept its last result, which the next exchange
    says: so what is lost with a worker, or with the run, is no more than what was in flight.
    """

    def __init__(self, settings: WorkerSettings, environ: dict[str, str] | None = None) -> None:
        self.settings = settings
        self.stop, self.changed = threading.Event(), threading.Condition()
        self.bell = Bell()
        self.lease = Lease(self.stop, self.bell.ring)
        self.paces = Pacers(
            size=lambda asked: estimate_rate_tokens(asked.target),
            rates=LeasedRates(self.lease, settings.per_minute, settings.tokens_per_minute),
            pace_of=lambda key: LeasedPace(self.lease, key),
        )
        self.paces.stop = self.stop
        self.jobs: SimpleQueue[tuple[int, ReadyRow]] = SimpleQueue()
        self.answers: list[RowResult] = []
        self.reported = 0  # answers that the last report had
        self.enough = 1  # answers that make a report
        self.closed: list[tuple[str, Problem]] = []
        self.last_contact = time.monotonic()  # when the run last asked
        self.is_over = False
        self.error: Problem | None = None
        self.redactor = Redactor()
        env = worker_env(settings, self.paces, self.redactor, environ)
        if isinstance(env, Success):
            self.start(env.unwrap())
        else:
            self.error = redact_problem(env.failure(), self.redactor)

    def start(self, env: Env) -> None:
        """Start the threads."""
        self.env = env
        task: Task = "embedding" if self.settings.embed else "chat"
        lane = lane_finder(env.config, task)
        self.pool = WorkerPool[tuple[int, ReadyRow], RowResult](
            lambda item: self.answer_row(*item),
            self.take_jobs(),
            self.hand_over,
            1,
            lane_of=lambda item: lane(item[1]),
            is_counted_later=True,
        )
        self.paces.waiting = self.pool.waiting
        self.paces.closing = lambda key: self.closed.append((key, self.lane_problem(key)))
        threading.Thread(target=self.run, daemon=True).start()

    def lane_problem(self, key: str) -> Problem:
        """Return what a server said that asks for too long a wait."""
        return redact_problem(self.paces.get(key).closed or Problem("busy", "busy"), self.redactor)

    def run(self) -> None:
        """Ask rows until the run says that it is over, or says nothing any more."""
        pin_to_core(self.settings.worker_index)
        try:
            self.pool.run(self.watch_run)
        except BaseException as error:
            self.error = Problem("bug", f"{type(error).__name__}: {error}")
        self.is_over = True

    def watch_run(self) -> None:
        """Stop where the run is gone; nobody will keep what was answered."""
        if time.monotonic() - self.last_contact > ABANDONED:
            self.finish()
            self.report()
            self.count_reported()

    def finish(self) -> None:
        """Begin nothing more."""
        self.stop.set()
        if self.error is None:
            self.pool.halt()

    def take_jobs(self) -> Iterator[Any]:
        """Yield rows as they come, PAUSE where none does."""
        while not self.stop.is_set():
            try:
                yield self.jobs.get(timeout=0.05)
            except Empty:
                yield PAUSE

    # ---- in the threads of the pool

    def hand_over(self, answers: list[RowResult]) -> None:
        """Put results where the next report takes them."""
        with self.changed:
            self.answers += answers
        self.bell.ring()

    def answer_row(self, number: int, row: ReadyRow) -> RowResult:
        """Ask a row; a bug of ours is a failure of this row alone."""
        entries: list[Entry] = []
        env = replace(self.env, record=entries.append)
        try:
            result = ask_row(env, self.settings.embed, row, self.settings.fallback)
        except Exception as bug:
            problem = Problem("bug", f"{type(bug).__name__} on a worker: {bug}", sent=True)
            problem = redact_problem(problem, self.redactor)
            return RowResult(number, None, problem, tuple(entries))
        if isinstance(result, Success):
            line = redact_reply_facts(result.unwrap(), self.redactor)
            return RowResult(number, line, None, tuple(entries))
        # Nobody else knows this worker's secrets.
        problem = redact_problem(result.failure(), self.redactor)
        return RowResult(number, None, problem, tuple(entries))

    # ---- on the loop of the worker

    async def exchange_bytes(self, parcel: bytes) -> bytes:
        """Exchange a pickled parcel for a pickled report.

        Dask would look at each object within a message, to learn how large it is.
        """
        return pickle.dumps(await self.exchange(pickle.loads(parcel)), pickle.HIGHEST_PROTOCOL)

    async def exchange(self, parcel: Parcel) -> WorkerReport:
        """Take rows and turns; return results, after a while if there are none yet."""
        self.last_contact = time.monotonic()
        self.count_reported()
        if self.error is None:
            self.pool.in_flight = parcel.share
            for job in parcel.jobs:
                self.jobs.put(job)
            self.lease.take_reply(parcel.lease, self.paces)
        if parcel.is_last:
            self.finish()
        await self.bell.wait(lambda: self.has_news(1), MAX_WAIT)
        await self.bell.wait(lambda: self.has_news(max(1, parcel.share // 2)), GATHER)
        return self.report()

    def count_reported(self) -> None:
        """Let others begin in the place of those that the run has kept by now."""
        if self.reported:
            self.pool.record_buffered(self.reported)
            self.reported = 0

    def has_news(self, answers: int) -> bool:
        """Return whether there are so many answers, or something else to report."""
        urgent = self.lease.is_urgent() or self.closed or self.is_over or self.error is not None
        return bool(urgent) or len(self.answers) >= answers

    def report(self) -> WorkerReport:
        """Hand over what there is."""
        is_over = self.is_over or self.error is not None  # before the results: none come after it
        with self.changed:
            answers, self.answers = self.answers, []
            self.reported += len(answers)
        closed, self.closed = self.closed, []
        waiting = 0 if self.error else self.pool.set_aside
        return WorkerReport(answers, self.lease.take_report(), closed, waiting, is_over, self.error)


def worker_env(
    settings: WorkerSettings,
    paces: Pacers,
    redactor: Redactor,
    environ: dict[str, str] | None = None,
) -> Result[Env, Problem]:
    """Return the worker's own configuration; the run keeps the ledger and the budgets."""
    from loki.edge.env import make_env, read_configuration
    from loki.edge.env_file import environment

    variables = environment() if environ is None else environ
    return read_configuration(variables).map(
        lambda config: replace(
            make_env(
                config,
                variables,
                settings.patches,
                keep=False,
                paced=paces.paced,
                redactor=redactor,
            ),
            check_budget=Success,
        )
    )
