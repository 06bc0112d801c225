"""The table of models: which are selected, and what people and programs read of each."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from commands import Home
from terminals import talk

from loki.abilities import Abilities
from loki.cli.admin.model_table import is_selected, model_row, to_json_value
from loki.price import Price
from loki.records import Client, Model


@pytest.mark.parametrize(
    ("prefix", "patterns", "is_wanted"),
    [
        ("", [], True),
        ("claude", ["Haiku"], True),
        ("claude:claude-h", ["*-4-5"], True),
        ("openai", [], False),
        ("", ["haiku", "opus"], False),
        ("", ["claude:*-4"], False),
        ("", ["[h]aiku"], False),
    ],
)
def test_a_model_is_wanted_by_its_beginning_and_every_pattern(
    prefix: str, patterns: list[str], is_wanted: bool
) -> None:
    assert is_selected("claude:claude-haiku-4-5", prefix, patterns) == is_wanted


def test_a_row_says_what_is_unknown_and_what_a_model_can() -> None:
    client = Client("c", "openai", {})
    price = Price(Decimal("2.50"), variants={">1000": {"input": 5}})
    model = Model("m", "m", price=price, max_input_tokens=1000)
    model = replace(model, abilities=Abilities(vision=True))
    row = model_row((client, model))
    assert row == ("c:m", "chat", "1,000", "?", "$2.5", "?", "?", "vision, more when long")


def test_prices_are_numbers_for_programs() -> None:
    assert to_json_value({"a": Decimal("0.5"), "b": None}) == {"a": 0.5, "b": None}


def test_the_table_fits_a_terminal_of_80_columns(home: Home) -> None:
    home.configure("clients: [{type: bedrock, region: us-east-1}]\n")
    head, *lines = talk(home, ["loki", "--list-models", "haiku"]).splitlines()
    assert head.split() == ["MODEL", "$/M", "IN", "$/M", "OUT"]
    assert len(lines) > 5 and max(map(len, lines)) <= 80


def test_a_pipe_gets_every_column(home: Home) -> None:
    home.configure("clients: [{type: bedrock, region: us-east-1}]\n")
    done = home.run("--list-models", "haiku", prog="loki")
    assert "vision, tools" in done.out and max(map(len, done.out.splitlines())) > 80
