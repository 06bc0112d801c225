"""Deadlines as an argument: a timeout in seconds that carries the deadline of its call.

requests and urllib3 take a timeout as a number of seconds and hand that very object down to the
connection and its socket. ``Seconds`` is such a number; the socket of dial.py finds the clock of
the call in it. So the deadline is an argument all the way, and no context variable is needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf

from loki.records import Limits

TICK = 0.25  # seconds of silence between two calls of ``on_idle``
LONG = 10.0  # seconds that a socket waits at most where there is no ``on_idle``
DAY = 86400.0  # seconds; no socket gets a longer timeout


class Deadline:
    """The time limits of one attempt, and how much of the request has been sent."""

    __slots__ = ("idle", "end", "on_idle", "sent", "sent_all")

    def __init__(
        self, idle: float, deadline: float, on_idle: Callable[[], None] | None = None
    ) -> None:
        """Take ``idle`` in seconds between two bytes, ``deadline`` on the monotonic clock.

        ``on_idle`` is called while nothing comes; what it raises ends the wait. That must not be
        an OSError: urllib3 takes those for its own.
        """
        self.idle, self.end, self.on_idle = idle, deadline, on_idle
        self.sent = False  # at least in part
        self.sent_all = False

    def remaining(self, began: float) -> float:
        """Return the seconds left of a wait that began at ``began``; raise TimeoutError."""
        now = time.monotonic()
        seconds = min(began + self.idle, self.end) - now
        if seconds <= 0:
            raise TimeoutError("timed out")
        return min(seconds, DAY)

    def next_wait(self, began: float) -> float:
        """Return the seconds to wait before the next ``on_idle``; raise TimeoutError."""
        return min(self.remaining(began), LONG if self.on_idle is None else TICK)

    def timeouts(self, connect: float) -> tuple[TimeLeft, TimeLeft]:
        """Return the timeouts for requests: to connect and between two bytes, in seconds."""
        left = self.end - time.monotonic()
        return TimeLeft(min(connect, left), self), TimeLeft(self.idle, self)

    def check_idle(self) -> None:
        """Call ``on_idle``, if it is set."""
        if self.on_idle is not None:
            self.on_idle()


class TimeLeft(float):
    """A timeout in seconds that carries the deadline of its call."""

    __slots__ = ("deadline",)
    deadline: Deadline

    def __new__(cls, seconds: float, deadline: Deadline) -> TimeLeft:
        """Return a timeout of at least a millisecond: urllib3 refuses 0."""
        made = super().__new__(cls, max(seconds, 0.001))
        made.deadline = deadline
        return made


def deadline_of(limits: Limits) -> float:
    """Return the deadline of a call on the monotonic clock, inf if it has none."""
    return inf if limits.deadline is None else limits.deadline


def deadline_after(timeout: float | None) -> Deadline:
    """Return the clock that a timeout carries; for a plain number, one with that idle limit."""
    if isinstance(timeout, TimeLeft):
        return timeout.deadline
    return Deadline(DAY if timeout is None else timeout, inf)
