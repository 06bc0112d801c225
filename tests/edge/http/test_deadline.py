"""Deadlines: how long a socket may wait, by the idle limit, the deadline and who is listening."""

from __future__ import annotations

from math import inf
from time import monotonic

import pytest

from loki.edge.http.deadline import DAY, LONG, TICK, Deadline, TimeLeft, deadline_after, deadline_of
from loki.records import Limits

FAR = 1000.0  # seconds: no test takes as long


@pytest.mark.parametrize(
    ("idle", "end", "longest"),
    [(500, inf, 500), (FAR, 500, 500), (500, FAR, 500), (9 * DAY, inf, DAY)],
    ids=["idle", "deadline first", "idle first", "never over a day"],
)
def test_a_wait_ends_with_the_idle_limit_or_the_deadline(
    idle: float, end: float, longest: float
) -> None:
    began = monotonic()
    left = Deadline(idle, began + end).remaining(began)
    assert longest - 100 < left <= longest


@pytest.mark.parametrize(("idle", "end"), [(5, inf), (FAR, -1)], ids=["idle", "deadline"])
def test_a_wait_that_is_over_is_a_timeout(idle: float, end: float) -> None:
    deadline = Deadline(idle, monotonic() + end)
    with pytest.raises(TimeoutError, match="timed out"):
        deadline.next_wait(monotonic() - 10)


def test_a_wait_is_short_only_where_somebody_is_called_meanwhile() -> None:
    calls: list[int] = []
    alone, watched = Deadline(FAR, inf), Deadline(FAR, inf, lambda: calls.append(1))
    assert (alone.next_wait(monotonic()), watched.next_wait(monotonic())) == (LONG, TICK)
    alone.check_idle()
    watched.check_idle()
    assert calls == [1]


def test_a_connection_takes_no_more_than_the_deadline_leaves() -> None:
    until = monotonic() + 500
    for limit, least, most in [(2.0, 2.0, 2.0), (FAR, 400, 500)]:
        deadline = Deadline(7.0, until)
        connect, read = deadline.timeouts(limit)
        assert least <= connect <= most and read == 7.0
        assert connect.deadline is read.deadline is deadline


@pytest.mark.parametrize("seconds", [0.0, -3.0])
def test_a_timeout_that_is_over_is_still_one_that_urllib3_takes(seconds: float) -> None:
    assert 0 < TimeLeft(seconds, Deadline(1, inf)) <= 0.001


def test_a_timeout_leads_to_the_deadline_of_its_call() -> None:
    deadline = Deadline(1, inf)
    assert deadline_after(TimeLeft(3, deadline)) is deadline
    assert (deadline_after(2.5).idle, deadline_after(2.5).end) == (2.5, inf)


@pytest.mark.parametrize(("deadline", "expected"), [(None, inf), (0.0, 0.0), (12.5, 12.5)])
def test_a_call_without_a_deadline_has_for_ever(deadline: float | None, expected: float) -> None:
    assert deadline_of(Limits(deadline=deadline)) == expected
