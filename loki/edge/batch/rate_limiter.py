"""IMPURE. Attempt -> Attempt in its turn: one pace for all threads of a run."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Event, Lock

from returns.result import Failure, Result, Success

from loki.batch.rate_control import Pace, rate, refused, silence
from loki.edge.http.attempt import Attempt
from loki.edge.send import after
from loki.problems import Problem
from loki.records import Opened, Request

#: Of a row that was not sent because the run ends; its code says so to the run.
STOPPED = Problem("busy", "the run ended before this was sent", code="stopped")
LATELY = 1.0  # seconds over which requests are counted


class Pacer:
    """Whose turn it is: fixed rates where they are given, else as fast as the server takes it."""

    def __init__(
        self,
        per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        size: Callable[[Request], int] = lambda request: 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.per_minute, self.tokens_per_minute = per_minute, tokens_per_minute
        self.size, self.clock = size, clock
        self.lock = Lock()
        self.stop = Event()
        self.pace: Pace | None = None
        self.age = 0  # of the pace: how often it was changed
        self.begun: deque[float] = deque(maxlen=10_000)  # when requests were sent
        self.denied: deque[float] = deque(maxlen=10_000)  # when those were that were refused
        self.next_request = self.next_token = self.hold = 0.0
        self.refusals = 0  # with nothing taken between
        self.taken = False  # something, since the pace was last changed

    def paced(self, attempt: Attempt) -> Attempt:
        """Send when it is time; what is refused for being too much waits and is sent again."""

        def stage(request: Request, deadline: float) -> Result[Opened, Problem]:
            tries = 0
            while True:
                waited = self.turn(self.size(request) if self.tokens_per_minute else 0)
                if waited is None:
                    return Failure(STOPPED)
                began, tries = self.begin(), tries + 1
                deadline += waited  # waiting for others is nobody's delay
                result = attempt(request, deadline)
                if isinstance(result, Success):
                    self.took(began)
                    return after(tries - 1, result)
                problem = result.failure()
                most = request.draft.target.limits.max_wait or 0.0
                again = problem.again and self.slowed(problem, began, most)
                if not again or self.clock() >= deadline:
                    return after(tries - 1, result)

        return stage

    def turn(self, tokens: int) -> float | None:
        """Wait until it is time to send; the seconds it took, None if the run ends.

        Whoever waited for a turn that was given at another pace, or before a silence, waits anew.
        """
        asked, age = self.clock(), -1
        while age != self.age or self.hold > self.clock():
            start, age = self.claim(tokens if age < 0 else 0)
            wait = start - self.clock()
            if wait > 0 and self.stop.wait(wait):
                return None
        return None if self.stop.is_set() else self.clock() - asked

    def claim(self, tokens: int) -> tuple[float, int]:
        """The next turn that is free, and at which pace it was given."""
        with self.lock:
            start = max(self.clock(), self.next_request, self.next_token, self.hold)
            step = 60 / self.per_minute if self.per_minute else 0.0
            if self.pace is not None:
                step = max(step, 1 / rate(self.pace, start))
            self.next_request = start + step
            if self.tokens_per_minute:
                self.next_token = start + 60 * tokens / self.tokens_per_minute
            return start, self.age

    def begin(self) -> float:
        """A request is sent now; the time of that."""
        now = self.clock()
        self.begun.append(now)
        return now

    def took(self, began: float) -> None:
        """The server took a request."""
        if self.pace is not None and began > self.pace.since:
            self.taken, self.refusals = True, 0

    def accepted(self, until: float) -> float:
        """How many a second the server seems to have taken until then: all it has not refused.

        Answers may take long, refusals do not; so those that are under way were taken.
        """
        return (lately(self.begun, until) - lately(self.denied, until)) / LATELY

    def slowed(self, problem: Problem, began: float, most: float) -> bool:
        """Learn from a failure; whether it was a refusal, to be sent again within ``most`` s."""
        if problem.kind != "busy" or (problem.wait or 0) > most:
            return False
        with self.lock:
            now = self.clock()
            self.denied.append(began)
            news = self.taken and self.pace is not None and began > self.pace.since
            before, self.pace = self.pace, refused(self.pace, now, self.accepted(began), news)
            if before is None or news:
                self.taken = False
                self.next_request = now
                self.age += 1
            if began > self.hold:
                self.refusals += 1
                self.hold = now + (problem.wait or silence(self.refusals))
        return True


def lately(moments: deque[float], until: float) -> int:
    """How many of them are in the last while before that, itself included."""
    return sum(until - LATELY < moment <= until for moment in tuple(moments))
