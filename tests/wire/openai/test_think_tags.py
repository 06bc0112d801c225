"""Thoughts between <think> tags are split from the answer, however the text is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.messages import Text
from loki.replies import Reasoning
from loki.wire.openai.think_tags import ThinkTagSplitter


def split_thoughts(pieces: list[str]) -> tuple[str, str]:
    """Return the thoughts and the answer of a text in pieces."""
    splitter = ThinkTagSplitter()
    events = [event for piece in pieces for event in splitter.feed(piece)]
    events += splitter.flush()
    assert all(event.text for event in events)
    return (
        "".join(event.text for event in events if isinstance(event, Reasoning)),
        "".join(event.text for event in events if isinstance(event, Text)),
    )


TEXTS: list[tuple[str, str, str]] = [
    ("<think>Hm.</think>\n\nYes.", "Hm.", "Yes."),
    ("  \n<think>Hm.</think>Yes.", "Hm.", "Yes."),
    ("<think></think>Yes.", "", "Yes."),
    ("<think>\n\n</think>\n\nYes.", "\n\n", "Yes."),
    ("Yes.", "", "Yes."),
    ("  Yes.", "", "  Yes."),
    ("Yes <think>no</think>", "", "Yes <think>no</think>"),
    ("<thin air", "", "<thin air"),
    ("<thi", "", "<thi"),
    ("<think>Hm", "Hm", ""),
    ("<think>a </thin b</think>c", "a </thin b", "c"),
    ("<think>a</think>b</think>c", "a", "b</think>c"),
    ("<think>a</thi", "a</thi", ""),
    ("<think>a</think>", "a", ""),
]


@pytest.mark.parametrize(("text", "thoughts", "answer"), TEXTS)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 100])
def test_thoughts_are_told_apart_in_pieces_of_any_size(
    text: str, thoughts: str, answer: str, size: int
) -> None:
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    assert split_thoughts(pieces) == (thoughts, answer)


PIECES = st.lists(
    st.sampled_from(["<", "think", ">", "</", "<think>", "</think>", " ", "\n", "a", "thi", "nk>"]),
    max_size=12,
)


@given(PIECES)
def test_pieces_say_what_the_whole_says(pieces: list[str]) -> None:
    assert split_thoughts([piece for piece in pieces if piece]) == split_thoughts(["".join(pieces)])


@given(st.text(alphabet="ab<>/think \n"))
def test_nothing_of_an_answer_is_lost(answer: str) -> None:
    assert split_thoughts([f"x{answer}"]) == ("", f"x{answer}")
    assert split_thoughts([f"<think>Hm</think>x{answer}"]) == ("Hm", f"x{answer}")


def test_an_answer_is_not_held_back() -> None:
    splitter = ThinkTagSplitter()
    assert list(splitter.feed("Yes")) == [Text("Yes")]
    assert list(splitter.feed(" <think")) == [Text(" <think")]
    assert list(splitter.flush()) == []


def test_thoughts_are_told_as_they_come() -> None:
    splitter = ThinkTagSplitter()
    assert list(splitter.feed("<think>Hm, ")) == [Reasoning("Hm, ")]
    assert list(splitter.feed("well</")) == [Reasoning("well")]
