"""Words for times mean what a reader of the calendar would say, also when the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.money.periods import day_of, iterate_days, iterate_months, month_of, parse_time, zone_name

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
NOW = datetime(2026, 11, 22, 17, 30, tzinfo=UTC).timestamp()


def at(text: str, zone: tzinfo) -> float:
    """A time of day in a zone, in seconds since the epoch."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("words", "zone", "start", "end"),
    [
        ("24h", UTC, NOW - 86400, NOW - 86400),
        ("7d", UTC, NOW - 7 * 86400, NOW - 7 * 86400),
        ("2w", UTC, NOW - 14 * 86400, NOW - 14 * 86400),
        ("2026-11-01", UTC, at("2026-11-01", UTC), at("2026-11-02", UTC)),
        ("2026-11", BERLIN, at("2026-11-01", BERLIN), at("2026-12-01", BERLIN)),
        ("2026-12", NEW_YORK, at("2026-12-01", NEW_YORK), at("2027-01-01", NEW_YORK)),
        ("2024-02", UTC, at("2024-02-01", UTC), at("2024-03-01", UTC)),
        ("today", BERLIN, at("2026-11-22", BERLIN), at("2026-11-23", BERLIN)),
        ("today", KATHMANDU, at("2026-11-22", KATHMANDU), at("2026-11-23", KATHMANDU)),
    ],
)
def test_words_name_a_moment(words: str, zone: tzinfo, start: float, end: float) -> None:
    assert parse_time(words, NOW, zone).unwrap() == start
    assert parse_time(words, NOW, zone, last=True).unwrap() == end


@pytest.mark.parametrize(
    "words",
    ["", "7", "7y", "7m", "-7d", "7 d", "1.5d", "2026", "2026-13", "2026-11-31", "2026-1-1",
     "11/01/2026", "20261101", "2026-W10", "now", "9999-12-31", "9999999d", "0000-01", "²d", "٣d"],
)  # fmt: skip
def test_other_words_are_refused(words: str) -> None:
    problem = parse_time(words, NOW, UTC).failure()
    assert problem.kind == "usage"
    known = "24h, 7d, 2w, today, yesterday, 2026-11 or 2026-11-01"
    assert problem.message == f"{words!r} is no time: say {known}"


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-01", 24)]
)
def test_a_day_is_as_long_as_its_clocks_make_it(day: str, hours: int) -> None:
    span = day_of(at(f"{day}T12:00", BERLIN), BERLIN)
    assert (span.name, span.end - span.start) == (day, hours * 3600)


ZONES: Any = st.sampled_from([UTC, BERLIN, NEW_YORK, KATHMANDU])
MOMENTS = st.floats(0, 4e9)


@given(MOMENTS, st.floats(0, 200 * 86400), ZONES, st.sampled_from([iterate_days, iterate_months]))
def test_spans_cover_a_time_without_gaps(
    start: float, length: float, zone: tzinfo, cut: Any
) -> None:
    spans = list(cut(start, start + length, zone))
    if start < start + length:
        assert (spans[0].start, spans[-1].end) == (start, start + length)
    assert all(one.end == other.start for one, other in zip(spans, spans[1:], strict=False))
    assert len({span.name for span in spans}) == len(spans)


@given(MOMENTS, ZONES)
def test_a_moment_lies_in_its_day_and_month(seconds: float, zone: tzinfo) -> None:
    for span in (day_of(seconds, zone), month_of(seconds, zone)):
        assert span.start <= seconds < span.end
        assert span.start % 900 == span.end % 900 == 0, "days begin at quarters of an hour"


def test_the_name_of_a_zone_is_that_of_its_clocks() -> None:
    summer, winter = at("2026-07-01", BERLIN), at("2026-12-01", BERLIN)
    assert zone_name(winter, winter + timedelta(days=1).seconds, BERLIN) == "CET"
    assert zone_name(summer, winter, BERLIN) == "CEST/CET"
