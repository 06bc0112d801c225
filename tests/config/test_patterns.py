"""Regular expressions that users write are checked before they are used."""

from __future__ import annotations

import re
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.config.patterns import find_pattern_fault

GOOD = ["", ".*", "gpt-4.*", "(?i)claude", r"\d+", "[[a]"]  # the last one only warns
BAD = {
    "gpt-(4": "missing ), unterminated subpattern at position 4",
    "*": "nothing to repeat at position 0",
    "[a": "unterminated character set at position 0",
    "a{99999999999}": "the repetition number is too large",
}


@pytest.mark.parametrize("pattern", GOOD)
def test_a_good_pattern_draws_no_complaint(pattern: str) -> None:
    assert find_pattern_fault(pattern) == ""


@pytest.mark.parametrize("pattern", BAD)
def test_a_bad_pattern_is_named_with_what_is_wrong(pattern: str) -> None:
    assert find_pattern_fault(pattern) == f"{pattern!r} is not a regular expression: {BAD[pattern]}"


@given(st.text(alphabet="ab()[]{}*+?|\\^$.,-0123456789<>=!P", max_size=20))
def test_a_pattern_draws_a_complaint_where_python_does_not_take_it(pattern: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a nested set, which may come to mean another
            re.compile(pattern)
    except re.error as error:
        assert find_pattern_fault(pattern) == f"{pattern!r} is not a regular expression: {error}"
    else:
        assert find_pattern_fault(pattern) == ""
