"""A job and all that is known of it -> what is to be done for it next."""

from __future__ import annotations

from dataclasses import field
from decimal import Decimal
from typing import Literal, NamedTuple, TypeAlias

from loki.batch.api.protocol import JobStatus, Protocol, Submission
from loki.json_text import JsonObject
from loki.record import record
from loki.records import Task

LATER = 600.0  # seconds between two looks for a job that may be lost: lists lag

#: What is to be done next for a job.
Step: TypeAlias = Literal["drop", "look", "hold", "poll", "collect", "none"]


class Item(NamedTuple):
    """A row that is in a job."""

    suffix: str  # of its custom id, after the nonce: its key, and a number where that came twice
    id: str | int
    line: int

    @property
    def key(self) -> str:
        """Return the key of the row."""
        return self.suffix.partition("-")[0]


@record
class Job:
    """A job and all that is known of it; moments in seconds since the epoch."""

    submission: Submission
    planned: float
    protocol: str  # a row of sites.PROTOCOLS
    model: str  # client:model
    account: str  # a hash of whose it is
    task: Task
    bytes: int = 0
    worst: Decimal | None = None  # US dollars
    schema: JsonObject | None = None
    tag: str = ""
    keeps: bool = False  # the input's fields go with the answers
    id: str = ""  # as its provider knows it
    standing: JobStatus | None = None  # as it was last seen
    seen: float | None = None  # when that was
    ended: float | None = None  # when it was first seen to be final
    looks: tuple[float, ...] = ()  # when it was looked for in vain
    collected: bool = False
    cost: Decimal = Decimal(0)  # of what was collected, as far as it is known
    dropped: str = ""  # why it never was
    items: tuple[Item, ...] = field(default=(), repr=False)

    @property
    def nonce(self) -> str:
        """Return the name that we gave it."""
        return self.submission.nonce

    @property
    def is_open(self) -> bool:
        """Return whether something is still to come of it."""
        return not self.collected and not self.dropped

    @property
    def is_uncollected(self) -> bool:
        """Return whether its rows may be paid for already, and so must not be asked again."""
        return self.is_open and self.submission.intent is not None


def next_step(job: Job, protocol: Protocol) -> Step:
    """Return what is to be done for a job next.

    Of one that may have been created nobody knows but its provider: where that can be asked, two
    looks in vain, ten minutes apart by the provider's own clock, say that it was not.
    """
    if not job.is_open:
        return "none"
    if job.submission.intent is None:
        return "drop"  # nothing was asked for yet
    if job.id:
        return "collect" if job.standing is not None and job.standing.is_final else "poll"
    if not protocol.can_find:
        return "hold"
    is_lost = len(job.looks) > 1 and job.looks[-1] - job.looks[0] >= LATER
    return "drop" if is_lost else "look"
