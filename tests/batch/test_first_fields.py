"""Fields of the first rows: what a table to come has columns for."""

from __future__ import annotations

from returns.result import Failure, Success

from loki.batch.first_fields import first_fields
from loki.problems import Problem


def test_fields_come_once_in_their_order_whatever_else_is_among_the_lines() -> None:
    lines = ['{"b": 1, "id": 2}', "{", "[1]", "[" * 100_000, '{"a": 1, "b": 2}']
    broken = Failure(Problem("input", "not UTF-8"))
    assert first_fields("json", [broken, *map(Success, lines)]) == ("b", "a")
    assert first_fields("json", []) == ()


def test_a_line_that_is_a_prompt_has_one_field() -> None:
    assert first_fields("lines", [Success('{"a": 1}')]) == ("prompt",)
