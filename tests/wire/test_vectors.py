"""Vectors: numbers or base64, all of one length, and none with which nobody could reckon."""

from __future__ import annotations

import struct
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.usage import Usage
from loki.wire.vectors import is_finite, read_all, read_bytes, read_vector

FLOATS = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1)


@given(FLOATS)
def test_base64_is_the_same_vector_as_its_numbers(numbers: list[float]) -> None:
    words = b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
    assert list(read_vector(words).unwrap()) == list(read_vector(numbers).unwrap()) == numbers


@given(st.lists(st.integers(-128, 127), min_size=1))
def test_bytes_are_the_same_vector_as_their_numbers(numbers: list[int]) -> None:
    words = b64encode(struct.pack(f"{len(numbers)}b", *numbers)).decode()
    assert list(read_bytes(words).unwrap()) == list(read_bytes(numbers).unwrap()) == numbers


NONE: list[Any] = [
    None,
    [],
    "",
    "?",
    "AACAPw",  # no padding
    "AACA",  # three bytes: no float32
    "AADAfw==",  # a NaN
    [1, None],
    [1, "2"],
    [True],
    [[1]],
    [float("nan")],
    [float("inf"), 1],
    [float("inf"), float("-inf")],
    [10**400],
    {"embedding": [1]},
]


@pytest.mark.parametrize("expected", NONE)
def test_what_is_no_vector_is_garbled(expected: Any) -> None:
    problem = read_vector(expected).failure()
    assert problem.kind == "garbled" and problem.message.startswith("not a vector: ")
    assert problem.sent


@pytest.mark.parametrize(
    ("numbers", "finite"), [([1e308, -1e308], True), ([-0.0], True), ([float("nan")], False)]
)
def test_a_vector_is_finite_or_not(numbers: list[float], finite: bool) -> None:
    assert is_finite(numbers) is finite


def test_vectors_come_in_the_order_of_their_texts_with_what_they_took() -> None:
    found = read_all([[1], [2], [3]], Usage(input=9)).unwrap()
    assert found.vectors == ([1], [2], [3]) and found.usage == Usage(input=9)


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ([[1], None], "not a vector: null"),
        ([[1, 2], [3]], "not vectors of one length: the first has 2 numbers, another has 1"),
    ],
)
def test_one_that_is_wrong_spoils_all_and_what_was_taken_is_still_counted(
    expected: Any, message: str
) -> None:
    problem = read_all(expected, Usage(input=9)).failure()
    assert (problem.kind, problem.message) == ("garbled", message)
    assert problem.usage == Usage(input=9)


def test_another_reader_may_be_given() -> None:
    words = b64encode(bytes([255, 1])).decode()
    assert list(read_all([words], Usage(), read_bytes).unwrap().vectors[0]) == [-1, 1]
