"""What is no strict YAML is one complaint at its place, in plain words."""

from __future__ import annotations

from typing import Any

import pytest

from loki.config.yaml_reader import find_deep_bracket, position_at, read_yaml
from loki.config.yaml_schema import Position, Report
from loki.json_text import DEEPEST


def anything(node: Any, position: Position, report: Report) -> Any:
    """Take any node as it is."""
    return node


WRONG = [
    ("a: b\n\tc: d\n", (2, 1), "a tab cannot indent; use spaces"),
    ("a: *b\n", (1, 4), "a value that begins with * must be quoted"),
    ("a: 1\n---\nb: 2\n", (2, 1), "another document begins here, or the indentation does not fit"),
    ("a: {{KEY}}\n", (1, 4), "a {{NAME}} must be quoted: '{{NAME}}'"),
    ("b: 1\n<<: {a: 2}\n", (2, 1), "unknown key '<<'; there are no merge keys"),
    ("b: 1\r\na: \x07\r\n", (2, 4), "a character that YAML does not allow: U+0007"),
    ("# first\na: " + "[" * (DEEPEST + 1), (2, DEEPEST + 4), "too deeply nested"),
]


@pytest.mark.parametrize(("text", "position", "message"), WRONG, ids=[w[2][:30] for w in WRONG])
def test_a_text_that_is_no_strict_yaml_is_one_plain_complaint(
    text: str, position: Position, message: str
) -> None:
    assert read_yaml(text, anything) == ({}, ((position, message),))


@pytest.mark.parametrize("text", ["a: '{{KEY}}'\n", 'a: "{{KEY}}"  # {{x}}\n', "a: b  # {{x}}\n"])
def test_a_reference_in_quotes_or_a_comment_is_no_fault(text: str) -> None:
    value, complaints = read_yaml(text, anything)
    assert list(value) == ["a"] and complaints == ()


def test_a_rule_is_given_where_the_document_starts_and_its_complaints_are_sorted() -> None:
    def complaining(node: Any, position: Position, report: Report) -> Any:
        report((9, 1), "last")
        report(position, "first")
        return 1

    assert read_yaml("# why\n\n  a: b\n", complaining) == (1, (((3, 3), "first"), ((9, 1), "last")))


def test_a_rule_that_goes_too_deep_is_a_complaint() -> None:
    def deep(node: Any, position: Position, report: Report) -> Any:
        return deep(node, position, report)

    assert read_yaml("\na: b\n", deep) == ({}, (((2, 1), "too deeply nested"),))


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("[" * DEEPEST, None),
        ("[" * DEEPEST + "{", DEEPEST),
        ("]" * 9 + "[" * DEEPEST + "[", DEEPEST + 9),
        ("[{}" * (DEEPEST - 1), None),
    ],
)
def test_brackets_are_counted_while_they_are_open(text: str, index: int | None) -> None:
    assert find_deep_bracket(text) == index


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_end_of_a_line_is_one(end: str) -> None:
    text = f"ab{end}{end}cd"
    assert position_at(text, text.index("d")) == (3, 2)
