"""How fast a server is asked is learnt from what it refuses, and a refusal is told once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.batch.rate_control import MIN_RATE, Pace, rate_at, reduce_rate
from loki.edge.batch.learned_pace import LearnedPace, Sent
from loki.problems import Problem

BUSY = Problem("busy", "Slow down.", status=429, retryable=True)


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.floats(0, 1000), st.booleans()), min_size=1, max_size=50
    )
)
def test_no_history_of_refusals_stops_a_run(result: list[tuple[float, float, bool]]) -> None:
    pace: Pace | None = None
    now = 0.0
    for passed, accepted, news in result:
        now += passed
        pace = reduce_rate(pace, now, accepted, news)
        assert rate_at(pace, now) >= MIN_RATE and pace.peak >= 0
    assert pace is not None and rate_at(pace, now + 1000) > rate_at(pace, now)


def test_without_a_refusal_every_turn_is_now() -> None:
    pace = LearnedPace()
    assert [pace.claim(now) for now in (5.0, 5.0, 7.0)] == [(5.0, 0), (5.0, 0), (7.0, 0)]


def test_a_burst_tells_what_a_server_takes_though_its_answers_take_long() -> None:
    pace = LearnedPace()
    sent = [pace.begin(100.0) for _ in range(64)]
    for each in sent[50:]:  # nothing has been answered yet
        pace.reject(each, 100.01, BUSY)
    assert pace.pace is not None and pace.pace.peak == 50


def test_turns_given_at_an_older_pace_are_told_by_their_age() -> None:
    pace = LearnedPace()
    pace.pace = Pace(peak=10, cut=0.5, reduced_at=-900, recovery_seconds=4)
    given_before = [pace.claim(100.0) for _ in range(3)]  # waiting when the refusal comes
    pace.taken = True
    pace.reject(pace.begin(100.0), 100.0, BUSY)
    assert pace.pace.reduced_at == 100 and all(age != pace.age for _, age in given_before)
    times = [pace.claim(100.0)[0] for _ in range(3)]
    steps = [after - before for before, after in zip(times, times[1:], strict=False)]
    assert times[0] == pytest.approx(100.25)
    assert steps == pytest.approx([1 / rate_at(pace.pace, time) for time in times[:2]])


def test_a_refusal_of_what_was_sent_at_an_older_pace_is_no_news() -> None:
    pace = LearnedPace()
    early, late = pace.begin(100.0), pace.begin(100.1)
    pace.reject(early, 100.2, BUSY)
    pace.accept(late)  # which was sent before, so it tells nothing of the pace since
    pace.reject(Sent(100.3, 0), 100.4, BUSY)
    assert pace.age == 1 and not pace.taken
    pace.accept(pace.begin(101.0))
    pace.reject(pace.begin(101.1), 101.2, BUSY)
    assert pace.age == 2


def test_what_was_sent_before_a_silence_began_makes_it_no_longer() -> None:
    pace = LearnedPace()
    sent = [pace.begin(100.0) for _ in range(9)]
    for each in sent:
        pace.reject(each, 100.1, BUSY)
    assert pace.refusals == 1 and pace.hold == pytest.approx(100.35)
