"""What people are told of jobs: states, ages, and when what dies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loki.batch.api.job import Job
from loki.batch.api.protocol import JobStatus, Submission
from loki.cli.batch.api_report import format_duration, job_line

JOB = Job(Submission("abcdefgh", 1000, intent=0.0), 0.0, "mistral", "mistral:m", "h", "chat")
RUNNING = JobStatus("b", "running", False, 1000, 20, 1, expires=90_000.0)
DONE = JobStatus("b", "success", True, 1000, 999, 1)

LINES = [
    (JOB, "job abcdefgh · mistral:m · unknown · 0/1,000 rows · age 60 min"),
    (replace(JOB, id="b"), "job abcdefgh · mistral:m · created · 0/1,000 rows · age 60 min"),
    (
        replace(JOB, id="b", standing=RUNNING),
        "job abcdefgh · mistral:m · running · 21/1,000 rows · age 60 min"
        " · ends in 24.0 h at the latest",
    ),
    (
        replace(JOB, id="b", standing=DONE, ended=0.0),
        "job abcdefgh · mistral:m · success · 1,000/1,000 rows · age 60 min"
        " · results are kept for 23.0 h: collect them soon",
    ),
]


@pytest.mark.parametrize(("job", "line"), LINES)
def test_a_job_is_told_in_a_line(job: Job, line: str) -> None:
    assert job_line(job, 3600.0) == line


def test_a_clock_that_was_set_back_harms_nothing() -> None:
    assert format_duration(-5) == "0 s"
