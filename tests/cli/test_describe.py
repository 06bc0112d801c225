"""What people and programs read of problems and answers."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from support import request

from loki.cli.describe import (
    event_json,
    format_summary,
    full_problem_json,
    one_line,
    problem_json,
    provider_facts,
    reply_json,
)
from loki.messages import Text
from loki.problems import Problem
from loki.redaction.redactor import Redactor
from loki.replies import Done, Reply
from loki.usage import Usage

SECRET = "s3cr3t-k3y"
REPLY = Reply(
    "a:b", "Hi", "", (), "stop", "stop", Usage(input=1200, output=5), request({"type": "openai"})
)


@pytest.mark.parametrize(
    ("text", "line"),
    [("a\r\n\tb", "a b"), ("\x1b]0;title\x07a", "a"), ("a\x00\x08b", "ab"), ("é 日本", "é 日本")],
)
def test_a_text_is_shown_on_one_line_without_controls(text: str, line: str) -> None:
    assert one_line(text) == line


@pytest.mark.parametrize(
    ("message", "facts", "shown"),
    [
        ("No.", {"code": "bad_key"}, " (bad_key)"),
        ("No: bad_key", {"status": 401, "code": "bad_key"}, " (401)"),
        ("No.", {"cost": Decimal("0.5")}, " (cost $0.50)"),
        ("No; it cost $0.50", {"cost": Decimal("0.5")}, ""),
        ("No.", {"cost": Decimal(0)}, ""),
    ],
)
def test_facts_that_the_message_has_are_not_repeated(
    message: str, facts: dict[str, Any], shown: str
) -> None:
    assert provider_facts(Problem("auth", message, **facts)) == shown


@pytest.mark.parametrize(
    ("changes", "summary"),
    [
        ({"cost": Decimal("0.0120")}, "a:b · 1,200 tokens in, 5 out · $0.012"),
        ({"cost": Decimal(0), "seconds": 1.25}, "a:b · 1,200 tokens in, 5 out · $0 · 1.2 s"),
        ({"usage": Usage()}, "a:b · ? tokens in, ? out · cost unknown"),
        (
            {"usage": Usage(input=3000, cache_read=2000, output=5, reasoning=4)},
            "a:b · 3,000 tokens in (2,000 cached), 5 out (4 reasoning) · cost unknown",
        ),
    ],
)
def test_a_summary_has_what_is_known(changes: dict[str, Any], summary: str) -> None:
    reply = replace(REPLY, **changes)
    assert format_summary(reply) == summary
    assert format_summary(reply, "today $1.00") == f"{summary} · today $1.00"


def test_programs_get_a_problem_without_its_secrets() -> None:
    message, cost = f"wrong key {SECRET}", Decimal("0.5")
    problem = Problem("auth", message, usage=Usage(input=1), cost=cost)
    redactor = Redactor(SECRET)
    assert problem_json(problem, redactor)["message"] == "wrong key ***"
    full = full_problem_json(problem, redactor)
    assert (full["message"], full["cost"]) == ("wrong key ***", 0.5)
    assert "cost" not in problem_json(problem, redactor)


def test_what_a_provider_names_is_redacted_and_the_words_of_an_answer_are_not() -> None:
    reply, redactor = replace(REPLY, text=SECRET, request_id=SECRET), Redactor(SECRET)
    shown = reply_json(reply, redactor, data=[1])
    assert (shown["text"], shown["request_id"], shown["data"]) == (SECRET, "***", [1])
    assert event_json(Done(reply), redactor)["request_id"] == "***"
    assert event_json(Text(SECRET), redactor)["text"] == SECRET
