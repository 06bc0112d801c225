"""Rows -> a file of them for one job, and what that job can cost at most."""

from __future__ import annotations

import tempfile
from collections import Counter
from decimal import Decimal
from typing import Any

from loki.batch.api.job import Item, Job
from loki.batch.api.protocol import Submission
from loki.batch.rows import ReadyRow as Row
from loki.edge.batch.api.batch_client import RowsFile
from loki.edge.batch.api.session import Service, account_of
from loki.json_text import JsonObject, compact_strict
from loki.money.batch_tier import BatchRates
from loki.money.estimate import max_usage
from loki.record import replace
from loki.records import Patch, Target
from loki.stages.check_max_cost import patched_worst_cost

SHARE = 0.95  # of the bytes that a provider takes, for what it may count besides


class JobDraft:
    """Rows that go into one job; their file has no name, so that nothing is left of it."""

    def __init__(self, service: Service, nonce: str, folder: str, hours: int) -> None:
        self.service, self.nonce, self.hours = service, nonce, hours
        self.file: Any = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - it stays open
        self.items: list[Item] = []
        self.keys: Counter[str] = Counter()
        self.size = self.file.write(service.protocol.frame[0])
        self.worst: Decimal | None = Decimal(0)

    def make_line(self, row: Row, body: JsonObject) -> tuple[Item, bytes]:
        """Return a row as it goes into the file; raise ValueError where it is no JSON."""
        number = self.keys[row.key] + 1
        item = Item(row.key if number == 1 else f"{row.key}-{number}", row.id, row.line)
        written = self.service.protocol.make_line(
            self.service.site, f"{self.nonce}-{item.suffix}", body
        )
        return item, compact_strict(written).encode()

    def has_room(self, size: int, most: int | None) -> bool:
        """Return whether a line of a size goes in; one alone does, for its provider to judge."""
        protocol = self.service.protocol
        limits = (protocol.max_rows, protocol.max_inputs or protocol.max_rows, most or 10**9)
        if not self.items:
            return True
        fits = self.size + size + 8 <= protocol.max_bytes * SHARE
        return fits and len(self.items) < min(limits)

    def add(self, item: Item, line: bytes, worst_cost: Decimal | None) -> None:
        """Put a row in."""
        if self.items:
            self.size += self.file.write(self.service.protocol.frame[1])
        self.size += self.file.write(line)
        self.items.append(item)
        self.keys[item.key] += 1
        self.worst = None if self.worst is None or worst_cost is None else self.worst + worst_cost

    def close(self) -> RowsFile:
        """Return the file, with its end."""
        self.size += self.file.write(self.service.protocol.frame[2])
        self.file.flush()
        return RowsFile(self.file, f"loki-{self.nonce}.jsonl", self.size)

    def make_job(self, now: float, keeps: bool) -> Job:
        """Return the job that these rows are to be."""
        target = self.service.target
        return Job(
            submission=Submission(self.nonce, len(self.items), self.hours),
            planned=now,
            protocol=self.service.name,
            model=target.name,
            account=account_of(target, self.service.site),
            task=target.model.type,
            bytes=self.size,
            worst=self.worst,
            schema=target.ask.schema,
            tag=target.ask.tag,
            keeps=keeps,
        )


def batch_worst_cost(
    target: Target, rates: BatchRates, row: Row, patches: tuple[Patch, ...]
) -> Decimal | None:
    """Return US dollars that a row can cost at the batch tier, None where nobody knows.

    ``target`` is where the row goes.
    """
    price = rates.price_at(max_usage(target).input or 0)
    priced = replace(target, model=replace(target.model, price=price))
    return patched_worst_cost(priced, row.patches(patches))
