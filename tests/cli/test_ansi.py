"""Somebody else's text at a terminal: its letters stay, and nothing that a terminal would obey."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.cli.ansi import MAX_SEQUENCE, ControlStripper, strip_controls

TEXTS: list[tuple[str, str]] = [
    ("plain\ttext\n", "plain\ttext\n"),
    ("日本 é", "日本 é"),
    ("\x1b[31mred\x1b[0m", "red"),
    ("\x9b31mred", "red"),
    ("\x1b]0;title\x07after", "after"),
    ("\x1b]52;c;Y2xpcA==\x1b\\after", "after"),
    ("\x1bP1$r0m\x1b\\after", "after"),
    ("\x1b(Bafter", "after"),
    ("\x1bcafter", "after"),
    ("over\rwritten", "overwritten"),
    ("back\b\bspace", "backspace"),
    ("\x00\x07\x7f\x85x", "x"),
    ("\x1b[" + "1" * MAX_SEQUENCE + "mx", "x"),
    ("\x1b]never closed\nafter", "never closed\nafter"),
]


@pytest.mark.parametrize(("text", "clean"), TEXTS)
def test_control_sequences_are_left_out(text: str, clean: str) -> None:
    assert strip_controls(text) == clean


PIECES = st.lists(
    st.sampled_from(
        ["\x1b", "[", "31", "m", "]", "0;", "\x07", "\\", "\x9b", "\x9c", "P", "a", "\n", "\t", "é"]
    ),
    max_size=12,
)


@given(st.text() | PIECES.map("".join))
def test_what_is_left_has_no_control_character(text: str) -> None:
    clean = strip_controls(text)
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in clean if c not in "\n\t")
    assert strip_controls(clean) == clean


@given(PIECES)
def test_pieces_are_cleaned_as_the_whole_is(pieces: list[str]) -> None:
    """But for a sequence that has begun at the end, which may be held back for ever."""
    clean = ControlStripper().feed
    result = "".join(map(clean, pieces))
    assert strip_controls("".join(pieces)).startswith(result)


@given(PIECES)
def test_an_end_of_the_line_lets_go_of_all(pieces: list[str]) -> None:
    clean = ControlStripper().feed
    whole = "".join([*pieces, "\n\n"])
    assert "".join(map(clean, [*pieces, "\n", "\n"])) == strip_controls(whole)


def test_text_without_controls_is_never_held_back() -> None:
    clean = ControlStripper().feed
    assert [clean(piece) for piece in ("a", "b[", "31m")] == ["a", "b[", "31m"]
