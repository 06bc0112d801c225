"""Which flags are about batch jobs, and which go together."""

from __future__ import annotations

from pathlib import Path

import pytest

from loki.cli.batch.job_flags import check_job_flags, job_flag
from loki.cli.parser import UsageError, parse

#: Words beside -o OUT, and what is wrong with them; empty if nothing is.
WORDS: list[tuple[list[str], str]] = [
    (["--batch-api", "in"], ""),
    (["--batch-api"], ""),
    (["--batch-api", "--wait"], ""),
    (["--batch-api", "--wait=6h"], ""),
    (["--batch-api", "--status=json"], ""),
    (["--wait"], "--wait needs --batch-api"),
    (["--remote-delete", "in"], "--remote-delete needs --batch-api"),
    (["--batch-api", "in", "more"], "one input at most"),
    (["--batch-api", "--check"], "--check needs IN"),
    (["--batch-api", "--again"], "--again needs IN"),
    (["--batch-api", "--tpm", "9", "in"], "--tpm and --batch-api: the provider sets the pace"),
    (["--batch-api", "--scheduler", "a", "in"], "--scheduler and --batch-api"),
    (["--batch-api", "--max-time", "9", "in"], "use --wait=TIME"),
    (["--batch-api", "--cache", "in"], "--cache and --batch-api: the rows are answered by"),
    (["--batch-api", "--lines", "--csv", "in"], "--lines and --csv"),
]


@pytest.mark.parametrize(("words", "message"), WORDS)
def test_flags_go_together_or_say_why_not(tmp_path: Path, words: list[str], message: str) -> None:
    flags = parse("loki-batch", [*words, "-o", str(tmp_path / "out.jsonl")])
    result = check_job_flags(flags)
    assert message in (result.failure().message if message else "")
    assert (result.value_or(message) is None) == (not message)


@pytest.mark.parametrize("output", ["-", "/dev/null", ""])
def test_the_output_is_a_file(output: str) -> None:
    flags = parse("loki-batch", ["--batch-api", "in", *(["-o", output] if output else [])])
    assert "needs -o OUT" in check_job_flags(flags).failure().message


def test_a_table_needs_its_columns() -> None:
    flags = parse("loki-batch", ["--batch-api", "-o", "out.csv"])
    assert "columns of IN" in check_job_flags(flags).failure().message


def test_flags_of_jobs_are_told_from_others() -> None:
    assert job_flag(parse("loki-batch", ["in", "--keep"])) == ""
    assert job_flag(parse("loki-batch", ["in", "--window", "7d"])) == "window"
    with pytest.raises(UsageError, match="90, 30m, 6h or 2d"):
        parse("loki-batch", ["--batch-api", "--wait=soon"])


@pytest.mark.parametrize(
    "words", [["--run-tools"], ["--max-steps", "3"], ["--search"], ["-C", "c"]]
)
def test_flags_of_a_pipe_without_effect_on_rows_are_unknown(words: list[str]) -> None:
    with pytest.raises(UsageError, match=words[0]):
        parse("loki-batch", ["in", *words])
