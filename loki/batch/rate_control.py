"""Refusals and time -> requests a second: how fast a run may send without being refused."""

from __future__ import annotations

from typing import NamedTuple

FIRST, LATER = 0.5, 0.2  # the share taken off the rate, when nothing is known and when much is
SOON, LATE = 4.0, 64.0  # seconds to grow back, at first and at most
MIN_RATE = 0.2  # requests a second


class Pace(NamedTuple):
    """How fast to send since the last refusal; rates in requests a second, times in seconds."""

    peak: float  # the rate that was too much
    cut: float  # the share of it taken off at once
    reduced_at: float  # when
    recovery_seconds: float  # until it is reached again


def rate_at(pace: Pace, now: float) -> float:
    """Quickly back to near the peak, long near it, then on to find out whether it has moved.

    The cubic of RFC 9438, which TCP grows by.

    >>> pace = Pace(peak=50, cut=0.5, reduced_at=0, recovery_seconds=4)
    >>> [round(rate_at(pace, t)) for t in (0, 1, 2, 4, 6, 8)]
    [25, 39, 47, 50, 53, 75]
    """
    return max(
        MIN_RATE,
        pace.peak * (1 + pace.cut * ((now - pace.reduced_at) / pace.recovery_seconds - 1) ** 3),
    )


def reduce_rate(pace: Pace | None, now: float, accepted: float, news: bool) -> Pace:
    """The pace after a refusal; ``accepted`` is how many a second the server took, as it seems.

    It is slower only if the refusal is news: the server took something at the pace so far, and
    the request was sent at that pace. All others are echoes of one refusal. Those of the first
    tell, one by one, how many of the first burst were taken.

    >>> first = reduce_rate(None, 10, accepted=50, news=True)
    >>> first.peak, rate_at(first, 10)
    (50, 25.0)
    >>> reduce_rate(first, 10.1, accepted=48, news=False).peak
    48
    >>> round(rate_at(reduce_rate(first, 15, accepted=49, news=True), 15), 1)
    39.2
    """
    if pace is None:
        return Pace(max(accepted, MIN_RATE), FIRST, now, SOON)
    if not news:
        return (
            pace._replace(peak=max(MIN_RATE, min(pace.peak, accepted)))
            if is_first_rejection(pace)
            else pace
        )
    peak = min(rate_at(pace, now), max(accepted, pace.peak / 2))
    return Pace(peak, LATER, now, min(LATE, 2 * pace.recovery_seconds))


def is_first_rejection(pace: Pace) -> bool:
    """Whether this is the pace after a first burst."""
    return pace.cut == FIRST


def backoff_seconds(refusals: int) -> float:
    """Seconds in which nothing is sent, after so many refusals with nothing taken between.

    >>> [backoff_seconds(n) for n in (1, 2, 3, 9)]
    [0.25, 0.5, 1.0, 8.0]
    """
    return min(8.0, 0.125 * 2.0 ** min(refusals, 10))
