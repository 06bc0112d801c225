"""A row -> its lane: rows of one client and model wait for each other, and for no others."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from loki.batch.rows import ReadyRow, Row
from loki.messages import Message
from loki.records import Ask, Config, Task
from loki.stages.resolve import resolve


def lane_finder(config: Config, task: Task) -> Callable[[Row], str]:
    """Return a function from a row to its lane, ``client:model``; "" for a row that is invalid."""

    @lru_cache(1000)
    def lane(model: str | None) -> str:
        probe = Ask((Message("user", "?"),), model=model)
        return resolve(config, task)(probe).map(lambda target: target.name).value_or(model or "")

    return lambda row: lane(row.ask.model) if isinstance(row, ReadyRow) else ""
