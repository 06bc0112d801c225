"""Two workers and their run: what one worker's server refuses slows down both."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from loki.edge.batch.learned_pace import Sent
from loki.edge.batch.pace_lease import (
    Lease,
    LeasedPace,
    LeasedRates,
    LeaseReply,
    LeaseReport,
    Rejection,
    Traffic,
    WantedTurn,
    count_taken,
    give_turn,
    learn,
    learned_pace,
    pace_news,
)
from loki.edge.batch.rate_limiter import Pacer, Pacers
from loki.problems import Problem

BUSY = Problem("busy", "Slow down.", status=429, retryable=True)
KEY = "a:m"


class Worker:
    """A worker's side, without its rows."""

    def __init__(self) -> None:
        self.lease = Lease(threading.Event())
        self.paces = Pacers(pace_of=lambda key: LeasedPace(self.lease, key))
        self.taken: Counter[str] = Counter()  # as the run counts it

    @property
    def pacer(self) -> Pacer:
        """Its pacer of the one client and model."""
        return self.paces.get(KEY)


def exchange(run: Pacers, worker: Worker, *others: Worker) -> None:
    """Let a worker and its run exchange what they have, there and back."""
    report, now = worker.lease.take_report(), time.monotonic()
    learn(run, report, now)
    count_taken(worker.taken, report)
    turns = [give_turn(run, wanted, now) for wanted in report.wanted]
    news = pace_news(run, now, sum((other.taken for other in others), Counter()))
    worker.lease.take_reply(LeaseReply(turns, news), worker.paces)


def refuse(run: Pacers, worker: Worker, sent: Sent, retry_after: float | None = None) -> None:
    """Let a server refuse what a worker has sent, which the run learns at once."""
    problem = replace(BUSY, retry_after=retry_after)
    thread = threading.Thread(target=lambda: worker.pacer.slow_down(problem, sent, 60))
    thread.start()
    while not worker.lease.rejections:
        time.sleep(0.001)
    held = worker.pacer.pace.hold
    assert held > time.monotonic() + (retry_after or 0) - 5  # already, without the run
    exchange(run, worker)
    thread.join()


def claim_in_thread(run: Pacers, worker: Worker, key: str) -> tuple[float, int]:
    """Let a thread of a worker claim a turn; return when it is, and its age."""
    found: list[tuple[float, int]] = []
    thread = threading.Thread(target=lambda: found.append(worker.lease.claim(key)))
    thread.start()
    while thread.is_alive():
        exchange(run, worker)
        time.sleep(0.001)
    return found[0]


def test_nobody_asks_for_turns_while_nothing_is_refused() -> None:
    worker = Worker()
    assert worker.pacer.pace.claim(5.0) == (5.0, 0) and not worker.lease.is_urgent()


def test_a_refusal_at_one_worker_holds_all_back() -> None:
    run, (one, other) = Pacers(), (Worker(), Worker())
    refuse(run, one, one.pacer.begin(), 30.0)
    assert other.pacer.pace.hold == 0.0
    exchange(run, other)
    assert one.pacer.pace.age == other.pacer.pace.age == 1
    assert other.pacer.pace.hold == pytest.approx(time.monotonic() + 30, abs=5)


def test_the_burst_of_all_workers_tells_what_the_server_takes() -> None:
    run, workers = Pacers(), [Worker(), Worker()]
    sent = [[worker.pacer.begin() for _ in range(20)] for worker in workers]
    now = time.monotonic()
    for worker in workers:
        learn(run, worker.lease.take_report(), now)
    refused = [Rejection(KEY, BUSY, 0.0, each.age) for each in (*sent[0][:5], *sent[1][:5])]
    learn(run, LeaseReport([], refused, []), now)
    pace = learned_pace(run, KEY).pace
    assert pace is not None and pace.peak == 30


def test_workers_share_the_turns_of_one_pace() -> None:
    run, now = Pacers(), time.monotonic()
    refused = Rejection(KEY, replace(BUSY, retry_after=0.01), 0.0, 0)
    learn(run, LeaseReport([], [refused], [Traffic(KEY, 50, 0, 0)]), now)
    turns = [give_turn(run, WantedTurn(number, KEY, 0), now) for number in range(10)]
    steps = [after.seconds - before.seconds for before, after in pairwise(turns)]
    assert all(turn.age == 1 for turn in turns)
    assert all(1 / 49 < step <= 1 / 24.5 for step in steps)  # half of 49 a second, and growing


def test_fixed_rates_are_those_of_the_run() -> None:
    run, now = Pacers(per_minute=60), time.monotonic()
    turns = [give_turn(run, WantedTurn(number, "", 5), now) for number in range(3)]
    assert [turn.seconds for turn in turns] == pytest.approx([0, 1, 2])
    rates = LeasedRates(Worker().lease, None, None)
    assert rates.claim(5.0, 9) == 5.0  # without asking, for there are none


def test_a_thread_has_the_turn_that_its_run_gives() -> None:
    run, worker = Pacers(per_minute=1), Worker()
    first = claim_in_thread(run, worker, "")[0]
    assert claim_in_thread(run, worker, "")[0] - first > 30
    assert worker.lease.granted == {}


def test_a_server_that_takes_another_worker_s_requests_is_not_stuck() -> None:
    run, (one, other) = Pacers(), (Worker(), Worker())
    refuse(run, one, one.pacer.begin())
    assert one.pacer.stuck is not None and one.pacer.answers == 0
    other.pacer.begin()  # which may take long to be answered, and is not refused
    exchange(run, other)
    exchange(run, one, other)
    assert one.pacer.stuck is None and one.pacer.answers == 1
    exchange(run, one, other)
    assert one.pacer.answers == 1


def test_a_server_that_takes_nothing_of_any_worker_is_stuck() -> None:
    run, (one, other) = Pacers(), (Worker(), Worker())
    for worker in (one, other, one):
        refuse(run, worker, worker.pacer.begin())
    exchange(run, one, other)
    assert one.pacer.stuck is not None and one.pacer.answers == 0


def test_only_what_was_sent_at_the_newest_pace_tells_of_it() -> None:
    run, worker = Pacers(), Worker()
    early = worker.pacer.begin()
    refuse(run, worker, worker.pacer.begin())
    worker.pacer.accept(early)
    exchange(run, worker)
    assert not learned_pace(run, KEY).taken
    worker.pacer.accept(worker.pacer.begin())
    exchange(run, worker)
    assert learned_pace(run, KEY).taken


def test_when_a_worker_stops_nobody_waits_for_a_turn() -> None:
    worker = Worker()
    worker.lease.stop.set()
    assert worker.lease.claim(KEY)[1] == 0
