"""6. Problem, attempt, time -> seconds to wait, or None: whether to ask again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from loki.problems import Problem
from loki.records import Json, Limits

FOREVER = 10 * 365 * 86400.0  # seconds: no clock goes much further
BACKOFF, LONGEST = 0.5, 8.0  # seconds, as the providers' own packages use


def pause(problem: Problem, attempt: int, limits: Limits, chance: float) -> float | None:
    """How long to wait before attempt + 1; None gives up. ``chance`` is from 0 to 1.

    >>> limits = Limits(retries=3, max_wait=60)
    >>> pause(Problem("busy", "slow down", again=True, wait=2.0), 1, limits, 0.5)
    2.0
    >>> pause(Problem("busy", "slow down", again=True, wait=90.0), 1, limits, 0.5)
    """
    if not problem.again or attempt > (limits.retries or 0):
        return None
    if problem.wait is not None:
        return problem.wait if problem.wait <= (limits.max_wait or 0) else None
    return chance * min(LONGEST, BACKOFF * 2.0 ** (attempt - 1))


def advised(problem: Problem, headers: Mapping[str, str], body: Json, now: float) -> Problem:
    """A problem with what the server says about asking again: whether, and not before when."""
    wish = headers.get("x-should-retry", "").lower()
    again = {"true": True, "false": False}.get(wish, problem.again)
    asked = asked_wait(headers, body, now) if problem.kind in ("busy", "offline") else None
    wait = None if asked is None else min(asked, FOREVER)
    return replace(problem, again=again, wait=wait, retry_at=None if wait is None else now + wait)


def asked_wait(headers: Mapping[str, str], body: Json, now: float) -> float | None:
    """Seconds the server asks for, from whichever place it uses.

    >>> asked_wait({"retry-after-ms": "1500"}, None, 0), asked_wait({"retry-after": "2"}, None, 0)
    (1.5, 2.0)
    >>> asked_wait({}, {"error": {"details": [{"retryDelay": "53s"}]}}, 0)
    53.0
    """
    milliseconds = seconds(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    after = headers.get("retry-after")
    plain = seconds(after)
    if plain is not None:
        return plain
    return until(after, now) if after else delay_in(body)


def seconds(text: Any) -> float | None:
    """A plain number of 0 or more.

    >>> seconds("0.25"), seconds("soon"), seconds("-1")
    (0.25, None, None)
    """
    if not isinstance(text, str) or not re.fullmatch(r"\s*\d{1,300}(\.\d*)?\s*", text):
        return None
    return float(text)


def until(date: str, now: float) -> float | None:
    """Seconds until an HTTP date (RFC 9110, section 5.6.7).

    >>> until("Thu, 01 Jan 1970 00:00:30 GMT", 10)
    20.0
    """
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() - now)


def delay_in(body: Json) -> float | None:
    """google.rpc.RetryInfo, in an error's details."""
    match body:
        case [first, *_]:
            return delay_in(first)
        case {"error": {"details": list(details)}}:
            delays = (detail.get("retryDelay") for detail in details if isinstance(detail, dict))
            return next((seconds(d.removesuffix("s")) for d in delays if isinstance(d, str)), None)
        case _:
            return None
