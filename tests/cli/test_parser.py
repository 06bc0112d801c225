"""A command line is flags or one message that names the cure."""

from __future__ import annotations

import pytest

from loki.cli.commands import COMMANDS
from loki.cli.parser import UsageError, flags_of, parse, parser, width


@pytest.mark.parametrize(
    ("prog", "argv", "message"),
    [
        ("loki-pipe", ["--promt=x"], "unknown flag --promt: did you mean --prompt?"),
        ("loki-pipe", ["--check"], "unknown flag --check: it is a flag of "),
        ("loki-pipe", ["-Z"], "unknown flag -Z (see loki-pipe --help)"),
        ("loki-pipe", ["--dry-run", "curl"], "--dry-run curl: say --dry-run=curl"),
        ("loki", ["--live"], "--live goes with --list-models"),
        ("loki-cost", ["--", "x"], "'x': loki-cost takes flags only"),
    ],
)
def test_a_wrong_flag_is_one_message_that_names_the_help(
    prog: str, argv: list[str], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parse(prog, argv)
    text = str(caught.value)
    assert text.startswith(message) and text.endswith(f"(see {prog} --help)")


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["Hi", "--seed", "1", "there"], ["Hi", "there"]),
        (["--", "--dry-run", "curl"], ["--dry-run", "curl"]),
        (["Hi", "--", "--", "-x"], ["Hi", "--", "-x"]),
        (["--dry-run", "Hi"], ["Hi"]),
        (["--cache", "Hi"], ["Hi"]),
    ],
)
def test_what_is_no_flag_is_text_in_its_order(argv: list[str], text: list[str]) -> None:
    assert parse("loki-pipe", argv).text == text


def test_a_flag_without_its_value_has_the_usual_one() -> None:
    flags = parse("loki-pipe", ["--dry-run", "--cache", "Hi"])
    assert (flags.dry_run, flags.cache) == ("json", parse("loki-pipe", ["--cache=any"]).cache)
    assert parse("loki-pipe", ["--dry-run=curl"]).dry_run == "curl"


def test_a_negative_number_is_the_value_of_the_flag_before_it() -> None:
    flags = parse("loki-search", ["notes", "--min-score", "-.5", "query"])
    assert (flags.min_score, flags.text) == (-0.5, ["notes", "query"])


def test_a_template_is_told_which_flags_were_given() -> None:
    flags = parse("loki-batch", ["in", "--template-file", "t", "--seed", "1"])
    assert flags.given - {"text"} == {"template_file", "seed"}


@pytest.mark.parametrize("prog", COMMANDS)
def test_no_flag_may_be_shortened_and_every_one_is_in_the_help(prog: str) -> None:
    shown = parser(prog).format_help()
    assert [flag for flag in flags_of(prog) if flag not in shown] == []
    with pytest.raises(UsageError, match="unknown flag --versio"):
        parse(prog, ["--versio"])


@pytest.mark.parametrize(("columns", "expected"), [("100", 98), ("40", 38)])
def test_the_help_is_as_wide_as_the_terminal(
    columns: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert width() == expected
