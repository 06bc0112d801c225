"""One pace for all: it is found by being refused, and a refusal is told once."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from returns.result import Failure, Success
from support import request

from loki.edge.batch.learned_pace import LearnedPace, Sent
from loki.edge.batch.rate_limiter import Pacer, Pacers, RateWindow
from loki.problems import Problem
from loki.records import Limits
from loki.replies import OpenResponse

ASK = request({"type": "openai-compatible", "api_base": "https://a.example"})
BUSY = Problem("busy", "Slow down.", status=429, retryable=True)


class Clock:
    """Time that passes when somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False


def pacer(**rates: Any) -> tuple[Pacer, Clock]:
    """A pacer whose waiting takes no time."""
    clock = Clock()
    made = Pacer(clock=clock, **rates)
    made.stop.wait = lambda timeout=None: clock.wait(timeout or 0)  # type: ignore[method-assign]
    return made, clock


def begun_of(made: Pacer) -> list[float]:
    """When its requests were sent."""
    assert isinstance(made.pace, LearnedPace)
    return [*made.pace.begun]


def good(started: float = 0.0) -> OpenResponse:
    """An answer that has begun."""
    return OpenResponse(ASK, 200, {}, iter(()), lambda: None, started)


def test_without_rates_nothing_waits() -> None:
    made, clock = pacer()
    for _ in range(5):
        assert made.paced(lambda ask, deadline: Success(good()))(ASK, 1e9)
    assert clock.now == 100.0


@pytest.mark.parametrize(
    ("rates", "seconds"),
    [({"per_minute": 60}, 9.0), ({"tokens_per_minute": 600, "size": lambda ask: 5}, 4.5)],
)
def test_given_rates_hold(rates: dict[str, Any], seconds: float) -> None:
    made, clock = pacer(**rates)
    for _ in range(10):
        made.paced(lambda ask, deadline: Success(good()))(ASK, 1e9)
    assert clock.now - 100 == pytest.approx(seconds)


def test_a_refusal_waits_as_long_as_the_server_asks_and_counts_as_an_attempt() -> None:
    made, clock = pacer()
    result = [Failure(replace(BUSY, retry_after=3.0)), Success(good())]
    opened = made.paced(lambda ask, deadline: result.pop(0))(ASK, 1e9).unwrap()
    assert opened.attempts == 2 and clock.now == pytest.approx(103.0)


def test_a_wait_that_is_too_long_closes_it_and_marks_no_row() -> None:
    made, clock = pacer()
    late = replace(BUSY, retry_after=1e6, retry_at=1e6)
    for _ in range(2):  # the second one is not sent at all
        result = made.paced(lambda ask, deadline: Failure(late))(ASK, 1e9)
        assert result.failure().code == "stopped" and clock.now == 100.0
    assert len(begun_of(made)) == 1 and made.closed is not None
    assert "the server asks to wait 1000000 s, until" in made.closed.message


@pytest.mark.parametrize(("retries", "asked"), [(0, 1), (3, 4)])
def test_a_server_that_takes_nothing_is_asked_as_often_as_the_retries_allow(
    retries: int, asked: int
) -> None:
    made, _ = pacer()
    limits = Limits(retries=retries, max_wait=60)
    result, tries = made.call_paced(
        lambda end: Failure(replace(BUSY, retry_after=1.0)), 0, limits, 1e9
    )
    assert tries == asked and result.failure().kind == "busy"
    assert not result.failure().retryable  # nor by anybody else


def test_a_server_that_takes_nothing_is_not_waited_for_longer_than_the_time_for_all() -> None:
    made, clock = pacer()
    limits = Limits(retries=99, max_wait=60)
    end = clock.now + 5.0
    result, tries = made.call_paced(
        lambda end: Failure(replace(BUSY, retry_after=1.0)), 0, limits, end
    )
    assert result.failure().kind == "busy" and tries <= 6
    assert clock.now == pytest.approx(105.0, abs=1.1)


