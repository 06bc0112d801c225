"""IMPURE. How long a call may still take, as an argument: seconds that carry the call's clock.

requests and urllib3 take a timeout as a number of seconds and hand that very object down to the
connection and its socket. ``Seconds`` is such a number; the socket of dial.py finds the clock of
the call in it. So the deadline is an argument all the way, and no context variable is needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf

from loki.records import Limits

TICK = 0.25  # seconds of silence after which ``on_idle`` is called, again and again
LONG = 10.0  # seconds that a socket waits at once where there is no ``on_idle``
DAY = 86400.0  # seconds; no socket is given a longer time


class Clock:
    """The time limits of one attempt, and how far it has come."""

    __slots__ = ("idle", "end", "on_idle", "sent", "taken")

    def __init__(self, idle: float, end: float, on_idle: Callable[[], None] | None = None) -> None:
        """Take ``idle`` in seconds between two bytes, ``end`` on the monotonic clock.

        ``on_idle`` is called while nothing comes; what it raises ends the wait. That must not be
        an OSError: urllib3 takes those for its own.
        """
        self.idle, self.end, self.on_idle = idle, end, on_idle
        self.sent = False  # a part of the request has left
        self.taken = False  # all of it has

    def left(self, began: float) -> float:
        """Return the seconds that are left of a wait that began then; raise TimeoutError."""
        now = time.monotonic()
        left = min(began + self.idle, self.end) - now
        if left <= 0:
            raise TimeoutError("timed out")
        return min(left, DAY)

    def slice(self, began: float) -> float:
        """Return how many of those seconds to wait before a look around; raise TimeoutError."""
        return min(self.left(began), LONG if self.on_idle is None else TICK)

    def look_around(self) -> None:
        """Call ``on_idle``, if there is any."""
        if self.on_idle is not None:
            self.on_idle()


class Seconds(float):
    """A timeout in seconds that carries the clock of its call."""

    __slots__ = ("clock",)
    clock: Clock

    def __new__(cls, seconds: float, clock: Clock) -> Seconds:
        """Make one; urllib3 wants more than 0."""
        made = super().__new__(cls, max(seconds, 0.001))
        made.clock = clock
        return made


def end_of(limits: Limits) -> float:
    """Return when a call has to be over, on the monotonic clock; inf where no time runs."""
    return inf if limits.end is None else limits.end


def clock_of(timeout: float | None) -> Clock:
    """Return the clock that a timeout carries; a plain number is the time between two bytes."""
    if isinstance(timeout, Seconds):
        return timeout.clock
    return Clock(DAY if timeout is None else timeout, inf)
