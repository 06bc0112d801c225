"""The quick fuzzer's changes: the same for the same seed, and odd enough."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from mutate import Seed, cut, damage, mutate, scan, shuffle_frames

ANSWER = b'{"a": [1, "b\\"]"], "c": {"d": null}}'


def values_of(seed: Seed) -> list[Any]:
    """Return the JSON values that a seed says it has."""
    return [json.loads(seed.data[start:end]) for start, end in seed.values]


def test_every_value_of_a_json_text_is_found() -> None:
    seed = scan(ANSWER)
    assert values_of(seed) == [1, 'b"]', [1, 'b"]'], None, {"d": None}, json.loads(ANSWER)]
    members = [seed.data[start:end] for start, end in seed.members]
    assert members == [b'"a": [1, "b\\"]"]', b'"d": null', b'"c": {"d": null}']


def test_values_are_found_in_a_stream_too() -> None:
    seed = scan(b"event: x\ndata: %s\n\n" % ANSWER)
    assert ANSWER in [seed.data[start:end] for start, end in seed.values]


@pytest.mark.parametrize("data", [b"", b"]}", b'{"a":', b"[[[", b'"', b"\xff{", ANSWER])
def test_any_bytes_can_be_changed_and_the_same_seed_makes_the_same_change(data: bytes) -> None:
    for number in range(200):
        one, other = (mutate(Random(number), scan(data)) for _ in range(2))
        assert one == other and isinstance(one, bytes)


def test_changes_differ_and_break_what_json_is_and_what_it_says() -> None:
    made = {mutate(Random(number), scan(ANSWER)) for number in range(500)}
    assert len(made) > 300
    assert any(each.count(b'"d"') > 1 for each in made), "no key stands twice"
    assert any(b"[[[[" in each for each in made) and any(b'"c"' not in each for each in made)


def test_pieces_put_together_are_the_whole() -> None:
    for number in range(100):
        pieces = cut(Random(number), ANSWER)
        assert b"".join(pieces) == ANSWER and all(pieces)
        assert damage(Random(number), ANSWER) == damage(Random(number), ANSWER)


def test_frames_change_places_double_or_go() -> None:
    frames = [b"one", b"two", b"three"]
    made = {tuple(shuffle_frames(Random(number), [*frames])) for number in range(300)}
    assert {len(each) for each in made} >= {2, 3, 4} and tuple(frames) in made
    assert all(set(each) <= {*frames, each[-1]} for each in made if each)
