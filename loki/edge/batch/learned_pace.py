"""What a server refuses -> how fast it is asked: a pace that is learnt, and turns at it."""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import NamedTuple

from loki.batch.rate_control import Pace, backoff_seconds, rate_at, reduce_rate
from loki.problems import Problem

RECENT_SECONDS = 1.0  # seconds over which requests are counted


class Sent(NamedTuple):
    """When a request was sent, on the clock of its pacer, and at which pace."""

    time: float
    age: int  # of the pace: how often it had been changed


class LearnedPace:
    """How fast one client and model is asked, by any number of threads; times in seconds."""

    def __init__(self) -> None:
        self.lock = Lock()  # guards what follows
        self.pace: Pace | None = None
        self.age = 0  # of the pace: how often it was changed
        self.begun: deque[float] = deque(maxlen=10_000)  # when requests were sent
        self.denied: deque[float] = deque(maxlen=10_000)  # when those were that were refused
        self.next_request = self.hold = 0.0
        self.refusals = 0  # with nothing taken between
        self.taken = False  # something, since the pace was last changed

    def claim(self, now: float) -> tuple[float, int]:
        """Take the next turn that is free; return when it is, and at which pace it was given."""
        with self.lock:
            start = max(now, self.next_request, self.hold)
            self.next_request = start + (1 / rate_at(self.pace, start) if self.pace else 0.0)
            return start, self.age

    def begin(self, now: float) -> Sent:
        """Count a request that is sent now."""
        self.begun.append(now)
        return Sent(now, self.age)

    def accept(self, sent: Sent) -> None:
        """Learn that the server took a request."""
        if self.pace is not None and sent.age == self.age:
            self.taken, self.refusals = True, 0

    def reject(self, sent: Sent, now: float, problem: Problem, until: float | None = None) -> None:
        """Learn that the server refused a request.

        What it took is counted up to the time of that request, or to ``until``.
        """
        with self.lock:
            self.denied.append(sent.time)
            news = self.taken and self.pace is not None and sent.age == self.age
            accepted = self.accepted_rate(sent.time if until is None else until)
            before, self.pace = self.pace, reduce_rate(self.pace, now, accepted, news)
            if before is None or news:
                self.taken = False
                self.next_request = now
                self.age += 1
            if sent.time > self.hold:
                self.refusals += 1
                self.hold = now + (problem.retry_after or backoff_seconds(self.refusals))

    def accepted_rate(self, until: float) -> float:
        """Return how many a second the server seems to have taken: all it has not refused.

        Answers may take long, refusals do not; so those that are under way were taken.
        """
        return (count_recent(self.begun, until) - count_recent(self.denied, until)) / RECENT_SECONDS


def count_recent(moments: deque[float], until: float) -> int:
    """Return how many of them are in the last while before that, itself included."""
    return sum(until - RECENT_SECONDS < moment <= until for moment in tuple(moments))
