"""A user's words for a time -> seconds since the epoch; and days and months as spans."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo
from typing import NamedTuple

from returns.result import Result, Success

from loki.problems import Problem, fail

# A zone of None is that of this machine, with its summer time.


class Span(NamedTuple):
    """A stretch of time in seconds since the epoch, its end not included."""

    name: str
    start: float
    end: float


def parse_time(
    text: str, now: float, zone: tzinfo | None, last: bool = False
) -> Result[float, Problem]:
    """Parse a time: so long ago, or where a day or month begins (or, if ``last``, ends).

    >>> from datetime import UTC
    >>> parse_time("2h", 10_000.0, UTC), parse_time("1970-01-02", 0.0, UTC)
    (<Success: 2800.0>, <Success: 86400.0>)
    >>> parse_time("7y", 0.0, UTC).failure().message
    "'7y' is no time: say 24h, 7d, 2w, today, yesterday, 2026-11 or 2026-11-01"
    """
    if ago := re.fullmatch(r"([0-9]{1,6})([hdw])", text):
        return Success(now - int(ago[1]) * UNITS[ago[2]])
    named = RELATIVE.get(text)
    today = datetime.fromtimestamp(now, zone).date()
    day = text if named is None else (today - timedelta(days=named)).isoformat()
    span = parse_period(day, zone)
    if span is None:
        return fail("usage", f"{text!r} is no time: say {KNOWN}")
    return Success(span.end if last else span.start)


UNITS = {"h": 3600, "d": 86400, "w": 7 * 86400}
RELATIVE = {"today": 0, "yesterday": 1}  # days ago
KNOWN = "24h, 7d, 2w, today, yesterday, 2026-11 or 2026-11-01"


def parse_period(text: str, zone: tzinfo | None) -> Span | None:
    """Return the day or month of a name, None if it is no such name or not on this calendar.

    >>> from datetime import UTC
    >>> parse_period("1970-01", UTC), parse_period("1970-02-29", UTC)
    (Span(name='1970-01', start=0.0, end=2678400.0), None)
    """
    match = re.fullmatch(r"([0-9]{4}-[0-9]{2})(-[0-9]{2})?", text)
    if match is None:
        return None
    try:
        first = date.fromisoformat(f"{match[1]}{match[2] or '-01'}")
        return day_at(first, zone) if match[2] else month_at(first, zone)
    except (ValueError, OverflowError, OSError):
        return None


def day_of(seconds: float, zone: tzinfo | None) -> Span:
    """Return the day around a moment.

    >>> from datetime import UTC
    >>> day_of(90_000.0, UTC)
    Span(name='1970-01-02', start=86400.0, end=172800.0)
    """
    return day_at(datetime.fromtimestamp(seconds, zone).date(), zone)


def month_of(seconds: float, zone: tzinfo | None) -> Span:
    """Return the month around a moment.

    >>> from datetime import UTC
    >>> month_of(0.0, UTC)
    Span(name='1970-01', start=0.0, end=2678400.0)
    """
    return month_at(datetime.fromtimestamp(seconds, zone).date(), zone)


def day_at(day: date, zone: tzinfo | None) -> Span:
    """Return a day by its date; it is as long as the clocks of the zone make it."""
    return Span(
        day.isoformat(), start_of_day(day, zone), start_of_day(day + timedelta(days=1), zone)
    )


def month_at(day: date, zone: tzinfo | None) -> Span:
    """Return the month of a date."""
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return Span(first.isoformat()[:7], start_of_day(first, zone), start_of_day(following, zone))


def start_of_day(day: date, zone: tzinfo | None) -> float:
    """Return when a day begins, in seconds since the epoch."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()


def iterate_days(start: float, end: float, zone: tzinfo | None) -> Iterator[Span]:
    """Yield the days of a stretch of time, the first and the last cut to it.

    >>> from datetime import UTC
    >>> [span.name for span in iterate_days(0.0, 90_000.0, UTC)]
    ['1970-01-01', '1970-01-02']
    """
    while start < end:
        day = day_of(start, zone)
        yield Span(day.name, start, min(day.end, end))
        start = day.end


def iterate_months(start: float, end: float, zone: tzinfo | None) -> Iterator[Span]:
    """Yield the months of a stretch of time, the first and the last cut to it.

    >>> from datetime import UTC
    >>> [span.name for span in iterate_months(0.0, 2678401.0, UTC)]
    ['1970-01', '1970-02']
    """
    while start < end:
        month = month_of(start, zone)
        yield Span(month.name, start, min(month.end, end))
        start = month.end


def zone_name(start: float, end: float, zone: tzinfo | None) -> str:
    """Return what the clocks of a stretch of time are called.

    >>> from datetime import UTC
    >>> zone_name(0.0, 1.0, UTC)
    'UTC'
    """
    names = (
        datetime.fromtimestamp(limit, zone).astimezone(zone).tzname() for limit in (start, end)
    )
    return "/".join(dict.fromkeys(name or "local time" for name in names))
