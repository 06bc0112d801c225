"""--embed: flags that are about answers are refused, rather than left out silently."""

from __future__ import annotations

import pytest

from loki.cli.batch.embed_flags import OF_ANSWERS, check_embed_flags
from loki.cli.batch.job_flags import check_job_flags
from loki.cli.parser import parse

VALUES = {"--schema": "{}", "--tools": "[]", "--reasoning": "high", "--tool-choice": "auto"}


@pytest.mark.parametrize("flag", OF_ANSWERS.values())
def test_a_flag_of_answers_is_refused_beside_embed_alone(flag: str) -> None:
    words = [flag, VALUES.get(flag, "0")]
    flags = parse("loki-batch", ["--embed", *words])
    problem = check_embed_flags(flags).failure()
    assert problem.kind == "usage" and problem.message.startswith(f"{flag} and --embed: ")
    assert check_embed_flags(parse("loki-batch", words)).unwrap() is None


def test_what_an_embedding_can_have_is_left_alone_and_jobs_are_held_alike() -> None:
    flags = parse("loki-batch", ["--embed", "--param", "a=1", "--retries", "0", "--max-cost", "1"])
    assert check_embed_flags(flags).unwrap() is None
    jobs = parse("loki-batch", ["--embed", "--batch-api", "in", "-o", "out", "-t", "0"])
    assert check_job_flags(jobs).failure().message.startswith("-t and --embed")
