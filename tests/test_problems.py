"""Problem: a value like any other, and an exception that says what happened."""

from __future__ import annotations

import contextlib
import copy
import pickle
import traceback
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.primitives.exceptions import UnwrapFailedError
from returns.result import Failure, Result

from loki.problems import (
    EXIT_CODES,
    Kind,
    Problem,
    excerpt,
    excerpt_bytes,
    fail,
    is_curable,
    suggest_nearest,
)
from loki.usage import Usage

FULL = Problem(
    "busy",
    "claude: overloaded",
    status=529,
    code="overloaded_error",
    request_id="r1",
    retry_at=10.0,
    sent=True,
    retryable=True,
    retry_after=2.0,
    attempts=3,
    usage=Usage(input=5),
    answer_text="so far",
    cost=Decimal("0.1"),
)
COPIES: list[Callable[[Problem], Problem]] = [
    lambda problem: pickle.loads(pickle.dumps(problem)),
    lambda problem: pickle.loads(pickle.dumps(problem, 2)),
    copy.copy,
    copy.deepcopy,
    replace,
]


def test_its_text_is_its_message() -> None:
    assert str(FULL) == "claude: overloaded"
    assert "".join(traceback.format_exception_only(FULL)) == (
        "loki.problems.Problem: claude: overloaded\n"
    )


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_has_every_field(copied: Callable[[Problem], Problem]) -> None:
    for problem in (FULL, replace(FULL, kind="quota"), Problem("bug", "No.")):
        same = copied(problem)
        assert same is not problem
        assert (same, hash(same), repr(same)) == (problem, hash(problem), repr(problem))


def test_problems_are_equal_by_their_fields() -> None:
    assert Problem("bug", "No.") == Problem("bug", "No.", attempts=1)
    assert Problem("bug", "No.") != Problem("bug", "No.", attempts=2)
    other: Exception = ValueError("bug", "No.")
    assert other != Problem("bug", "No.")
    assert len({FULL, replace(FULL), replace(FULL, status=None)}) == 2


@pytest.mark.parametrize("name", ["message", "kind", "novel"])
def test_no_field_of_it_changes(name: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(FULL, name, "x")


def test_unwrap_shows_its_words_in_the_traceback() -> None:
    result: Result[int, Problem] = fail("config", "no client named 'x'")
    with pytest.raises(UnwrapFailedError) as caught:
        result.unwrap()
    shown = "".join(traceback.format_exception(caught.value))
    assert "loki.problems.Problem: no client named 'x'" in shown


def test_it_is_raised_through_contexts_and_keeps_its_notes() -> None:
    problem = replace(FULL)

    @contextlib.contextmanager
    def context() -> Iterator[None]:
        yield

    with pytest.raises(Problem) as caught, context():
        problem.add_note("while asking")
        raise problem
    assert caught.value is problem and problem == FULL
    assert problem.__notes__ == ["while asking"]
    assert Failure(problem).failure() is problem


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
    assert excerpt_bytes(text.encode(), most) == excerpt(text, most)


@given(st.binary(), st.integers(1, 50))
def test_a_glimpse_of_any_bytes_is_short(data: bytes, most: int) -> None:
    assert len(excerpt_bytes(data, most)) <= most + 1


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
    found = suggest_nearest(name, known, rarer)
    assert found == words or (len(known) > 12 and found == f"{words} 10, 11, …")
