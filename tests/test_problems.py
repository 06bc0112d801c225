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
from returns.primitives.exceptions import UnwrapFailedError
from returns.result import Failure, Result

from loki.problems import Problem, fail
from loki.usage import Usage

FULL = Problem(
    "busy",
    "claude: overloaded",
    status=529,
    code="overloaded_error",
    request_id="r1",
    retry_at=10.0,
    sent=True,
    again=True,
    wait=2.0,
    attempts=3,
    usage=Usage(input=5),
    text="so far",
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
