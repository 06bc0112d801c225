"""Workers of a cluster <-> their run: the run has all paces and rates, workers lease turns."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from threading import Condition, Event
from typing import NamedTuple

from loki.batch.rate_control import backoff_seconds
from loki.edge.batch.learned_pace import LearnedPace, Sent
from loki.edge.batch.rate_limiter import Pacers
from loki.problems import Problem


class WantedTurn(NamedTuple):
    """A turn that a worker asks for."""

    number: int
    key: str  # client:model; "" is the rates of the whole run
    tokens: int


class Turn(NamedTuple):
    """A turn that a run gives."""

    number: int  # as it was asked for
    seconds: float  # until it
    age: int  # of the pace at which it was given


class Rejection(NamedTuple):
    """A request that a server refused."""

    key: str
    problem: Problem
    seconds: float  # since it was sent
    age: int  # of the pace at which it was sent


class Traffic(NamedTuple):
    """What a worker has sent to a client and model since its last report."""

    key: str
    begun: int
    accepted: int
    age: int  # of the pace at which the newest of the accepted ones was sent


class PaceNews(NamedTuple):
    """What a run knows of a client and model whose server has refused something."""

    key: str
    age: int
    silence: float  # seconds in which nothing is to be sent
    taken: int  # requests of the other workers that were not refused


class LeaseReport(NamedTuple):
    """What a worker wants and has learnt."""

    wanted: list[WantedTurn]
    rejections: list[Rejection]
    traffic: list[Traffic]


class LeaseReply(NamedTuple):
    """What a run gives and knows."""

    turns: list[Turn]
    news: list[PaceNews]


# ---- of a worker ---------------------------------------------------------------------------------


class Lease:
    """The turns of a run, as a worker has them: asked for with one report, given with the next."""

    def __init__(self, stop: Event, ring: Callable[[], None] = lambda: None) -> None:
        self.stop, self.ring = stop, ring
        self.changed = Condition()  # guards what follows
        self.wanted: list[WantedTurn] = []
        self.granted: dict[int, tuple[float, int]] = {}  # times and ages, by the turns' numbers
        self.count = self.reports = self.replies = 0
        self.rejections: list[Rejection] = []
        self.begun: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()
        self.ages: dict[str, int] = {}

    def claim(self, key: str, tokens: int = 0) -> tuple[float, int]:
        """Ask for a turn and wait for it; return when it is, and at which pace it was given."""
        with self.changed:
            number, self.count = self.count, self.count + 1
            self.wanted.append(WantedTurn(number, key, tokens))
            self.ring()
            while number not in self.granted and not self.stop.is_set():
                self.changed.wait(0.1)
            return self.granted.pop(number, (time.monotonic(), 0))

    def begin(self, key: str) -> None:
        """Count a request that is sent."""
        with self.changed:
            self.begun[key] += 1

    def accept(self, key: str, age: int) -> None:
        """Count a request that a server took."""
        with self.changed:
            self.accepted[key] += 1
            self.ages[key] = max(age, self.ages.get(key, 0))

    def reject(self, rejection: Rejection) -> None:
        """Report a request that a server refused, and wait for what the run knows of it."""
        with self.changed:
            self.rejections.append(rejection)
            report = self.reports  # the one that will have it
            self.ring()
            while self.replies <= report and not self.stop.is_set():
                self.changed.wait(0.1)

    def is_urgent(self) -> bool:
        """Return whether there is something that the run is to know at once."""
        return bool(self.wanted or self.rejections)

    def take_report(self) -> LeaseReport:
        """Return what the run is to know, once."""
        with self.changed:
            keys = [*(self.begun | self.accepted)]
            traffic = [
                Traffic(key, self.begun[key], self.accepted[key], self.ages.get(key, 0))
                for key in keys
            ]
            report = LeaseReport(self.wanted, self.rejections, traffic)
            self.wanted, self.rejections = [], []
            self.begun, self.accepted = Counter(), Counter()
            self.ages, self.reports = {}, self.reports + 1
        return report

    def take_reply(self, reply: LeaseReply, paces: Pacers) -> None:
        """Tell the paces what the run knows, and give out its turns."""
        now = time.monotonic()
        for news in reply.news:
            pacer = paces.get(news.key)
            if isinstance(pacer.pace, LeasedPace) and pacer.pace.update(news, now):
                pacer.record_answer()
        with self.changed:
            self.replies = self.reports
            self.granted |= {turn.number: (now + turn.seconds, turn.age) for turn in reply.turns}
            self.changed.notify_all()


class LeasedPace:
    """The pace of a client and model that the run has learnt from all workers."""

    def __init__(self, lease: Lease, key: str) -> None:
        self.lease, self.key = lease, key
        self.age = 0  # 0: nothing was ever refused
        self.hold = 0.0
        self.taken = 0  # the most that the server took of the other workers

    def claim(self, now: float) -> tuple[float, int]:
        """Ask the run for a turn, if its pace is limited at all."""
        return self.lease.claim(self.key) if self.age else (max(now, self.hold), 0)

    def begin(self, now: float) -> Sent:
        """Count a request that is sent now."""
        self.lease.begin(self.key)
        return Sent(now, self.age)

    def accept(self, sent: Sent) -> None:
        """Report that the server took a request."""
        self.lease.accept(self.key, sent.age)

    def reject(self, sent: Sent, now: float, problem: Problem) -> None:
        """Report that the server refused a request; send nothing until the run says more."""
        self.hold = max(self.hold, now + (problem.retry_after or backoff_seconds(1)))
        self.lease.reject(Rejection(self.key, problem, now - sent.time, sent.age))

    def update(self, news: PaceNews, now: float) -> bool:
        """Take what the run knows; return whether the server has taken more of others since."""
        self.age, self.hold = news.age, now + news.silence
        is_taking, self.taken = news.taken > self.taken, max(news.taken, self.taken)
        return is_taking


class LeasedRates:
    """The fixed rates of a whole run, as a worker has them."""

    def __init__(self, lease: Lease, per_minute: float | None, tokens: float | None) -> None:
        self.lease, self.per_minute, self.tokens_per_minute = lease, per_minute, tokens

    def claim(self, now: float, tokens: int) -> float:
        """Ask the run for a turn, if there is a rate."""
        if not self.per_minute and not self.tokens_per_minute:
            return now
        return self.lease.claim("", tokens)[0]


# ---- of a run ------------------------------------------------------------------------------------


def learn(paces: Pacers, report: LeaseReport, now: float) -> None:
    """Learn from what a worker has sent, and from what was refused."""
    for key, begun, accepted, age in report.traffic:
        pace = learned_pace(paces, key)
        pace.begun.extend([now] * begun)
        if accepted:
            paces.get(key).record_answer(accepted)
            pace.accept(Sent(now, age))
    for key, problem, seconds, age in report.rejections:
        learned_pace(paces, key).reject(Sent(now - seconds, age), now, problem, until=now)


def give_turn(paces: Pacers, wanted: WantedTurn, now: float) -> Turn:
    """Give the next turn of a pace, or of the rates of the run."""
    if wanted.key:
        start, age = learned_pace(paces, wanted.key).claim(now)
    else:
        start, age = paces.rates.claim(now, wanted.tokens), 0
    return Turn(wanted.number, start - now, age)


def count_taken(taken: Counter[str], report: LeaseReport) -> None:
    """Count what a worker has sent and no server refused, by clients and models."""
    for traffic in report.traffic:
        taken[traffic.key] += traffic.begun
    for rejection in report.rejections:
        taken[rejection.key] -= 1


def pace_news(paces: Pacers, now: float, taken: Counter[str]) -> list[PaceNews]:
    """Return what is known of each client and model whose server has refused something.

    ``taken`` is what it took of the other workers: answers may take long, refusals do not.
    """
    return [
        PaceNews(key, pacer.pace.age, max(0.0, pacer.pace.hold - now), taken[key])
        for key, pacer in [*paces.pacers.items()]
        if pacer.pace.age
    ]


def learned_pace(paces: Pacers, key: str) -> LearnedPace:
    """Return the pace of a client and model; a run learns each itself."""
    pace = paces.get(key).pace
    assert isinstance(pace, LearnedPace)
    return pace
