"""Calls that may be billed: each has one entry, whether it ended or was left."""

from __future__ import annotations

import threading
from itertools import count
from typing import Any

import pytest
from returns.result import Failure, Success
from support import request

from loki.edge.batch.calls_under_way import CallsUnderWay
from loki.problems import Problem
from loki.replies import OpenResponse
from loki.stages.account import Entry

ASKED = request({"type": "openai", "api_key": "k"})
NOTHING: Any = None


def send(calls: CallsUnderWay, result: Any) -> None:
    """Send a request of which something comes."""
    calls.watched(lambda asked, deadline: result)(ASKED, 0.0)


def calls_with_clock() -> CallsUnderWay:
    """Return what watches calls, with a clock that ticks."""
    seconds = count()
    return CallsUnderWay(lambda: 5.0, lambda: float(next(seconds)))


OPENED = OpenResponse(*([NOTHING] * len(OpenResponse.__annotations__)))


@pytest.mark.parametrize(
    ("result", "left"),
    [
        (Success(OPENED), ["interrupted"]),
        (Failure(Problem("offline", "timeout", sent=True)), ["interrupted"]),
        (Failure(Problem("offline", "refused")), []),
        (Failure(Problem("busy", "429", sent=True, status=429)), []),
    ],
)
def test_what_may_be_billed_is_under_way_until_it_is_recorded(result: Any, left: list[str]) -> None:
    calls = calls_with_clock()
    send(calls, result)
    entries = calls.leave()
    assert [entry.outcome for entry in entries] == left
    assert all((each.time, each.exact, each.seconds) == (5.0, False, 1.0) for each in entries)


def test_a_call_that_is_recorded_is_over_and_after_the_end_none_is() -> None:
    calls, recorded = calls_with_clock(), list[Entry]()
    record = calls.recording(recorded.append)
    others = [threading.Thread(target=send, args=(calls, Success(OPENED))) for _ in range(3)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    send(calls, Success(OPENED))
    entry = calls_entry()
    record(entry)
    assert recorded == [entry] and len(calls.leave()) == len({other.ident for other in others})
    record(entry)
    assert recorded == [entry] and calls.leave() == []


def calls_entry() -> Entry:
    """Return an entry."""
    other = calls_with_clock()
    send(other, Success(OPENED))
    return other.leave()[0]
