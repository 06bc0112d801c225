"""JSON texts: parsed strictly, as RFC 8259 has it, and written on one line without spaces."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import isinf
from typing import Any, TypeAlias

Json: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Any]

#: The deepest nesting of what is read, in levels; real answers and schemas have some twenty.
DEEPEST = 200


def parse_strict(text: str) -> Any:
    """Parse a JSON text of a user's; raise ValueError, also for NaN, which JSON does not know.

    Raise RecursionError if it is nested deeper than DEEPEST.

    >>> parse_strict('{"a": NaN}')
    Traceback (most recent call last):
    ValueError: NaN is no number of JSON's
    >>> parse_strict("9" * 5000)
    Traceback (most recent call last):
    ValueError: a number with over 4300 digits
    """
    try:
        value = json.loads(text, parse_constant=refuse_constant, parse_float=parse_finite)
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        if "digits" not in str(error):
            raise
        raise ValueError("a number with over 4300 digits") from None  # Python's own limit
    if text.count("[") + text.count("{") > DEEPEST:
        try:
            refuse_depth(value)
        except ValueError as error:
            raise RecursionError(str(error)) from None
    return value


def refuse_depth(value: Any) -> None:
    """Raise ValueError if a JSON value is nested deeper than DEEPEST.

    Whoever writes it out again, further down the stack, would fail where the parser did not.
    """
    level = [value]
    for _ in range(DEEPEST):
        nested = [item for item in level if isinstance(item, (dict, list))]
        if not nested:
            return
        level = [
            inner
            for item in nested
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
    if any(isinstance(item, (dict, list)) for item in level):
        raise ValueError(f"nested deeper than {DEEPEST}")


def refuse_constant(name: str) -> None:
    """Raise ValueError for NaN and Infinity."""
    raise ValueError(f"{name} is no number of JSON's")


def parse_finite(text: str) -> float:
    """Parse a number of a JSON text; raise ValueError where it would be written as Infinity.

    >>> parse_finite("-1e999")
    Traceback (most recent call last):
    ValueError: -1e999 is too large a number
    """
    value = float(text)
    if isinf(value):
        raise ValueError(f"{text[:20]} is too large a number")
    return value


def replace_surrogates(value: Any) -> Any:
    r"""Return a JSON value that can be sent: halves of a surrogate pair alone become U+FFFD.

    >>> replace_surrogates({"a": ["\ud800", "\ud83d\ude00"]}) == {"a": ["\ufffd", "\U0001f600"]}
    True
    """
    text = compact(value)
    joined = join_surrogates(text)
    return value if joined is text else json.loads(joined)


def join_surrogates(text: str) -> str:
    r"""Return a text with the halves of surrogate pairs joined; those alone become U+FFFD.

    >>> join_surrogates("\ud83d\ude00 \ud83d.") == "\U0001f600 \ufffd."
    True
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def compact(value: Any) -> str:
    """Return JSON on one line, without spaces, for our own output; NaN is written as it is.

    >>> compact({"a": [1, "é"]})
    '{"a":[1,"é"]}'
    """
    return LENIENT.encode(value)


def compact_strict(value: Any) -> str:
    """Return the same for a request; raise ValueError for NaN and Infinity.

    >>> compact_strict([float("inf")])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: Out of range float values are not JSON compliant...
    """
    return STRICT.encode(value)


LENIENT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
STRICT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def values_at(body: JsonObject | None, paths: Sequence[list[str]]) -> list[Json]:
    """Return what stands at some places of a body, as far as there is anything.

    >>> values_at({"n": 3, "config": {"count": None}}, [["n"], ["config", "count"], ["best_of"]])
    [3, None]
    """
    if not body:
        return []
    from toolz import get_in  # ten milliseconds, and most calls have no patch

    values = [get_in(path, body, ABSENT) for path in paths]
    return [value for value in values if value is not ABSENT]


#: What stands where nothing does.
ABSENT = object()
