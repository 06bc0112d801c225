"""The one way to fail: kinds and their exit codes, and the words that help."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.problems import EXIT_CODES, Kind, Problem, excerpt, fail, glimpse, is_curable, nearest


def test_the_exit_codes_are_those_that_users_rely_on() -> None:
    assert EXIT_CODES.items() >= {
        ("usage", 64),
        ("input", 65),
        ("missing", 66),
        ("offline", 69),
        ("bug", 70),
        ("busy", 75),
        ("garbled", 76),
        ("auth", 77),
        ("config", 78),
        ("refused", 79),
        ("budget", 80),
        ("quota", 81),
    }
    assert len({*EXIT_CODES.values()}) == len(EXIT_CODES)


CURABLE = {"offline", "busy", "quota", "auth", "refused"}


@pytest.mark.parametrize("kind", EXIT_CODES)
def test_another_model_is_tried_where_it_could_help(kind: Kind) -> None:
    assert is_curable(Problem(kind, "")) is (kind in CURABLE)
    assert is_curable(Problem(kind, "", unknown_model=True))


def test_a_failure_has_its_facts_and_was_not_sent_unless_said() -> None:
    assert fail("busy", "Later.", status=429).failure() == Problem("busy", "Later.", status=429)
    assert fail("busy", "Later.").failure().sent is False


@given(st.text(), st.integers(0, 50))
def test_an_excerpt_is_one_line_that_says_where_it_was_cut(text: str, most: int) -> None:
    shown = excerpt(text, most)
    assert len(shown) <= most + 1 and len(shown.splitlines()) <= 1
    assert shown.endswith("…") or len(text) <= most


@given(st.text(), st.integers(1, 50))
def test_a_glimpse_of_text_is_its_excerpt(text: str, most: int) -> None:
    assert glimpse(text.encode(), most) == excerpt(text, most)


@given(st.binary(), st.integers(1, 50))
def test_a_glimpse_of_any_bytes_is_short(data: bytes, most: int) -> None:
    assert len(glimpse(data, most)) <= most + 1


NEAREST: list[tuple[str, list[str], list[str], str]] = [
    ("modle", ["model", "stream"], [], "; did you mean 'model'?"),
    ("MODEL", ["model"], [], "; did you mean 'model'?"),
    ("gpt4", ["gpt-4", "gpt-4o"], [], "; did you mean 'gpt-4' or 'gpt-4o'?"),
    ("zzz", ["model"], ["old"], "; known: model"),
    ("olds", ["model"], ["old"], "; did you mean 'old'?"),
    ("zzz", [], [], ""),
    ("zzz", [f"{n:02}" for n in range(13)], [], "; known: 00, 01, 02, 03, 04, 05, 06, 07, 08, 09,"),
]


@pytest.mark.parametrize(("name", "known", "rarer", "words"), NEAREST)
def test_a_misspelt_name_is_told_with_the_nearest(
    name: str, known: list[str], rarer: list[str], words: str
) -> None:
    found = nearest(name, known, rarer)
    assert found == words or (len(known) > 12 and found == f"{words} 10, 11, …")
