"""How fast a run sends: slower after a refusal that is news, soon back, and never to a halt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.batch.rate_control import (
    FIRST,
    LATE,
    MIN_RATE,
    SOON,
    Pace,
    backoff_seconds,
    rate_at,
    reduce_rate,
)

RATES = st.floats(MIN_RATE, 10_000)
PACES = st.builds(
    Pace,
    peak=RATES,
    cut=st.sampled_from([0.2, FIRST]),
    reduced_at=st.floats(0, 1000),
    recovery_seconds=st.floats(SOON, LATE),
)


@given(PACES, st.floats(0, 1000), st.floats(0, 1000))
def test_the_rate_only_grows_until_the_next_refusal(pace: Pace, one: float, more: float) -> None:
    now = pace.reduced_at + one
    assert MIN_RATE <= rate_at(pace, now) <= rate_at(pace, now + more) * (1 + 1e-9)


@given(PACES)
def test_the_peak_is_reached_again_after_the_span(pace: Pace) -> None:
    at_once = max(MIN_RATE, pace.peak * (1 - pace.cut))
    assert rate_at(pace, pace.reduced_at) == pytest.approx(at_once)
    assert rate_at(pace, pace.reduced_at + pace.recovery_seconds) == pytest.approx(pace.peak)


@given(PACES, st.floats(0, 100), RATES)
def test_news_of_a_refusal_makes_it_slower(pace: Pace, later: float, accepted: float) -> None:
    now = pace.reduced_at + later
    after = reduce_rate(pace, now, accepted, news=True)
    assert rate_at(after, now) <= rate_at(pace, now) and after.reduced_at == now
    assert pace.recovery_seconds <= after.recovery_seconds <= LATE


@given(PACES, st.floats(0, 100), RATES)
def test_an_echo_never_begins_another_wait(pace: Pace, later: float, accepted: float) -> None:
    after = reduce_rate(pace, pace.reduced_at + later, accepted, news=False)
    assert after._replace(peak=pace.peak) == pace and after.peak <= pace.peak
    if pace.cut != FIRST:
        assert after == pace


@pytest.mark.parametrize(("accepted", "peak"), [(80.0, 80.0), (1.0, 50.0), (500.0, 100.0)])
def test_the_next_peak_is_what_the_server_took_but_no_less_than_half(
    accepted: float, peak: float
) -> None:
    pace = Pace(peak=100.0, cut=0.2, reduced_at=0.0, recovery_seconds=4.0)
    assert reduce_rate(pace, 4.0, accepted, news=True).peak == pytest.approx(peak)


@pytest.mark.parametrize(("accepted", "peak"), [(50.0, 50.0), (0.0, MIN_RATE)])
def test_the_first_refusal_tells_what_the_server_takes(accepted: float, peak: float) -> None:
    assert reduce_rate(None, 10.0, accepted, news=True) == Pace(peak, FIRST, 10.0, SOON)


@pytest.mark.parametrize(
    ("refusals", "seconds"), [(1, 0.25), (2, 0.5), (5, 4.0), (6, 8.0), (7, 8.0), (10_000, 8.0)]
)
def test_silence_doubles_up_to_eight_seconds(refusals: int, seconds: float) -> None:
    assert backoff_seconds(refusals) == seconds
