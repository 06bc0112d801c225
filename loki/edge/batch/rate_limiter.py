"""Attempt -> Attempt in its turn: a pace for each client and model of a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from math import inf
from threading import Event, Lock
from typing import Any, Protocol, TypeVar

from returns.result import Failure, Result, Success

from loki.edge.batch.learned_pace import LearnedPace, Sent
from loki.edge.http.attempt import Attempt
from loki.edge.send import format_local_time, plus_attempts
from loki.problems import Problem
from loki.record import replace
from loki.records import Limits, Request
from loki.replies import OpenResponse
from loki.stages.retry_policy import exceeds_max_wait, with_attempts

A = TypeVar("A")

#: Of a row that was not sent because the run ends; its code says so to the run.
STOPPED = Problem("busy", "the run ended before this was sent", code="stopped")

#: Seconds for which a server that took a request counts as taking some: on a busy machine, or over
#: a cluster, a moment passes until we hear of it.
LATELY = 5.0

#: Seconds within which requests that were sent one after the other may arrive in another order.
DISORDER = 0.25

#: Goes around a wait for a turn of a key, so that others may work meanwhile.
Waiting = Callable[[str], AbstractContextManager[None]]


class Rates(Protocol):
    """Turns of rates that hold for a whole run."""

    tokens_per_minute: float | None

    def claim(self, now: float, tokens: int) -> float:
        """Take the next turn that is free; return when it is."""


class ServerPace(Protocol):
    """How fast a client and model is asked: learnt here, or by the run that a worker works for."""

    age: int
    hold: float  # nothing is sent before

    def claim(self, now: float) -> tuple[float, int]:
        """Take the next turn that is free; return when it is, and at which pace it was given."""

    def begin(self, now: float) -> Sent:
        """Count a request that is sent now."""

    def accept(self, sent: Sent) -> None:
        """Learn that the server took a request."""

    def reject(self, sent: Sent, now: float, problem: Problem) -> None:
        """Learn that the server refused a request."""


class RateWindow:
    """Fixed rates of requests and tokens a minute, for a whole run."""

    def __init__(
        self, per_minute: float | None = None, tokens_per_minute: float | None = None
    ) -> None:
        self.per_minute, self.tokens_per_minute = per_minute, tokens_per_minute
        self.lock = Lock()
        self.next_request = self.next_token = 0.0

    def claim(self, now: float, tokens: int) -> float:
        """Take the next turn that is free; return when it is."""
        if not self.per_minute and not self.tokens_per_minute:
            return now
        with self.lock:
            start = max(now, self.next_request, self.next_token)
            if self.per_minute:
                self.next_request = start + 60 / self.per_minute
            if self.tokens_per_minute:
                self.next_token = start + 60 * tokens / self.tokens_per_minute
            return start


class Pacer:
    """Whose turn it is at one client and model: as fast as the server takes it."""

    def __init__(
        self,
        per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        size: Callable[[Request], int] = lambda request: 0,
        clock: Callable[[], float] = time.monotonic,
        rates: Rates | None = None,
        pace: ServerPace | None = None,
        stop: Event | None = None,
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
        closing: Callable[[], None] = lambda: None,
    ) -> None:
        self.rates: Rates = rates or RateWindow(per_minute, tokens_per_minute)
        self.size, self.clock, self.waiting, self.closing = size, clock, waiting, closing
        self.stop = stop or Event()
        self.pace: ServerPace = pace or LearnedPace()
        self.under_way: list[Sent] = []  # those that are not answered yet
        self.answers = 0  # how many requests were taken
        self.answered_at = -inf  # when the last of them was
        self.stuck: float | None = None  # since when everything was refused
        self.refusal = STOPPED  # the last one
        self.closed: Problem | None = None  # a refusal that asks for a longer wait than allowed

    def paced(self, attempt: Attempt) -> Attempt:
        """Send when it is time; what is refused for being too much waits and is sent again."""
        return lambda request, deadline: self.send(attempt, request, deadline)

    def send(
        self, attempt: Attempt, request: Request, deadline: float
    ) -> Result[OpenResponse, Problem]:
        """Send one request in its turn."""
        tokens = self.size(request) if self.rates.tokens_per_minute else 0
        limits = request.draft.target.limits
        result, tries = self.call_paced(lambda end: attempt(request, end), tokens, limits, deadline)
        return plus_attempts(tries - 1, result) if tries > 1 else result

    def call_paced(
        self,
        call: Callable[[float], Result[A, Problem]],
        tokens: int,
        limits: Limits,
        deadline: float,
    ) -> tuple[Result[A, Problem], int]:
        """Ask in turn; what came of it, and how often it was asked.

        Waiting for a turn does not count against the deadline, nor a refusal against the retries,
        as long as the server takes other requests: then it was our pace that was wrong. A server
        that takes nothing is asked again within the request's own retries and total time.
        """
        since, patience = self.clock(), deadline - self.clock()
        answers, refusals, tries = self.answers, 0, 0
        while True:
            waited = self.wait_for_turn(tokens, since, patience)
            if not isinstance(waited, Success):
                return Failure(waited.failure()), tries
            deadline += waited.unwrap()
            sent, tries = self.begin(), tries + 1
            try:
                result = call(deadline)
            finally:
                self.under_way.remove(sent)
            if isinstance(result, Success):
                self.accept(sent)
                return result, tries
            problem = result.failure()
            if exceeds_max_wait(problem, limits):
                self.close(with_attempts(problem, tries, limits, format_local_time))
                return Failure(STOPPED), tries
            if not self.is_refusal(problem, sent, limits):
                return result, tries
            refusals += self.answers == answers and not self.is_taking(sent)
            answers = self.answers
            if refusals > (limits.retries or 0) or self.clock() >= deadline:
                return Failure(replace(problem, retryable=False)), tries

    def is_refusal(self, problem: Problem, sent: Sent, limits: Limits) -> bool:
        """Learn from a failure; whether it was a refusal that our pace can cure."""
        if problem.retryable and self.slow_down(problem, sent, limits.max_wait or 0.0):
            return True
        if problem.status is not None and problem.kind != "busy":
            self.record_answer()  # with an error, but not with a refusal
        return False

    def close(self, problem: Problem) -> None:
        """Send nothing more here: the server asks for a longer wait than is allowed."""
        if self.closed is None:
            self.closed = problem
            self.closing()

    # ---- turns

    def wait_for_turn(
        self, tokens: int, since: float = inf, patience: float = inf
    ) -> Result[float, Problem]:
        """Wait until it is time to send; return the seconds it took, or why nothing is sent.

        Whoever waited for a turn that was given at another pace, or before a silence, waits anew.
        A server that takes nothing for ``patience`` seconds after ``since`` is not waited for.
        """
        asked, age, is_counted = self.clock(), -1, False
        while not is_counted or self.is_outdated(age):
            if self.is_outdated(age):
                start, age = self.pace.claim(self.clock())
            else:
                start, is_counted = self.rates.claim(self.clock(), tokens), True
            problem = self.sleep_until(start, since, patience)
            if problem is not None:
                return Failure(problem)
        return Success(self.clock() - asked)

    def sleep_until(self, start: float, since: float, patience: float) -> Problem | None:
        """Wait until a time; why that was in vain, if it was."""
        while (left := start - self.clock()) > 0:
            end = inf if self.stuck is None else max(self.stuck, since) + patience
            if self.clock() >= end:
                return replace(self.refusal, retryable=False, sent=False)
            with self.waiting():
                self.stop.wait(min(left, end - self.clock()))
            if self.stop.is_set():
                break
        return STOPPED if self.stop.is_set() or self.closed else None

    def is_outdated(self, age: int) -> bool:
        """Return whether a turn that was given at a pace of that age is none any more."""
        return age != self.pace.age or self.pace.hold > self.clock()

    # ---- what is learnt

    def begin(self) -> Sent:
        """Send a request now: return when, and at which pace."""
        sent = self.pace.begin(self.clock())
        self.under_way.append(sent)
        return sent

    def accept(self, sent: Sent) -> None:
        """Learn that the server took a request."""
        self.record_answer()
        self.pace.accept(sent)

    def record_answer(self, answers: int = 1) -> None:
        """Learn that the server answers: it is not stuck."""
        self.answers += answers
        self.answered_at, self.stuck = self.clock(), None

    def is_taking(self, sent: Sent) -> bool:
        """Return whether the server took others at the time when it refused a request.

        One did so lately, or another is not refused yet that came with it or before it: refusals
        are quick, answers slow.
        """
        oldest = min((each.time for each in self.under_way), default=inf)
        return oldest < sent.time + DISORDER or sent.time - self.answered_at < LATELY

    def slow_down(self, problem: Problem, sent: Sent, most: float) -> bool:
        """Learn from a failure; return whether it was a refusal, to be sent again in ``most`` s."""
        if problem.kind != "busy" or (problem.retry_after or 0) > most:
            return False
        now = self.clock()
        self.refusal = problem
        self.stuck = now if self.stuck is None else self.stuck
        self.pace.reject(sent, now, problem)
        return True


class Pacers:
    """The pacers of a run, one for each ``client:model``; fixed rates hold for all together."""

    def __init__(
        self,
        per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        size: Callable[[Request], int] = lambda request: 0,
        rates: Rates | None = None,
        pace_of: Callable[[str], ServerPace] = lambda key: LearnedPace(),
    ) -> None:
        self.rates: Rates = rates or RateWindow(per_minute, tokens_per_minute)
        self.size, self.pace_of = size, pace_of
        self.stop = Event()
        self.pacers: dict[str, Pacer] = {}
        self.waiting: Waiting = lambda key: nullcontext()
        self.closing: Callable[[str], None] = lambda key: None

    def get(self, key: str) -> Pacer:
        """Return the pacer of a client and model."""
        found = self.pacers.get(key)
        return found or self.pacers.setdefault(key, self.make_pacer(key))

    def make_pacer(self, key: str) -> Pacer:
        """Make a pacer."""
        here: dict[str, Any] = {"rates": self.rates, "stop": self.stop, "size": self.size}
        here["pace"] = self.pace_of(key)
        return Pacer(**here, waiting=lambda: self.waiting(key), closing=lambda: self.closing(key))

    def paced(self, attempt: Attempt) -> Attempt:
        """Send each request in the turn of its client and model."""
        return lambda request, deadline: self.get(request.draft.target.name).send(
            attempt, request, deadline
        )

    def closed(self) -> list[tuple[str, Problem]]:
        """Return the clients and models that ask for too long a wait, and what they said."""
        return [(key, each.closed) for key, each in self.pacers.items() if each.closed]
