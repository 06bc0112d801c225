"""Steps that may fail, one after the other: the first failure is the result, and is untouched."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure, Result, Success

from loki.problems import Problem
from loki.railway import alt, bind, fold, gather, map_

RESULTS: st.SearchStrategy[Result[int, Problem]] = st.one_of(
    st.integers().map(lambda n: Success(n)),
    st.sampled_from("abc").map(lambda words: Failure(Problem("bug", words))),
)


@given(st.lists(RESULTS))
def test_all_are_gathered_or_the_first_that_failed(results: list[Result[int, Problem]]) -> None:
    found = gather(results)
    failed = [each for each in results if not isinstance(each, Success)]
    assert found == (failed[0] if failed else Success(tuple(each.unwrap() for each in results)))


def test_nothing_is_asked_for_after_a_failure() -> None:
    def results() -> Iterator[Result[int, Problem]]:
        yield Failure(Problem("bug", "a"))
        raise AssertionError("asked for")

    assert gather(results()).failure().message == "a"


def next_of(number: int) -> Result[int, Problem]:
    """Return the next number, but for zero."""
    return Success(number + 1) if number else Failure(Problem("input", "zero"))


@given(RESULTS)
def test_steps_change_what_they_are_for(result: Result[int, Problem]) -> None:
    more = bind(next_of)(result)
    other = alt(lambda problem: Problem("usage", problem.message))(result)
    if isinstance(result, Success):
        value = result.unwrap()
        assert map_(str)(result) == Success(str(value)) and other == result
        assert more == next_of(value)
        assert fold(result, lambda n: n, lambda problem: None) == value
    else:
        assert map_(str)(result) == more == result
        assert other.failure() == Problem("usage", result.failure().message)
        assert fold(result, str, lambda problem: problem.message) == result.failure().message
