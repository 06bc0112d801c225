"""Which rows were answered: the lines of an output read back, and a set in little room."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.batch.done_rows import EarlierRow, HashSet, read_earlier_row, row_identity

LINES: list[tuple[str, EarlierRow | None]] = [
    ('{"id": "a", "key": "k", "text": "Hi"}', EarlierRow("a k", True)),
    ('{"id": 7, "key": "k", "text": "Hi", "cost": 0.5}', EarlierRow("7 k", True)),
    ('{"id": "a", "key": "k", "error": {"kind": "busy"}}', EarlierRow("a k", False)),
    ('{"id": "a", "key": "k", "error": {}, "cost": 0.1}', EarlierRow("a k", False, Decimal("0.1"))),
    ('{"id": "a", "key": "k", "error": {}, "cost": null}', EarlierRow("a k", False)),
    ('{"id": "a", "key": "k", "error": {}, "cost": "1"}', EarlierRow("a k", False)),
    ('{"id": "a", "key": "k", "error": {}, "cost": false}', EarlierRow("a k", False)),
    ('{"id": "a", "key": "k", "error": {}, "cost": NaN}', EarlierRow("a k", False)),
    ('{"id": "a", "key": "k", "error": {}, "cost": 1e999}', EarlierRow("a k", False)),
    ('{"id": "a", "key": "k", "error": {}, "cost": -5}', EarlierRow("a k", False)),
    ('{"id": "a", "key": 1}', None),
    ('{"key": "k"}', None),
    ('{"id": "a", "key": "k"', None),
    ('["id", "key"]', None),
    ("null", None),
    ("", None),
    ("[" * 100_000, None),
]


@pytest.mark.parametrize(("line", "before"), LINES)
def test_a_line_says_whether_its_row_was_answered(line: str, before: EarlierRow | None) -> None:
    assert read_earlier_row(line.encode()) == before


def test_a_line_that_is_no_text_is_none() -> None:
    assert read_earlier_row(b'{"id": "\xff", "key": "k"}') is None


@given(st.text() | st.integers(), st.text(alphabet="0123456789abcdef", min_size=1))
def test_what_was_written_is_known_again(id: str | int, key: str) -> None:
    found = read_earlier_row(json.dumps({"id": id, "key": key, "text": ""}).encode())
    assert found is not None and found.identity == row_identity(id, key)


@given(st.lists(st.text(max_size=3)), st.lists(st.text(max_size=3)))
def test_a_set_holds_what_was_put_in_and_nothing_else(texts: list[str], others: list[str]) -> None:
    seen, plain = HashSet(), set[str]()
    for text in texts:
        assert seen.add(text) is (text not in plain)
        plain.add(text)
    assert seen.size == len(plain)
    assert all((text in seen) is (text in plain) for text in [*texts, *others])


def test_a_set_grows_without_losing_anything_at_16_bytes_a_text() -> None:
    seen = HashSet()
    assert all(seen.add(f"row {n}") for n in range(20_000))
    assert all(f"row {n}" in seen for n in range(20_000)) and seen.size == 20_000
    assert not any(f"other {n}" in seen for n in range(20_000))
    assert len(seen.slots) * seen.slots.itemsize <= 4 * 8 * 20_000


def test_half_a_character_is_a_text_too() -> None:
    seen = HashSet()
    assert seen.add("\ud800") and "\ud800" in seen
