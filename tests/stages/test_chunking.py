"""Long texts are cut where a reader would, never over the limit, and nothing of them is lost."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.money.count_tokens import estimate_tokens
from loki.records import Model
from loki.stages.chunking import chunk, chunk_size

WORDS = st.text(st.sampled_from("ab c.\n!?  é中。\t"), max_size=400)


@given(text=WORDS, size=st.integers(1, 40))
def test_no_piece_is_too_long_and_nothing_is_lost(text: str, size: int) -> None:
    pieces = list(chunk(text, size))
    assert all(estimate_tokens(piece) <= size for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(piece == piece.strip() != "" for piece in pieces)


@pytest.mark.parametrize(
    ("text", "size", "pieces"),
    [
        ("Short.", 1000, ["Short."]),
        ("", 5, []),
        (" \n\n ", 5, []),
        ("First here.\n\nSecond here.", 4, ["First here.", "Second here."]),
        ("First here.\r\n\r\nSecond here.", 4, ["First here.", "Second here."]),
        ("Is it? Yes, it is! So.", 3, ["Is it?", "Yes, it is!", "So."]),
        ("one two three four five", 3, ["one two", "three four", "five"]),
        ("abcdefghijkl", 1, ["abcd", "efgh", "ijkl"]),
        ("你好世界。再见世界。", 4, ["你好世界。", "再见世界。"]),
        ("He said “no.” She left.", 5, ["He said “no.”", "She left."]),
        ("a\n\n" + "word " * 8, 8, ["a\n\nword word word word word word", "word word"]),
    ],
)
def test_paragraphs_then_sentences_then_words_are_kept_whole(
    text: str, size: int, pieces: list[str]
) -> None:
    assert list(chunk(text, size)) == pieces


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({}, 1000),
        ({"default_chunk_size": 300}, 300),
        ({"max_tokens_per_chunk": 512}, 512),
        ({"max_input_tokens": 256}, 256),
        ({"default_chunk_size": 300, "max_tokens_per_chunk": 8191}, 300),
    ],
)
def test_the_model_s_settings_say_how_long_a_piece_is(settings: dict[str, Any], size: int) -> None:
    assert chunk_size(Model("m", "m", **settings)) == size


@pytest.mark.parametrize("letter", ["a", "я", "\n", " "])
def test_a_long_text_takes_no_longer_than_its_length_asks(letter: str) -> None:
    text = (letter * 7 + " ") * 60_000
    began = time.monotonic()
    for _ in chunk(text, 500):
        pass
    assert time.monotonic() - began < 5
