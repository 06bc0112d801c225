"""On a worker of a Dask cluster: rows in, many asked at once, results out as they come."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from returns.result import Result, Success

from loki.batch.ask_job import ask_row
from loki.batch.lanes import lane_finder
from loki.batch.rows import ReadyRow
from loki.edge.auth.find_secrets import redact_facts, without_secrets
from loki.edge.batch.cpu import pin_to_core
from loki.edge.batch.rate_limiter import Pacers, RateWindow
from loki.edge.batch.worker_pool import PAUSE, WorkerPool
from loki.json_text import JsonObject
from loki.money.estimate import estimate_quota
from loki.pipeline import Env
from loki.problems import Problem
from loki.records import Patch, Task
from loki.redaction.redactor import Redactor
from loki.stages.account import Entry

POLL = 0.002  # seconds between two looks for results
MAX_WAIT = 0.1  # seconds that an exchange waits for results
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
    send_times: list[tuple[int, float]]  # by the numbers of Report.wanted: seconds until each
    is_last: bool = False  # begin nothing more


class JobResult(NamedTuple):
    """What came of a row: its line or why there is none, and the ledger's entries."""

    number: int
    line: JsonObject | None
    problem: Problem | None
    entries: tuple[Entry, ...]


class Report(NamedTuple):
    """What a worker sends back."""

    answers: list[JobResult]
    wanted_turns: list[
        tuple[int, int]
    ]  # turns of the run's rate: their numbers, and tokens of each
    closed_lanes: list[tuple[str, Problem]]  # clients and models that ask for too long a wait
    waiting: int  # rows that were set aside until their client and model take more
    is_over: bool  # nothing is in flight, and nothing will be
    error: Problem | None = None  # why this worker can ask nothing


class LeasedRates(RateWindow):
    """The rates of a whole run, as a worker sees them: it asks the run for each turn."""

    def __init__(self, settings: WorkerSettings, stop: threading.Event) -> None:
        super().__init__(settings.per_minute, settings.tokens_per_minute)
        self.stop, self.changed = stop, threading.Condition()
        self.wanted: list[tuple[int, int]] = []
        self.granted: dict[int, float] = {}  # the times of turns, by their numbers
        self.count = 0

    def claim(self, now: float, tokens: int) -> float:
        """Ask for the next turn and wait until the run has answered; return when it is."""
        if not self.per_minute and not self.tokens_per_minute:
            return now
        with self.changed:
            number, self.count = self.count, self.count + 1
            self.wanted.append((number, tokens))
            while number not in self.granted and not self.stop.is_set():
                self.changed.wait(0.1)
            return self.granted.pop(number, now)

    def take_wanted(self) -> list[tuple[int, int]]:
        """Return the turns to ask for."""
        with self.changed:
            wanted, self.wanted = self.wanted, []
        return wanted

    def grant(self, turns: list[tuple[int, float]]) -> None:
        """Give out turns: a number and the seconds until it each."""
        now = time.monotonic()
        with self.changed:
            self.granted |= {number: now + seconds for number, seconds in turns}
            self.changed.notify_all()


