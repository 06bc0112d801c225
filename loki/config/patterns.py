"""Regular expressions that users write, checked before they are used."""

from __future__ import annotations

import re


def find_pattern_fault(pattern: str) -> str:
    """Return why a text is no regular expression, empty if it is one.

    >>> find_pattern_fault("gpt-(4")
    "'gpt-(4' is not a regular expression: missing ), unterminated subpattern at position 4"
    """
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"{pattern!r} is not a regular expression: {error}"
    return ""
