"""A template with names in braces, filled in from the fields of a row."""

from __future__ import annotations

import pytest

from loki.batch.template import fill_template, lone_brace, template_names
from loki.json_text import JsonObject


@pytest.mark.parametrize(
    ("template", "fields", "prompt"),
    [
        ("{a}", {"a": "{b}", "b": "x"}, "{b}"),
        ("{a}{a}", {"a": "x"}, "xx"),
        ("{{a}} {{{a}}}", {"a": "x"}, "{a} {x}"),
        ("{a b.c}", {"a b.c": "x"}, "x"),
        ("{a} {b} {c}", {"a": 1, "b": True, "c": 0}, "1 true 0"),
        ("{a}", {"a": {"k": ["é", None]}}, '{"k": ["é", null]}'),
        ("{a}", {"a": ""}, ""),
        ("{a}", {"a": "\\1 \\g<0>"}, "\\1 \\g<0>"),
        ("No names.", {"a": "x"}, "No names."),
    ],
)
def test_fields_stand_where_the_template_names_them(
    template: str, fields: JsonObject, prompt: str
) -> None:
    assert fill_template(template, fields).unwrap() == prompt


@pytest.mark.parametrize(
    ("fields", "hint"),
    [({}, ""), ({"lang": "x"}, "; known: lang"), ({"texts": "x"}, "; did you mean 'texts'?")],
)
def test_a_field_that_the_row_has_not_is_named(fields: JsonObject, hint: str) -> None:
    problem = fill_template("Sum up: {text}", fields).failure()
    expected = f"the template names 'text', which this row has not{hint}"
    assert (problem.kind, problem.message) == ("input", expected)


def test_a_field_that_is_null_is_said_to_be_so() -> None:
    problem = fill_template("Sum up: {text}", {"text": None, "texts": "x"}).failure()
    assert problem.message == "the template names 'text', which is null in this row"


def test_null_is_no_value_for_a_template() -> None:
    problem = fill_template("{a}", {"a": None}).failure()
    assert problem.message.startswith("the template names 'a'")


@pytest.mark.parametrize(
    ("template", "names", "rest"),
    [
        ("{a} {b} {a}", ["a", "b", "a"], ""),
        ("{{a}}", [], ""),
        ("{{{a}}}", ["a"], ""),
        ("{} {a}", ["a"], "{} {a}"),
        ("{a {b} c}", ["b"], "{a {b} c}"),
        ("x } {a}", ["a"], "} {a}"),
        ("{{a}", [], "}"),
    ],
)
def test_a_brace_without_a_partner_is_found(template: str, names: list[str], rest: str) -> None:
    assert (template_names(template), lone_brace(template)) == (names, rest)