class BatchWorker:
    """A Dask actor that asks a run's rows; ``exchange`` is called over and over.

    A thread begins nothing new before the run has kept its last result, which the next exchange
    says: so what is lost with a worker, or with the run, is no more than what was in flight.
    """

    def __init__(self, settings: WorkerSettings, environ: dict[str, str] | None = None) -> None:
        self.settings = settings
        self.stop, self.changed = threading.Event(), threading.Condition()
        self.rates = LeasedRates(settings, self.stop)
        self.paces = Pacers(size=lambda asked: estimate_quota(asked.target), rates=self.rates)
        self.paces.stop = self.stop
        self.jobs: SimpleQueue[tuple[int, ReadyRow]] = SimpleQueue()
        self.answers: list[JobResult] = []
        self.reports = self.kept = 0  # reports that were made, and that the run has kept
        self.closed: list[tuple[str, Problem]] = []
        self.heard = time.monotonic()  # when the run last asked
        self.is_over = False
        self.error: Problem | None = None
        self.redactor = Redactor()
        env = worker_env(settings, self.paces, self.redactor, environ)
        if isinstance(env, Success):
            self.start(env.unwrap())
        else:
            self.error = without_secrets(env.failure(), self.redactor)

    def start(self, env: Env) -> None:
        """Start the threads."""
        self.env = env
        task: Task = "embedding" if self.settings.embed else "chat"
        lane = lane_finder(env.config, task)
        self.pool = WorkerPool[tuple[int, ReadyRow], None](
            self.work,
            self.take_jobs(),
            lambda nothing: None,
            1,
            lane_of=lambda item: lane(item[1]),
        )
        self.paces.waiting = self.pool.waiting
        self.paces.closing = lambda key: self.closed.append((key, self.reason(key)))
        threading.Thread(target=self.run, daemon=True).start()

    def reason(self, key: str) -> Problem:
        """Return what a server said that asks for too long a wait."""
        return without_secrets(self.paces.get(key).closed or Problem("busy", "busy"), self.redactor)

    def run(self) -> None:
        """Ask rows until the run says that it is over, or says nothing any more."""
        pin_to_core(self.settings.worker_index)
        try:
            self.pool.run(self.watch)
        except BaseException as error:
            self.error = Problem("bug", f"{type(error).__name__}: {error}")
        self.is_over = True

    def watch(self) -> None:
        """Stop where the run is gone."""
        if time.monotonic() - self.heard > ABANDONED:
            self.end()

    def end(self) -> None:
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

    def work(self, item: tuple[int, ReadyRow]) -> None:
        """Ask a row, and wait until the run has kept its result."""
        answer = self.ask(*item)
        with self.changed:
            self.answers.append(answer)
            report = self.reports  # the number of the one that will have it
            while self.kept <= report:
                if not self.changed.wait(1) and time.monotonic() - self.heard > ABANDONED:
                    return

    def ask(self, number: int, job: ReadyRow) -> JobResult:
        """Ask a row; a bug of ours is a failure of this row alone."""
        entries: list[Entry] = []
        env = replace(self.env, record=entries.append)
        try:
            result = ask_row(env, self.settings.embed, job, self.settings.fallback)
        except Exception as bug:
            problem = Problem("bug", f"{type(bug).__name__} on a worker: {bug}", sent=True)
            problem = without_secrets(problem, self.redactor)
            return JobResult(number, None, problem, tuple(entries))
        if isinstance(result, Success):
            line = redact_facts(result.unwrap(), self.redactor)
            return JobResult(number, line, None, tuple(entries))
        # Nobody else knows this worker's secrets.
        problem = without_secrets(result.failure(), self.redactor)
        return JobResult(number, None, problem, tuple(entries))

    # ---- on the loop of the worker

    async def exchange(self, parcel: Parcel) -> Report:
        """Take rows and turns; return results, after a while if there are none yet."""
        self.heard = time.monotonic()
        with self.changed:
            self.kept = self.reports
            self.changed.notify_all()
        if self.error is None:
            self.pool.in_flight = parcel.share
            for job in parcel.jobs:
                self.jobs.put(job)
            self.rates.grant(parcel.send_times)
        if parcel.is_last:
            self.end()
        while not self.has_news() and time.monotonic() < self.heard + MAX_WAIT:
            await asyncio.sleep(POLL)
        return self.report()

    def has_news(self) -> bool:
        """Return whether there is something to report."""
        news = self.answers or self.rates.wanted or self.closed
        return bool(news) or self.is_over or self.error is not None

    def report(self) -> Report:
        """Hand over what there is."""
        is_over = self.is_over or self.error is not None  # before the results: none come after it
        with self.changed:
            answers, self.answers = self.answers, []
            self.reports += 1
        closed, self.closed = self.closed, []
        waiting = 0 if self.error else self.pool.set_aside
        return Report(answers, self.rates.take_wanted(), closed, waiting, is_over, self.error)


def worker_env(
    settings: WorkerSettings,
    paces: Pacers,
    redactor: Redactor,
    environ: dict[str, str] | None = None,
) -> Result[Env, Problem]:
    """Return the worker's own configuration; the run keeps the ledger and the budgets."""
    from loki.edge import files
    from loki.edge.env import make_env, read_configuration

    variables = files.environment() if environ is None else environ
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
