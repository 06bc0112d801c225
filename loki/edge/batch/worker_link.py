"""A worker of a cluster as a run sees it: which rows it has, and how many more it can be sent."""

from __future__ import annotations

import time
from collections import Counter
from itertools import islice
from typing import NamedTuple

from loki.batch.rows import ReadyRow
from loki.edge.batch.pace_lease import Turn
from loki.edge.batch.spending import Reservation

POSTPONED = 10_000  # rows at most that a worker keeps for a client and model that waits


class SentRow(NamedTuple):
    """A row that a worker has."""

    row: ReadyRow
    reserved: Reservation


class WorkerLink:
    """A worker: which rows it has, how many it answers in a second, and what it is to be told."""

    def __init__(self, address: str, place: int) -> None:
        self.address, self.place = address, place  # among the workers of its machine
        self.sent: dict[int, SentRow] = {}  # by their numbers, in the order in which they went
        self.booked: set[int] = set()  # those of them whose calls are recorded by now
        self.share = 1  # rows that it may have in flight
        self.waiting = 0  # rows that it has set aside
        self.turns: list[Turn] = []
        self.taken: Counter[str] = Counter()  # requests that were not refused
        self.since, self.answered, self.rate = time.monotonic(), 0, 0
        self.is_over = False

    def free_slots(self) -> int:
        """Return how many rows more it can be sent: about a second of work is under way."""
        wanted = max(2 * self.share, self.rate)
        return min(wanted - len(self.sent) + self.waiting, POSTPONED - len(self.sent))

    def take(self, number: int) -> SentRow | None:
        """Return a row that it has answered, which it has no more."""
        self.booked.discard(number)
        return self.sent.pop(number, None)

    def rows_under_way(self) -> dict[int, SentRow]:
        """Return the rows that it may be asking now, and whose calls nobody has recorded."""
        rows = ((number, sent) for number, sent in self.sent.items() if number not in self.booked)
        return dict(islice(rows, self.share))

    def record_answered(self, answered: int) -> None:
        """Learn how fast it is."""
        self.answered += answered
        seconds = time.monotonic() - self.since
        if seconds >= 0.5:
            self.rate = round(self.answered / seconds)
            self.since, self.answered = time.monotonic(), 0


def host_of(address: str) -> str:
    """Return the machine of an address.

    >>> host_of("tcp://10.0.0.1:4000")
    'tcp://10.0.0.1'
    """
    return address.rpartition(":")[0]
