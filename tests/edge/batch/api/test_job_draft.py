"""Rows in the file of a job: custom ids that tell rows apart, rows_allowed, and the worst case."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support import target

from loki.batch.api.protocol import Protocol
from loki.batch.rows import ReadyRow as Row
from loki.edge.batch.api.job_draft import JobDraft, batch_worst_cost
from loki.edge.batch.api.session import Service, service_of
from loki.messages import Message
from loki.money.batch_tier import BatchRates
from loki.records import Ask, Patch

PRICED = {"name": "m", "input_price": "2", "output_price": "8"}


def service(kind: str = "openai", **protocol: Any) -> Service:
    """Return whom to ask."""
    found = service_of(target({"type": kind, "models": [PRICED]})).unwrap()
    changed: Protocol = found.protocol._replace(**protocol)
    return replace(found, protocol=changed)


def row(key: str, id: str, tokens: int | None = 100) -> Row:
    """Return a row."""
    ask = Ask((Message("user", "abcd"),), model="openai:m", max_tokens=tokens)
    return Row(1, id, key, ask)


def fill(group: JobDraft, rows: list[Row]) -> Any:
    """Put rows in; return the file."""
    for each in rows:
        item, line = group.make_line(each, {"a": 1})
        group.add(item, line, Decimal(1))
    made = group.close()
    made.file.seek(0)
    data = made.file.read()
    assert made.size == len(data)
    return data


def test_the_same_question_twice_has_two_custom_ids(tmp_path: Path) -> None:
    group = JobDraft(service(), "abcdefgh", str(tmp_path), 24)
    with group.file:
        lines = fill(group, [row("k" * 24, "a"), row("k" * 24, "b"), row("l" * 24, "c")])
        ids = [json.loads(line)["custom_id"] for line in lines.splitlines()]
        job = group.make_job(7.0, keeps=False)
    assert ids == [f"abcdefgh-{'k' * 24}", f"abcdefgh-{'k' * 24}-2", f"abcdefgh-{'l' * 24}"]
    assert (job.worst, job.submission.rows, job.bytes) == (Decimal(3), 3, len(lines))
    assert list(tmp_path.iterdir()) == [], "the file has no name"


@pytest.mark.parametrize("kind", ["claude", "openai"])
def test_all_rows_in_one_request_are_one_json(tmp_path: Path, kind: str) -> None:
    group = JobDraft(service(kind), "abcdefgh", str(tmp_path), 24)
    with group.file:
        data = fill(group, [row("k", "a"), row("l", "b")])
    if kind == "claude":
        assert [each["params"] for each in json.loads(data)["requests"]] == [{"a": 1}] * 2
    else:
        assert len(data.splitlines()) == 2


def test_there_is_room_for_so_many_rows_and_bytes(tmp_path: Path) -> None:
    group = JobDraft(
        service(max_rows=2, max_bytes=1000, max_inputs=None), "abcdefgh", str(tmp_path), 24
    )
    with group.file:
        assert group.has_room(10**9, None), "one alone goes, for its provider to judge"
        group.add(*group.make_line(row("k", "a"), {}), Decimal(0))
        assert group.has_room(100, None) and not group.has_room(950, None)
        assert not group.has_room(1, 1)
        group.add(*group.make_line(row("l", "b"), {}), None)
        assert not group.has_room(1, None) and group.worst is None


def test_the_worst_case_is_that_of_a_batch() -> None:
    there = service()
    rates = BatchRates(there.target.model.price, there.protocol.discount)

    def worst(row: Row, *patches: Patch) -> Decimal | None:
        return batch_worst_cost(replace(there.target, ask=row.ask), rates, row, patches)

    cheap = worst(row("k", "a"))
    assert cheap == (1 * 2 + 100 * 8) * Decimal("0.5") / 10**6
    tier = Patch(body={"service_tier": "priority"})
    dear = worst(row("k", "a"), tier)
    assert dear is not None and cheap < dear < 2 * cheap, "its words count, its tier does not"
    assert worst(row("k", "a", None)) is None
