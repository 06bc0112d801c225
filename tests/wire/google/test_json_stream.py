"""A JSON array of objects in pieces: each object as soon as it is closed, however it is cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cut, split

from loki.wire.google.json_stream import ArraySplitter


def objects(data: bytes, size: int) -> list[Any]:
    """Return the objects of a text that comes in pieces of a size."""
    frames = split(ArraySplitter(), cut(data, size))
    return [json.loads(each) for found in frames for each in found]


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text(alphabet='a"\\{}[],\n ü', max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
ARRAYS = st.lists(st.dictionaries(st.text(alphabet='a"\\{}', max_size=3), VALUES), max_size=4)


@settings(max_examples=40)
@given(ARRAYS, st.sampled_from([None, 1]), st.booleans(), st.integers(1, 9))
def test_an_array_tells_its_objects_however_it_is_cut(
    result: list[Any], indent: int | None, ascii: bool, size: int
) -> None:
    data = json.dumps(result, indent=indent, ensure_ascii=ascii).encode()
    assert objects(data, size) == result


def test_an_object_is_told_with_the_piece_that_closes_it() -> None:
    found = split(ArraySplitter(), [b'[{"a"', b": 1}", b', {"b": 2}, {"c"', b": 3}]"])
    assert found == [[], [b'{"a": 1}'], [b'{"b": 2}'], [b'{"c": 3}'], []]


@pytest.mark.parametrize("data", [b"", b"[]", b"[", b'[{"a": 1', b'[{"a": "}'])
def test_what_is_not_closed_is_not_told(data: bytes) -> None:
    assert objects(data, 1) == []


def test_what_stands_between_two_objects_goes_with_the_next_which_no_reader_takes() -> None:
    pieces = [b'[{"a": 1}', b' oops {"b": 2}]']
    (first,), (second,), _ = split(ArraySplitter(), pieces)
    assert first == b'{"a": 1}' and second == b'oops {"b": 2}'
