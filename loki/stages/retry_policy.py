"""6. Problem, attempt, time -> seconds to wait, or the problem to give up with: asking again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import inf
from typing import Any

from loki.json_text import Json
from loki.problems import Problem
from loki.record import replace
from loki.records import Limits
from loki.wire.protocol import RateLimitHeaders

FOREVER = 10 * 365 * 86400.0  # seconds: no clock goes much further
BACKOFF, LONGEST = 0.5, 8.0  # seconds, as the providers' own packages use


def retry_delay(
    problem: Problem, attempt: int, limits: Limits, chance: float, left: float = inf
) -> float | None:
    """Return the seconds to wait before attempt + 1; None gives up.

    ``chance`` is from 0 to 1; ``left`` is what remains of the time for everything, in seconds.

    >>> limits = Limits(retries=3, max_wait=60)
    >>> retry_delay(Problem("busy", "slow down", retryable=True, retry_after=2.0), 1, limits, 0.5)
    2.0
    >>> retry_delay(Problem("busy", "slow down", retryable=True, retry_after=90.0), 1, limits, 0.5)
    >>> retry_delay(Problem("busy", "slow down", retryable=True), 3, limits, 0.5)
    1.0
    """
    if (
        not problem.retryable
        or attempt > (limits.retries or 0)
        or exceeds_max_wait(problem, limits)
    ):
        return None
    wait = problem.retry_after or chance * min(LONGEST, BACKOFF * 2.0 ** (attempt - 1))
    return wait if wait <= left else None


def exceeds_max_wait(problem: Problem, limits: Limits) -> bool:
    """Return whether a server asks for a longer wait than the user allows."""
    wait = problem.retry_after if problem.retryable else None
    return wait is not None and wait > (limits.max_wait or 0.0)


def with_attempts(
    problem: Problem, attempts: int, limits: Limits, tell: Callable[[float], str]
) -> Problem:
    """Return the last problem, with the number of attempts and when it may pay to come back.

    >>> late = Problem("offline", "Later.", retryable=True, retry_after=90.0, retry_at=0.0)
    >>> last = with_attempts(late, 2, Limits(max_wait=60), lambda moment: "12:00:00")
    >>> last.kind, last.message
    ('busy', 'Later. (after 2 attempts; the server asks to wait 90 s, until 12:00:00)')
    """
    notes = [f"after {attempts} attempts"] if attempts > 1 else []
    wait = problem.retry_after if problem.retryable or problem.kind == "busy" else None
    if wait and problem.retry_at is not None and wait >= 1:
        notes.append(f"the server asks to wait {wait:.0f} s, until {tell(problem.retry_at)}")
    note = f" ({'; '.join(notes)})" if notes else ""
    kind = "busy" if exceeds_max_wait(problem, limits) else problem.kind
    return replace(problem, kind=kind, message=problem.message + note, attempts=attempts)


# ---- what servers say about it -------------------------------------------------------------------


def with_retry_advice(
    problem: Problem,
    headers: Mapping[str, str],
    body: Json,
    now: float,
    rate_limits: RateLimitHeaders = (),
) -> Problem:
    """Return a problem with what the server says about retrying: whether, and not before when.

    An account without credit is not asked for again, whatever the server says.
    """
    wish = headers.get("x-should-retry", "").strip().lower()
    again = {"true": problem.kind != "quota", "false": False}.get(wish, problem.retryable)
    waits = again or problem.kind in ("busy", "offline")
    asked = requested_wait(headers, body, now, rate_limits) if waits else None
    wait = None if asked is None else min(asked, FOREVER)
    return replace(
        problem, retryable=again, retry_after=wait, retry_at=None if wait is None else now + wait
    )


def requested_wait(
    headers: Mapping[str, str], body: Json, now: float, rate_limits: RateLimitHeaders = ()
) -> float | None:
    """Return the seconds to wait that the server asks for, in any of the places where it may.

    >>> headers = {"retry-after-ms": "1500"}, {"retry-after": "2"}
    >>> [requested_wait(each, None, 0) for each in headers]
    [1.5, 2.0]
    >>> requested_wait({}, {"error": {"details": [{"retryDelay": "53s"}]}}, 0)
    53.0
    >>> bucket = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}
    >>> requested_wait(bucket, None, 0, (tuple(bucket),))
    360.0
    """
    milliseconds = seconds(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    for wait in (
        delay(headers.get("retry-after"), now),
        delay_in(body),
        refill_seconds(headers, now, rate_limits),
    ):
        if wait is not None:
            return wait
    return None


def refill_seconds(
    headers: Mapping[str, str], now: float, rate_limits: RateLimitHeaders
) -> float | None:
    """Return the seconds until every rate limit that is used up has something left again.

    >>> headers = {"left": "0", "reset": "1970-01-01T00:00:20Z", "more": "9", "later": "50"}
    >>> refill_seconds(headers, 10, (("left", "reset"), ("more", "later")))
    10.0
    """
    spent = (reset for remaining, reset in rate_limits if seconds(headers.get(remaining)) == 0)
    waits = (delay(headers.get(reset), now) for reset in spent)
    return max((wait for wait in waits if wait is not None), default=None)


def delay(text: str | None, now: float) -> float | None:
    """Parse seconds from now, in any of the ways that servers write a time.

    >>> delay("0.25", 0), delay("6m0.5s", 0), delay("20ms", 0), delay("soon", 0)
    (0.25, 360.5, 0.02, None)
    >>> delay("Thu, 01 Jan 1970 00:00:30 GMT", 10), delay("1970-01-01T00:00:30Z", 10)
    (20.0, 20.0)
    """
    if text is None:
        return None
    for read in (seconds(text), duration(text)):
        if read is not None:
            return read
    return seconds_until(text, now)


def seconds(text: Any) -> float | None:
    """Parse a number of seconds, 0 or more.

    >>> seconds("0.25"), seconds("soon"), seconds("-1")
    (0.25, None, None)
    """
    if not isinstance(text, str) or not re.fullmatch(r"\s*\d{1,300}(\.\d{0,300})?\s*", text):
        return None
    return float(text)


def duration(text: str) -> float | None:
    """Parse a duration with its units, as Go and Google's JSON write it; in seconds.

    >>> duration("1h2m3.5s"), duration("-1s")
    (3723.5, None)
    """
    if len(text) > 100 or not re.fullmatch(rf"\s*(?:{STEP})+\s*", text):
        return None
    return sum((float(number) * UNITS[unit] for number, unit in re.findall(STEP, text)), 0.0)


def seconds_until(date: str, now: float) -> float | None:
    """Return the seconds until an HTTP date (RFC 9110, section 5.6.7) or a time of RFC 3339.

    >>> moments = "Thu, 01 Jan 1970 00:00:30 GMT", "1970-01-01T00:00:05Z"
    >>> [seconds_until(moment, 10) for moment in moments]
    [20.0, 0.0]
    """
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    read = datetime.fromisoformat if re.match(r"\s*\d{4}-", date) else parsedate_to_datetime
    try:
        moment = read(date.strip())
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        left = (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() - now
    except (ValueError, OverflowError):
        return None
    return max(0.0, left)


def delay_in(body: Json) -> float | None:
    """Return the seconds of google.rpc.RetryInfo in an error's details."""
    match body[0] if isinstance(body, list) and body else body:
        case {"error": {"details": list(details)}}:
            delays = (detail.get("retryDelay") for detail in details if isinstance(detail, dict))
            return next((duration(text) for text in delays if isinstance(text, str)), None)
        case _:
            return None


STEP = r"(\d{1,15}(?:\.\d{0,15})?)(ms|us|µs|ns|[dhms])"
UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
