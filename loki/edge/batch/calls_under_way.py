"""The calls that a run has under way -> their entries in the ledger, where the run leaves them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from returns.result import Failure, Result, Success

from loki.edge.batch.rate_limiter import STOPPED
from loki.edge.http.attempt import Attempt
from loki.edge.send import Send
from loki.problems import Problem
from loki.records import Request
from loki.replies import OpenResponse
from loki.stages.account import Entry, build_entry, is_free
from loki.usage import Usage

A = TypeVar("A")


class StartedCall(NamedTuple):
    """A request that was sent, and when."""

    request: Request
    began: float  # seconds since the epoch
    started: float  # on a clock that is never turned back


class CallsUnderWay:
    """Requests that were sent and may be billed, until their entries are written.

    A thread has one call under way. ``leave`` hands over those that nobody will wait for: from
    then on nothing is recorded, so that each call has one entry.
    """

    def __init__(self, now: Callable[[], float], clock: Callable[[], float]) -> None:
        self.now, self.clock = now, clock
        self.lock = threading.Lock()  # guards what follows
        self.calls: dict[int, StartedCall] = {}  # by their threads
        self.is_left = False

    def watched(self, attempt: Attempt) -> Attempt:
        """Remember what is sent; what was refused, or did not leave, costs nothing."""

        def stage(request: Request, deadline: float) -> Result[OpenResponse, Problem]:
            return self.watch(request, lambda: attempt(request, deadline))

        return stage

    def watched_send(self, send: Send) -> Send:
        """Remember what is sent likewise, with all its attempts."""
        return lambda request: self.watch(request, lambda: send(request))

    def watch(self, request: Request, call: Callable[[], Result[A, Problem]]) -> Result[A, Problem]:
        """Return what comes of a call of this thread, and remember it meanwhile.

        Once the others were left, nothing more is sent: it would have no entry.
        """
        thread = threading.get_ident()
        with self.lock:
            if self.is_left:
                return Failure(STOPPED)
            self.calls.setdefault(thread, StartedCall(request, self.now(), self.clock()))
        result = call()
        if not isinstance(result, Success) and is_free(result.failure()):
            with self.lock:
                self.calls.pop(thread, None)
        return result

    def recording(self, record: Callable[[Entry], None]) -> Callable[[Entry], None]:
        """Return what records the entry of a call of this thread, which ends with it."""

        def step(entry: Entry) -> None:
            with self.lock:
                if self.is_left:
                    return
                record(entry)
                self.calls.pop(threading.get_ident(), None)

        return step

    def leave(self) -> list[Entry]:
        """Return the entries of the calls under way, as of calls that were interrupted."""
        with self.lock:
            self.is_left = True
            calls, self.calls = self.calls, {}
        ended = self.clock()
        return [
            build_entry(call.request, None, Usage(), call.began, ended - call.started)
            for call in calls.values()
        ]
