"""IMPURE. The clock -> how long a request that is on its way may still take."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar

SLICE = 0.25  # seconds: after that much silence, ``meanwhile`` is called if it is anything
LONG = 10.0  # seconds: else the clock is looked at


class Trip:
    """One request on its way: how long it may take, and whether any of it has left."""

    __slots__ = ("idle", "deadline", "sent")

    def __init__(self, idle: float, deadline: float) -> None:
        """``idle`` in seconds between two bytes, ``deadline`` on the monotonic clock."""
        self.idle, self.deadline, self.sent = idle, deadline, False

    def wait(self, began: float) -> float:
        """Seconds to wait now for the next byte, awaited since then; raises TimeoutError."""
        now = time.monotonic()
        left = min(began + self.idle, self.deadline) - now
        if left <= 0:
            raise TimeoutError("timed out")
        return min(left, SLICE if meanwhile.get() else LONG)


#: The request that is sent just now; None leaves a connection to its own limits.
on_its_way: ContextVar[Trip | None] = ContextVar("on_its_way", default=None)

#: Called now and then while nothing comes; what it raises ends the wait.
meanwhile: ContextVar[Callable[[], None] | None] = ContextVar("meanwhile", default=None)
