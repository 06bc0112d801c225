"""The JSON of an answer is parsed as text or bytes, and refused where it is nested too deep."""

from __future__ import annotations

from typing import Any

import pytest

from loki.json_text import DEEPEST
from loki.wire.provider_json import STRICT, parse_json


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    """Return a value in so many brackets."""
    return opening * depth + "1" + closing * depth


PARSED: list[tuple[str | bytes, Any]] = [
    (' {"a": [1.5, null]} ', {"a": [1.5, None]}),
    (b'{"a": "\xc3\xa4"}', {"a": "ä"}),
    ('"' + "[" * 999 + '"', "[" * 999),
    ("[" + ", ".join(["[]"] * 999) + "]", [[]] * 999),
]


@pytest.mark.parametrize(("text", "value"), PARSED)
def test_a_json_text_is_parsed(text: str | bytes, value: Any) -> None:
    assert parse_json(text) == value


DEEP: list[str] = [
    nested(DEEPEST + 1),
    nested(DEEPEST + 1, '{"a":', "}"),
    nested(DEEPEST, '[{"a":', "}]"),
]


@pytest.mark.parametrize("text", DEEP)
def test_what_is_nested_deeper_than_any_answer_is_refused_as_text_and_as_bytes(text: str) -> None:
    for given in (text, text.encode()):
        with pytest.raises(ValueError, match=f"nested deeper than {DEEPEST}"):
            parse_json(given)
    assert parse_json(nested(DEEPEST))


@pytest.mark.parametrize("text", ["", "[1", "[1] 2", b"\xff", b"\xef\xbb"])
def test_what_is_no_json_raises_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(text)


@pytest.mark.parametrize("text", ["NaN", "[-Infinity]", "1e999"])
def test_only_the_strict_decoder_refuses_a_number_that_json_has_not(text: str) -> None:
    parse_json(text)
    with pytest.raises(ValueError):
        parse_json(text, STRICT)
