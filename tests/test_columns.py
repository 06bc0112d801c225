"""Columns: aligned, and fewer of them where a terminal is narrow."""

from __future__ import annotations

import pytest

from loki.columns import align_columns, fit_columns

LINES = [["NAME", "N", "COST", "NOTE"], ["a", "20", "$1", "x" * 20], ["bb", "3", "$20", ""]]
RIGHT, SPARE = [1, 2], [3, 1]


def test_no_lines_are_no_lines() -> None:
    assert align_columns([], RIGHT) == fit_columns([], RIGHT, SPARE, 80) == []


@pytest.mark.parametrize(
    ("width", "head", "row"),
    [
        (None, "NAME   N  COST  NOTE", f"a     20    $1  {'x' * 20}"),
        (36, "NAME   N  COST  NOTE", f"a     20    $1  {'x' * 20}"),
        (35, "NAME   N  COST", "a     20    $1"),
        (14, "NAME   N  COST", "a     20    $1"),
        (13, "NAME  COST", "a       $1"),
        (3, "NAME  COST", "a       $1"),
    ],
)
def test_columns_are_left_out_until_the_lines_fit(width: int | None, head: str, row: str) -> None:
    assert fit_columns(LINES, RIGHT, SPARE, width)[:2] == [head, row]