def test_a_refusal_is_free_as_long_as_the_server_takes_others() -> None:
    made, _ = pacer()

    def call(end: float) -> Any:
        if len(begun_of(made)) > 20:
            return Success("taken")
        made.accept(made.under_way[-1])  # another one, meanwhile
        return Failure(BUSY)

    result, tries = made.call_paced(call, 0, Limits(retries=0, max_wait=60), 1e9)
    assert result == Success("taken") and tries == 21


def test_a_refusal_is_free_while_an_older_request_is_not_refused() -> None:
    """Answers take long, refusals do not: so the older one was taken."""
    made, _ = pacer()
    made.under_way.append(Sent(made.clock() - 1.0, 0))
    output: list[Any] = [Failure(BUSY), Failure(BUSY), Success("taken")]
    limits = Limits(retries=0, max_wait=60)
    result, tries = made.call_paced(lambda end: output.pop(0), 0, limits, 1e9)
    assert result == Success("taken") and tries == 3


@pytest.mark.parametrize(("seconds", "asked"), [(0.5, 2), (4.5, 2), (5.5, 1)])
def test_a_refusal_is_free_just_after_the_server_took_another(seconds: float, asked: int) -> None:
    made, clock = pacer()
    made.accept(made.begin())
    made.under_way.clear()
    clock.wait(seconds)
    result: list[Any] = [Failure(BUSY), Success("taken")]
    limits = Limits(retries=0, max_wait=60)
    _, tries = made.call_paced(lambda end: result.pop(0), 0, limits, 1e9)
    assert tries == asked


def test_each_client_and_model_has_its_own_pace_and_fixed_rates_hold_for_all() -> None:
    paces = Pacers(per_minute=6000)
    paces.get("a:m").slow_down(replace(BUSY, retry_after=30.0), paces.get("a:m").begin(), 60)
    started = time.monotonic()
    for key in ("b:m", "c:m", "b:m", "c:m", "b:m"):
        assert paces.get(key).wait_for_turn(0).unwrap() < 1
    assert 0.04 <= time.monotonic() - started < 5


def test_the_time_spent_waiting_for_others_is_not_the_requests() -> None:
    made, _ = pacer(per_minute=1)
    deadlines: list[float] = []

    def attempt(ask: object, deadline: float) -> Any:
        deadlines.append(deadline)
        return Success(good())

    for _ in range(3):
        made.paced(attempt)(ASK, 1000.0)
    assert deadlines == pytest.approx([1000.0, 1060.0, 1060.0])


def test_when_the_run_ends_nobody_waits() -> None:
    made, _ = pacer()
    made.stop.set()
    result = made.paced(lambda ask, deadline: Success(good()))(ASK, 1e9)
    assert result.failure().code == "stopped"


def test_whoever_waits_when_a_silence_begins_waits_for_its_end_too() -> None:
    made, clock = pacer(per_minute=60)
    assert made.wait_for_turn(0).unwrap() == 0.0
    refusal = [replace(BUSY, retry_after=5.0)]

    def wait(timeout: float | None = None) -> bool:
        clock.wait(timeout or 0)
        if refusal:
            made.slow_down(refusal.pop(), made.begin(), 60)
        return False

    made.stop.wait = wait  # type: ignore[method-assign]
    assert made.wait_for_turn(0).unwrap() == pytest.approx(1.0 + 5.0)


def test_what_one_minute_allows_in_tokens_is_counted_once_for_each() -> None:
    made, clock = pacer(tokens_per_minute=600, size=lambda ask: 10)
    assert made.wait_for_turn(10).unwrap() == 0.0
    made.pace.hold = clock.now + 0.5
    assert made.wait_for_turn(10).unwrap() == pytest.approx(1.0)
    assert isinstance(made.rates, RateWindow)
    assert made.rates.next_token == pytest.approx(clock.now + 1.0)
