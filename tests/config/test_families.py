"""What a model can do, by the catalogue, its family and the configuration, each over the last."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loki.abilities import ReasoningSupport
from loki.config.catalogue import parse_section
from loki.config.catalogue_update import find_family_faults
from loki.config.families import abilities_of, family_rows_of, find_family_row
from loki.config.setting_names import EFFORTS
from loki.edge.files import read_catalogue, read_families
from loki.providers import KNOWN, TYPES
from loki.wire.anthropic.reasoning import REASONING as CLAUDE
from loki.wire.bedrock.reasoning import REASONING as BEDROCK
from loki.wire.google.reasoning import REASONING as GOOGLE
from loki.wire.openai.reasoning import REASONING as OPENAI

FAMILIES: dict[str, Any] = json.loads(read_families())["families"]
ROW: dict[str, Any] = {
    "clients": ["x"],
    "models": ["m"],
    "sampling": False,
    "reasoning": {"by": "level"},
}
GUESS: dict[str, Any] = {**ROW, "models": [""], "guess": True, "vision": True}


def test_every_row_is_one_that_an_update_may_bring() -> None:
    assert list(find_family_faults(FAMILIES)) == []


@pytest.mark.parametrize("name", FAMILIES)
def test_every_row_names_what_there_is(name: str) -> None:
    row = FAMILIES[name]
    reasoning = ReasoningSupport(**row.get("reasoning", {}))
    assert {*row["clients"]} <= {*TYPES, *KNOWN}
    assert reasoning.by in {"", "none", *CLAUDE, *BEDROCK, *GOOGLE, *OPENAI}
    assert list(reasoning.efforts) == sorted(reasoning.efforts, key=EFFORTS.index)
    assert not reasoning.budgets or {*reasoning.budgets} == {*reasoning.efforts}


@pytest.mark.parametrize(
    ("name", "guess", "expected"),
    [("a-m", False, ROW), ("a", False, {}), ("a", True, GUESS)],
)
def test_the_first_row_that_fits_is_the_family(name: str, guess: bool, expected: Any) -> None:
    assert find_family_row([ROW, GUESS], name, guess) == expected


def test_a_row_is_for_its_clients_or_for_all() -> None:
    rows = {"a": ROW, "b": {"clients": [], "models": ["m"]}}
    assert family_rows_of(rows, "x") == (*rows.values(),)
    assert family_rows_of(rows, "") == (rows["b"],)


#: Rows of families, the entry of the catalogue, the configuration -> abilities.
ORDER: list[tuple[list[Any], dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ([], {}, {}, {"vision": None, "tools": None, "sampling": None}),
    ([], {"supports_vision": True}, {}, {"vision": True, "tools": False, "sampling": None}),
    ([], {}, {"name": "m"}, {"vision": False, "tools": False}),
    ([], {}, {"supports_function_calling": True}, {"vision": False, "tools": True}),
    ([], {"supports_sampling_params": False}, {}, {"sampling": False}),
    ([GUESS], {}, {}, {"vision": True, "sampling": False}),
    ([GUESS], {}, {"name": "m"}, {"vision": True, "tools": False}),
    ([GUESS], {"supports_sampling_params": True}, {}, {"sampling": True, "vision": False}),
    ([ROW], {"supports_sampling_params": True}, {}, {"sampling": False}),
    ([ROW, GUESS], {}, {}, {"sampling": False, "vision": None}),
    ([ROW], {}, {"supports_sampling_params": True}, {"sampling": True}),
]


@pytest.mark.parametrize(("rows", "entry", "settings", "expected"), ORDER)
def test_each_speaks_over_the_one_before(
    rows: list[Any], entry: Any, settings: Any, expected: Any
) -> None:
    able = abilities_of(rows, "m", entry, settings)
    assert {name: getattr(able, name) for name in expected} == expected


LEVELS = {"reasoning_levels": ["none", "high", "max"]}
THINKING: list[tuple[list[Any], dict[str, Any], dict[str, Any], ReasoningSupport]] = [
    ([], {}, {}, ReasoningSupport()),
    ([], LEVELS, {}, ReasoningSupport(efforts=("high", "max"))),
    ([], {}, {"reasoning_levels": ["high"]}, ReasoningSupport(efforts=("high",), off=None)),
    ([GUESS], LEVELS, {}, ReasoningSupport(by="level", efforts=("high", "max"))),
    ([ROW], LEVELS, {}, ReasoningSupport(by="level")),
    ([ROW], {}, LEVELS, ReasoningSupport(by="level", efforts=("high", "max"))),
    ([ROW], {}, {"supports_reasoning": False}, ReasoningSupport(by="none")),
]


@pytest.mark.parametrize(("rows", "entry", "settings", "expected"), THINKING)
def test_how_a_model_reasons_is_told_in_the_same_order(
    rows: list[Any], entry: Any, settings: Any, expected: ReasoningSupport
) -> None:
    assert abilities_of(rows, "m", entry, settings).reasoning == expected


@pytest.mark.parametrize("client", ["claude", "vertexai", "bedrock"])
def test_families_say_nothing_that_the_catalogue_denies(client: str) -> None:
    rows = family_rows_of(FAMILIES, client)
    result = {
        name: entry
        for name, entry in parse_section(read_catalogue(), client).items()
        if "claude" in name
    }
    for name, entry in result.items():
        able = abilities_of(rows, name, entry)
        assert able.sampling is False or entry.get("supports_sampling_params") is None, name
        is_adaptive = "supports_adaptive_thinking" in entry
        assert able.reasoning.by == "adaptive" or not is_adaptive, name
        for effort in entry.get("reasoning_levels", ()):
            assert effort in ("none", *able.reasoning.efforts), name
    assert len(result) > 20
