"""JSON texts: what is no JSON is refused, and what is written is on one line."""

from __future__ import annotations

from typing import Any

import pytest

from loki.json_text import (
    DEEPEST,
    compact,
    compact_strict,
    parse_strict,
    refuse_depth,
    replace_surrogates,
)


def nested(depth: int) -> str:
    """Return a JSON text of some levels, lists and objects in turn."""
    value = "1"
    for level in range(depth):
        value = f"[{value}]" if level % 2 else f'{{"a": {value}}}'
    return value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"a": -Infinity}]', "-Infinity is no number of JSON's"),
        ("[1e999]", "1e999 is too large a number"),
        (f"{'9' * 400}.5", f"{'9' * 20} is too large a number"),
        (f"[{'9' * 5000}]", "a number with over 4300 digits"),
        ("{'a': 1}", "Expecting property name"),
        ("1 2", "Extra data"),
    ],
)
def test_what_is_no_json_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_strict(text)
    assert str(caught.value).startswith(message)


def test_a_text_may_be_nested_as_deep_as_the_limit_and_no_deeper() -> None:
    refuse_depth(parse_strict(nested(DEEPEST)))
    with pytest.raises(RecursionError, match=f"nested deeper than {DEEPEST}"):
        parse_strict(nested(DEEPEST + 1))


def test_brackets_within_strings_and_side_by_side_are_not_depth() -> None:
    text = f'["{"[" * 300}", {", ".join(["{}"] * 300)}]'
    assert len(parse_strict(text)) == 301


@pytest.mark.parametrize(
    ("value", "sendable"),
    [("\ud83d", "\ufffd"), ({"\udc00": 1}, {"\ufffd": 1}), (["\ud83d\ude00"], ["\U0001f600"])],
)
def test_half_a_surrogate_pair_is_replaced(value: Any, sendable: Any) -> None:
    assert replace_surrogates(value) == sendable


def test_a_request_has_no_number_that_json_does_not_know() -> None:
    assert compact_strict({"a": ["é", 1]}) == compact({"a": ["é", 1]}) == '{"a":["é",1]}'
    assert compact(float("nan")) == "NaN"
    with pytest.raises(ValueError, match="not JSON compliant"):
        compact_strict(float("nan"))
