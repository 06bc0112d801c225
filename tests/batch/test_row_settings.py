"""The settings of a row are held as the flags of their names are."""

from __future__ import annotations

import json

import pytest
from returns.result import Success

from loki.batch.row_settings import read_settings
from loki.json_text import Json

GOOD: list[tuple[str, Json]] = [
    ("temperature", 0),
    ("temperature", 2),
    ("top_p", 0.5),
    ("max_tokens", 1),
    ("seed", -1),
    ("reasoning", "low"),
    ("reasoning", 2048),
    ("tool_choice", "none"),
]
BAD: list[tuple[str, Json, str]] = [
    ("model", 5, "a text"),
    ("model", " ", "a text"),
    ("temperature", "x", "a number from 0 to 2"),
    ("temperature", True, "a number from 0 to 2"),
    ("temperature", 2.1, "a number from 0 to 2"),
    ("top_p", -0.1, "a number from 0 to 1"),
    ("max_tokens", -1, "a whole number, 0 or more"),
    ("max_tokens", 1.5, "a whole number, 0 or more"),
    ("max_tokens", 10**30, "a whole number, 0 or more"),
    ("stop", "x", "a list of texts"),
    ("stop", [1], "a list of texts"),
    ("stop", [""], "a list of texts"),
    ("seed", 10**30, "a whole number of 64 bits"),
    ("reasoning", "much", "none, minimal, low, medium, high, xhigh, max or a number of tokens"),
    ("reasoning", 0, "none, minimal, low, medium, high, xhigh, max or a number of tokens"),
    ("tool_choice", {}, "a text"),
]


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_what_a_flag_takes_a_row_may_say(name: str, value: Json) -> None:
    assert read_settings({name: value, "prompt": "Hi"}).unwrap() == {name: value}


@pytest.mark.parametrize(("name", "value", "expected"), BAD)
def test_what_a_flag_refuses_is_refused_of_a_row(name: str, value: Json, expected: str) -> None:
    problem = read_settings({name: value}).failure()
    shown = json.dumps(value)
    assert (problem.kind, problem.message) == ("input", f"{name}: {shown} is not {expected}")


def test_null_is_no_setting_and_stops_are_a_tuple() -> None:
    assert read_settings({"seed": None, "stop": ["a", "b"]}) == Success({"stop": ("a", "b")})
