"""What is to be done for a job next, by what is known of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loki.batch.api.job import Item, Job, next_step
from loki.batch.api.protocol import JobStatus, Submission
from loki.batch.api.sites import PROTOCOLS

PLANNED = Job(Submission("abcdefgh", 3), 7.0, "openai", "openai:m", "hash", "chat")
OUT = replace(PLANNED, submission=Submission("abcdefgh", 3, intent=1000.0))
RUNNING = replace(OUT, id="b", standing=JobStatus("b", "in_progress", False))
OVER = replace(OUT, id="b", standing=JobStatus("b", "completed", True))

#: A job, what is to be done, and whether its rows may not be asked by anybody else.
STEPS = [
    (PLANNED, "drop", False),
    (OUT, "look", True),
    (replace(OUT, id="b"), "poll", True),
    (RUNNING, "poll", True),
    (OVER, "collect", True),
    (replace(OVER, collected=True), "none", False),
    (replace(OUT, dropped="refused"), "none", False),
]


@pytest.mark.parametrize(("job", "step", "is_out"), STEPS)
def test_each_state_has_its_step(job: Job, step: str, is_out: bool) -> None:
    assert (next_step(job, PROTOCOLS["openai"]), job.is_uncollected) == (step, is_out)


def test_a_key_is_a_key_also_where_it_came_twice() -> None:
    assert [Item(suffix, "a", 1).key for suffix in ("k", "k-2")] == ["k", "k"]


LOOKS = [([], "look"), ([0], "look"), ([0, 599], "look"), ([0, 600], "drop"), ([0, 9, 700], "drop")]


@pytest.mark.parametrize(("looks", "step"), LOOKS)
def test_a_lost_job_is_given_up_after_looks_ten_minutes_apart(looks: list[int], step: str) -> None:
    job = replace(OUT, looks=tuple(map(float, looks)))
    assert next_step(job, PROTOCOLS["openai"]) == step
    assert next_step(job, PROTOCOLS["anthropic"]) == "hold"
