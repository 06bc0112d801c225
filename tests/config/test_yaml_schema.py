"""The words of a grammar: what each takes, what it makes of it, and what it complains about."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.config import yaml_schema as schema
from loki.config.yaml_reader import position_at, read_yaml
from loki.config.yaml_schema import Complaint, Rule, typed


def read(rule: Rule, words: str) -> tuple[Any, tuple[Complaint, ...]]:
    """Return what a rule makes of the value of a key."""
    plain, complaints = read_yaml(f"k: {words}\n", schema.mapping({"k": rule}))
    return plain.get("k"), complaints


TAKEN: list[tuple[Rule, str, Any]] = [
    (schema.text, "007", "007"),
    (schema.text, "'null'", "null"),
    (schema.text_list, "a  b", ["a", "b"]),
    (schema.text_list, "[a, b c]", ["a", "b c"]),
    (schema.number(), "1e3", 1000.0),
    (schema.number(), ".5", 0.5),
    (schema.number(0, 2), "2", 2.0),
    (schema.whole_number, "1_000", 1000),
    (schema.whole_number, "0", 0),
    (schema.price, "0.10", "0.10"),
    (schema.flag, "On", True),
    (schema.flag, "no", False),
    (schema.one_of("a", "b"), "b", "b"),
    (schema.sequence(schema.whole_number), "[1, 2]", [1, 2]),
    (schema.headers, "{A: 1, B: null}", {"A": "1", "B": None}),
    (schema.json_object, "{a: 1, b: '1', c: [yes, true]}", {"a": 1, "b": "1", "c": ["yes", True]}),
    (schema.by_pattern(schema.whole_number), "{b.*: 1, a: 2}", [["b.*", 1], ["a", 2]]),
]


@pytest.mark.parametrize(("rule", "words", "value"), TAKEN)
def test_a_rule_takes_what_it_should(rule: Rule, words: str, value: Any) -> None:
    assert read(rule, words) == (value, ())


REFUSED: list[tuple[Rule, str, str]] = [
    (schema.text, "[a]", "expected text, found a list"),
    (schema.text, "{a: b}", "expected text, found keys and values"),
    (schema.number(), "-1", "expected a number of 0 or more, found '-1'"),
    (schema.number(0, 2), "2.1", "expected a number from 0 to 2, found '2.1'"),
    (schema.number(), "nan", "expected a number of 0 or more, found 'nan'"),
    (schema.whole_number, "1.0", "expected a whole number, found '1.0'"),
    (schema.whole_number, "-1", "expected a whole number, found '-1'"),
    (schema.whole_number, "9" * 19, "expected a whole number, found '9999999999999999999'"),
    (schema.price, "-0.1", "expected a price in US dollars, found '-0.1'"),
    (schema.price, "inf", "expected a price in US dollars, found 'inf'"),
    (schema.flag, "maybe", "expected true or false, found 'maybe'"),
    (schema.one_of("a", "b"), "c", "expected one of a, b; found 'c'"),
    (
        schema.one_of("a-long-name-1"),
        "a-long-nmae-1",
        "expected one of a-long-name-1; found 'a-long-nmae-1'",
    ),
    (schema.one_of("a"), "sk-0123456789", "expected one of a; found '***'"),
    (schema.sequence(schema.text), "a", "expected a list, found 'a'"),
    (schema.by_pattern(schema.text), "a", "expected patterns, found 'a'"),
    (schema.headers, "a", "expected headers, found 'a'"),
    (schema.json_object, "a", "expected keys and values, found 'a'"),
    (schema.json_object, "{a: 1e999}", "'1e999' is no number that JSON knows; quote it"),
]


@pytest.mark.parametrize(("rule", "words", "message"), REFUSED)
def test_a_rule_says_what_it_expected_and_what_it_found(
    rule: Rule, words: str, message: str
) -> None:
    assert [each.message for each in read(rule, words)[1]] == [message]


@pytest.mark.parametrize("words", ["null", "~", "", "Null"])
def test_a_null_leaves_a_key_out(words: str) -> None:
    assert read_yaml(f"k: {words}\n", schema.mapping({"k": schema.whole_number})) == ({}, ())


def test_a_key_that_is_required_is_missed_where_it_is_null_too() -> None:
    rule = schema.mapping({"k": schema.text}, required=("k",))
    for text in ("k: null\n", "j: 1\n"):
        assert "'k' is missing" in [each.message for each in read_yaml(text, rule)[1]]


def test_an_ignored_key_is_left_alone_whatever_it_holds() -> None:
    rule = schema.mapping({"k": schema.text}, ignored=frozenset(["old"]))
    assert read_yaml("old: {a: [b]}\nk: v\n", rule) == ({"k": "v"}, ())


def test_a_list_item_is_told_by_its_own_place() -> None:
    rule = schema.mapping({"k": schema.sequence(schema.whole_number)})
    (complaint,) = read_yaml("k:\n  - 1\n  - x\n", rule)[1]
    assert complaint.position == (3, 5)


BROKEN: list[tuple[str, tuple[int, int], str]] = [
    ("k: 'a\n", (1, 4), "it never ends"),
    ("k: a\nk: b\n", (2, 1), "duplicate key"),
    ("k: &a b\n", (1, 4), "anchor"),
    ("k: !tag b\n", (1, 4), "tag"),
    ("k:\n\t- a\n", (2, 1), "a tab cannot indent; use spaces"),
    ("k: {{NAME}}\n", (1, 4), "a {{NAME}} must be quoted: '{{NAME}}'"),
    ("k: \x07\n", (1, 4), "a character that YAML does not allow: U+0007"),
]


@pytest.mark.parametrize(("text", "spot", "message"), BROKEN)
def test_what_is_no_strict_yaml_is_the_only_complaint(
    text: str, spot: tuple[int, int], message: str
) -> None:
    plain, complaints = read_yaml(text, schema.mapping({"k": schema.text}))
    assert plain == {} and len(complaints) == 1
    assert message in complaints[0].message and complaints[0].position == spot, complaints


@given(st.lists(st.text(alphabet="abé", max_size=4), min_size=1, max_size=4), st.data())
def test_a_spot_is_the_line_and_the_column_of_a_character(lines: list[str], data: Any) -> None:
    end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    row = data.draw(st.integers(0, len(lines) - 1))
    column = data.draw(st.integers(0, len(lines[row])))
    index = sum(len(line) + len(end) for line in lines[:row]) + column
    assert position_at(end.join(lines), index) == (row + 1, column + 1)


@given(st.integers(-(10**30), 10**30))
def test_a_plain_integer_is_that_integer(number: int) -> None:
    assert typed(str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_plain_float_is_that_float(number: float) -> None:
    assert typed(repr(number)) == number
