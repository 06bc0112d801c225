"""The lines of an output -> which rows were answered: what a run need not ask again."""

from __future__ import annotations

import json
import re
from array import array
from decimal import Decimal
from hashlib import blake2b
from typing import NamedTuple

from loki.json_text import Json


class EarlierRow(NamedTuple):
    """A row of an earlier run."""

    identity: str  # what it was asked by
    is_good: bool  # whether it was answered
    cost: Decimal = Decimal(0)  # US dollars that are known to have been paid for a failure
    line: int = 0  # of the input that it was in; 0 where that is not known
    is_cost_unknown: bool = False  # of a failure that may have been billed


def read_earlier_row(line: bytes) -> EarlierRow | None:
    """Read a line of an earlier run's output; None if it is none.

    >>> read_earlier_row(b'{"id": "a", "key": "k", "text": "Hi"}')
    EarlierRow(identity='a k', is_good=True, cost=Decimal('0'), line=0, is_cost_unknown=False)
    >>> read_earlier_row(b'{"id": "a", "key": "k", "error": {}, "cost": 0.01}').cost
    Decimal('0.01')
    >>> read_earlier_row(b'{"id": "a", "key": "k", "err')
    """
    try:
        match json.loads(line):
            case {"id": id, "key": str(key), **facts}:
                number = facts.get("line")
                place = number if type(number) is int else 0
                is_good = "error" not in facts
                paid = Decimal(0) if is_good else read_paid(facts.get("cost"), facts["error"])
                known = paid or Decimal(0)
                return EarlierRow(row_identity(id, key), is_good, known, place, paid is None)
    except (ValueError, RecursionError):
        pass
    return None


def read_paid(cost: Json, error: Json) -> Decimal | None:
    """Return US dollars that a failure cost, None where it may have cost something unknown.

    >>> read_paid(0.5, {}), read_paid(None, {"sent": True, "status": None})
    (Decimal('0.5'), None)
    >>> read_paid(None, {"sent": True, "status": 429})
    Decimal('0')
    """
    if is_amount(cost):
        return Decimal(str(cost))
    match error:
        case {"sent": True, "status": None}:
            return None
    return Decimal(0)


def is_amount(cost: Json) -> bool:
    """Return whether a JSON value is an amount of money.

    >>> is_amount(0.01), is_amount(False), is_amount(float("nan")), is_amount(-1), is_amount(None)
    (True, False, False, False, False)
    """
    return isinstance(cost, int | float) and type(cost) is not bool and 0 <= cost < float("inf")


def row_identity(id: str | int, key: str) -> str:
    """Return what a row is known by in an output; an id that is no text as JSON, as in CSV.

    >>> row_identity("a", "k"), row_identity(7, "k"), row_identity(True, "k")
    ('a k', '7 k', 'true k')
    """
    return f"{json.dumps(id) if isinstance(id, bool) else id} {key}"


def line_of_row(line: bytes) -> int:
    """Return the line of the input that a row of an output came from; 0 where that is not known.

    >>> line_of_row(b'{"id":"a","line":7,"key":"k"}'), line_of_row(b'{"id": "a", "key": "k"}')
    (7, 0)
    """
    if found := re.match(rb'\{"id":(?:"(?:[^"\\]|\\.)*"|-?\d+),"line":(\d+),', line):
        return int(found[1])  # a line as we write it: the rest may be long
    earlier = read_earlier_row(line)
    return earlier.line if earlier else 0


class HashSet:
    """A set of texts in 16 bytes each, so that a million of them fit anywhere.

    >>> seen = HashSet()
    >>> seen.add("a"), seen.add("b"), seen.add("a"), "b" in seen, "c" in seen
    (True, True, False, True, False)
    """

    def __init__(self) -> None:
        self.slots = array("Q", bytes(8 * 1024))  # open addressing, 0 is empty
        self.size = 0

    def add(self, text: str) -> bool:
        """Put a text in; whether it is new."""
        place, mark = self.find_slot(text)
        if self.slots[place] == mark:
            return False
        self.slots[place] = mark
        self.size += 1
        if 2 * self.size > len(self.slots):
            self.grow()
        return True

    def __contains__(self, text: str) -> bool:
        place, mark = self.find_slot(text)
        return self.slots[place] == mark

    def count_outside(self, other: HashSet) -> int:
        """Return how many of these texts another set does not have.

        >>> mine, other = HashSet(), HashSet()
        >>> mine.add("a"), mine.add("b"), other.add("b"), mine.count_outside(other)
        (True, True, True, 1)
        """
        return sum(other.slots[other.probe_slot(mark)] != mark for mark in filter(None, self.slots))

    def find_slot(self, text: str) -> tuple[int, int]:
        """Where a text stands or would stand, and its mark."""
        mark = int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()) | 1
        return self.probe_slot(mark), mark

    def probe_slot(self, mark: int) -> int:
        """The place of a mark, or the empty one where it belongs."""
        last = len(self.slots) - 1
        place = (mark >> 1) & last
        while self.slots[place] not in (0, mark):
            place = (place + 1) & last
        return place

    def grow(self) -> None:
        """Twice the room."""
        old = self.slots
        self.slots = array("Q", bytes(16 * len(old)))
        for mark in filter(None, old):
            self.slots[self.probe_slot(mark)] = mark
