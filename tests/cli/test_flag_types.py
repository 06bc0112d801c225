"""What flags may say: a value, or a sentence that names what was typed and what would be right."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from loki.cli.flag_types import between, dollars, encoding, integer, positive, reasoning, whole

VALUES: list[tuple[Callable[[str], Any], str, Any]] = [
    (positive, "0.5", 0.5),
    (positive, "1e3", 1000.0),
    (whole, "0", 0),
    (whole, "007", 7),
    (integer, "-5", -5),
    (between(0, 2), "0", 0.0),
    (between(0, 2), "2", 2.0),
    (dollars, "0.10", Decimal("0.10")),
    (dollars, "0", Decimal(0)),
    (dollars, "1e-7", Decimal("1e-7")),
    (reasoning, "none", "none"),
    (reasoning, "high", "high"),
    (reasoning, "2000", 2000),
    (encoding, "latin-1", "latin-1"),
    (encoding, "shift_jis", "shift_jis"),
]


@pytest.mark.parametrize(("read", "text", "value"), VALUES)
def test_a_word_is_its_value(read: Callable[[str], Any], text: str, value: Any) -> None:
    found = read(text)
    assert found == value and type(found) is type(value)


WRONG: list[tuple[Callable[[str], Any], list[str], str]] = [
    (positive, ["0", "-1", "nan", "inf", "", "soon"], "is not a number above 0"),
    (whole, ["-1", "1.5", "", "many", "1_0"], "is not a whole number"),
    (whole, ["1000000001", "9" * 20], "is over 1,000,000,000"),
    (integer, ["1.5", "", "many", "9" * 21], "is not a whole number"),
    (between(0, 2), ["-0.1", "2.1", "nan", "", "warm"], "is not a number from 0 to 2"),
    (dollars, ["-1", "nan", "inf", "", "$1", "1,50"], "is not an amount in US dollars"),
    (reasoning, ["9" * 12], "is over 1,000,000,000"),
    (reasoning, ["0", "-1", "1.5", "", "lots"], "is not none, minimal, low"),
    (encoding, ["nonesuch", "hex", "rot13", "undefined"], "is not an encoding: utf-8"),
    (encoding, ["idna", "punycode"], "is not an encoding: utf-8"),  # they can replace nothing
]


@pytest.mark.parametrize(
    ("read", "text", "words"),
    [(read, text, words) for read, texts, words in WRONG for text in texts],
)
def test_a_wrong_word_is_told_with_what_would_be_right(
    read: Callable[[str], Any], text: str, words: str
) -> None:
    with pytest.raises(ArgumentTypeError) as raised:
        read(text)
    assert str(raised.value).startswith(f"{text!r} {words}")


@pytest.mark.parametrize("read", [positive, whole, integer, between(0, 2), dollars, reasoning])
@pytest.mark.parametrize("text", ["9" * 5000, "x" * 5000, "-" + "9" * 5000])
def test_a_long_word_is_shown_in_short(read: Callable[[str], Any], text: str) -> None:
    try:
        read(text)
    except ArgumentTypeError as error:
        assert repr(text[:40] + "…") in str(error) and len(str(error)) < 120
    else:
        assert read is dollars and text.startswith("9")
