"""The lane of a row: which rows wait for each other."""

from __future__ import annotations

from typing import Any

import pytest
from support import config

from loki.batch.lanes import lane_finder
from loki.batch.rows import InvalidRow, ReadyRow
from loki.problems import Problem
from loki.records import Ask, Task

CLIENT: dict[str, Any] = {
    "type": "openai-compatible",
    "name": "local",
    "api_base": "https://a.example",
    "models": [
        {"name": "m", "real_name": "m-1"},
        {"name": "n"},
        {"name": "e", "type": "embedding"},
    ],
}


def row(model: str | None) -> ReadyRow:
    """Return a row that asks a model."""
    return ReadyRow(1, "a", "k", Ask("Hi", model=model))


@pytest.mark.parametrize(
    ("task", "model", "lane"),
    [
        ("chat", "local:n", "local:n"),
        ("chat", "local", "local:m"),
        ("chat", None, "local:m"),
        ("embedding", "local", "local:e"),
        ("chat", "nobody:m", "nobody:m"),
    ],
)
def test_a_row_is_in_the_lane_of_the_model_that_it_asks(
    task: Task, model: str | None, lane: str
) -> None:
    assert lane_finder(config(CLIENT), task)(row(model)) == lane


def test_the_configured_model_is_asked_by_rows_that_name_none() -> None:
    assert lane_finder(config(CLIENT, model="local:n"), "chat")(row(None)) == "local:n"


def test_an_invalid_row_is_in_no_lane() -> None:
    assert lane_finder(config(CLIENT), "chat")(InvalidRow(1, "a", Problem("input", "No."))) == ""


def test_rows_that_name_one_model_in_two_ways_share_a_lane() -> None:
    lane = lane_finder(config(CLIENT), "chat")
    assert lane(row(None)) == lane(row("local")) == lane(row("local:m")) != lane(row("local:n"))
