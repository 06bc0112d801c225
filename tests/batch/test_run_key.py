"""Keys of a run: what holds for all rows is in them, and those of earlier versions are known."""

from __future__ import annotations

from typing import Any

import pytest
from support import config

from loki.batch.done_rows import row_identity
from loki.batch.read_rows import read_rows
from loki.batch.row_key import ask_key
from loki.batch.rows import ReadyRow, RowDefaults, RunSettings
from loki.batch.run_key import recognize, run_key, run_settings
from loki.record import replace
from loki.records import Ask, Patch

ASK, KEY = Ask("Hi", model="a:b"), ask_key(Ask("Hi", model="a:b"))
CLIENT = {"type": "openai", "api_key": "k"}


def key(*patches: Patch, ask: Ask = ASK, **top: Any) -> str:
    """Return a key of a run with some patches and settings."""
    return run_key(KEY, ask, run_settings(config(CLIENT, **top), patches))


def test_a_key_is_longer_than_those_of_earlier_versions_whatever_the_run() -> None:
    assert len(KEY) < len(key()) == len(key(Patch(body={"a": 1})))


@pytest.mark.parametrize(
    ("patches", "top"),
    [
        ([Patch(body={"a": 1})], {}),
        ([Patch(body={"a": 2})], {}),
        ([Patch(body={"a": 1}), Patch(body={"a": 2})], {}),
        ([Patch(url="https://a.example")], {}),
        ([], {"temperature": 0.5}),
        ([], {"top_p": 0.5}),
    ],
)
def test_what_a_run_adds_changes_the_key(patches: list[Patch], top: dict[str, Any]) -> None:
    assert key(*patches, **top) not in (key(), key(Patch(body={"a": 3})), key(temperature=0.1))


def test_what_makes_no_difference_to_a_row_leaves_its_key() -> None:
    assert key(Patch(origin="--param")) == key() == run_key(KEY, ASK, RunSettings())
    one, two = Patch(body={"a": {"b": 1}}), Patch(body={"c": 2})
    assert key(one, two) == key(two, one) == key(Patch(body={"c": 2, "a": {"b": 1}}))
    own = replace(ASK, temperature=0.1, top_p=1.0)
    assert key(ask=own, temperature=0.5, top_p=0.5) == key(ask=own)
    words = replace(ASK, texts=("Hi",))
    assert key(ask=words, temperature=0.5) == key(ask=words)


def rows(*lines: str) -> list[Any]:
    """Return the rows of some lines."""
    from returns.result import Success

    numbered = enumerate(map(Success, lines), 1)
    return [*read_rows(RowDefaults(ASK, settings=RunSettings('[{"a":1}]')), numbered)]


def earlier(row: ReadyRow, id: str) -> str:
    """Return by what an earlier version knew a row."""
    return row_identity(id, row.earlier_key)


def test_a_row_of_an_earlier_version_is_recognized_with_and_without_an_id() -> None:
    named, bare, twice = rows('{"id": "a", "prompt": "1"}', '{"prompt": "2"}', '{"prompt": "2"}')
    old = bare.earlier_key
    known = {earlier(named, "a"), earlier(bare, old), earlier(twice, f"{old}:3")}
    found = [recognize(row, known.__contains__) for row in (named, bare, twice)]
    assert [(row.id, row.key) for row in found if isinstance(row, ReadyRow)] == [
        ("a", named.earlier_key),
        (old, old),
        (f"{old}:3", old),
    ]


def test_a_row_that_is_known_by_its_own_key_or_by_none_stays_as_it_is() -> None:
    (row,) = rows('{"id": "a", "prompt": "1"}')
    both = {earlier(row, "a"), row_identity("a", row.key)}
    assert recognize(row, both.__contains__) is row
    assert recognize(row, lambda identity: False) is row
