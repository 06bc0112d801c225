"""The journal: what is known after every prefix of its lines, and what is to be done then."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.batch.api.job import Item, Job, next_step
from loki.batch.api.journal import (
    Journal,
    encode_line,
    max_rows_to_submit,
    needed_lines,
    plan_line,
    read_lines,
    row_lines,
    status_line,
)
from loki.batch.api.protocol import JobStatus, Submission
from loki.batch.api.sites import PROTOCOLS
from loki.batch.done_rows import row_identity

ITEMS = [Item("k1", "k1", 1), Item("k2", "id-2", 2), Item("k2-2", "id-3", 3)]
JOB = Job(
    Submission("abcdefgh", 3), 7.0, "openai", "openai:m", "hash", "chat", worst=Decimal("0.5")
)
DONE = JobStatus("b", "completed", True, 3, 3, 0, files=("f",))
LINES: list[Any] = [
    plan_line(JOB),
    *row_lines("abcdefgh", ITEMS),
    {"uploaded": "abcdefgh", "ref": "file-1"},
    {"intent": "abcdefgh", "time": 1000.0},
    {"job": "abcdefgh", "id": "b", "time": 1000.0},
    status_line("abcdefgh", DONE, 1100.0),
    {"collected": "abcdefgh", "time": 1.0, "rows": 3, "cost": "0.1", "again": ["k2"]},
]
#: What is to be done after each line, and whether the rows may not be asked by anybody else.
STEPS = [
    ("drop", False),
    ("drop", False),
    ("drop", False),
    ("look", True),
    ("poll", True),
    ("collect", True),
    ("none", False),
]


@pytest.mark.parametrize("number", range(len(LINES)))
def test_what_is_to_be_done_after_each_line(number: int) -> None:
    journal = Journal(LINES[: number + 1])
    job = journal.jobs["abcdefgh"]
    assert (next_step(job, PROTOCOLS["openai"]), job.is_uncollected) == STEPS[number]
    out = journal.uncollected_rows()
    assert (row_identity("id-3", "k2") in out) == job.is_uncollected
    assert journal.spent() == (
        Decimal("0.5") if job.is_uncollected else Decimal("0.1") * (number == 6)
    )


def test_a_job_reads_as_it_was_planned() -> None:
    job = Journal(LINES[:2]).jobs["abcdefgh"]
    assert job.items == tuple(ITEMS) and [item.key for item in job.items] == ["k1", "k2", "k2"]
    assert (job.worst, job.planned, job.model) == (Decimal("0.5"), 7.0, "openai:m")
    assert Journal(LINES).again[row_identity("id-2", "k2")] == 1


@given(st.integers(0, 10**6))
def test_a_torn_last_line_is_dropped_and_no_other(cut: int) -> None:
    data = b"".join(map(encode_line, LINES))
    kept = data[: cut % (len(data) + 1)]
    lines, whole, bad = read_lines(kept.splitlines(keepends=True))
    assert not bad and kept[:whole].count(b"\n") == len(lines) == kept.count(b"\n")
    assert lines == LINES[: len(lines)]


def test_a_line_that_is_none_is_named() -> None:
    assert read_lines([b"{}\n", b"what?\n", b"{}\n"])[2] == 2
    assert read_lines([b"[]\n"])[2] == 1


def test_lines_of_a_newer_loki_are_left_alone() -> None:
    assert Journal([*LINES, {"moon": "abcdefgh"}]).jobs == Journal(LINES).jobs


def ended(nonce: str, code: str, rows: int = 8) -> list[Any]:
    """Return the lines of a job that ended."""
    job = Job(Submission(nonce, rows), 7.0, "openai", "openai:m", "hash", "chat")
    seen = status_line(nonce, JobStatus("b", "failed", True, code=code), 1.0)
    return [
        plan_line(job),
        {"intent": nonce, "time": 1.0},
        {"job": nonce, "id": nonce},
        seen,
        {"collected": nonce},
    ]


ALLOWED = [
    ([], None),
    (ended("a", "full"), 4),
    ([*ended("a", "full"), *ended("b", "full", 4)], 2),
    ([*ended("a", "full"), *ended("b", "")], None),
    ([*ended("a", "full"), *ended("b", "")[:3]], 0),
    (ended("a", "full", 1), 1),
]


@pytest.mark.parametrize(("lines", "most"), ALLOWED)
def test_a_full_provider_gets_half_as_much_and_waits_for_what_is_out(
    lines: list[Any], most: int | None
) -> None:
    assert max_rows_to_submit(Journal(lines), "openai:m", frozenset({"full"})) == most
    assert max_rows_to_submit(Journal(lines), "openai:n", frozenset({"full"})) is None


def test_rows_of_jobs_that_are_over_are_not_needed_and_nothing_else_changes() -> None:
    open_job = [{**LINES[0], "plan": "bbbbbbbb"}, {"rows": "bbbbbbbb", "items": [["k", "a", 1]]}]
    again, plain = [*LINES, *open_job], [*LINES[:-1], {"collected": "abcdefgh"}, *open_job]
    assert needed_lines(again) == again, "a row that is to go again is known by its job"
    kept = needed_lines(plain)
    assert len(kept) == len(plain) - 1
    assert Journal(kept).jobs == Journal(plain).jobs
