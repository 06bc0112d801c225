"""JSON texts: parsed strictly, as RFC 8259 has it, and written on one line without spaces."""

from __future__ import annotations

import json
from typing import Any


def parse_strict(text: str) -> Any:
    """Parse a JSON text; raise ValueError, also for NaN and Infinity, which JSON does not know.

    >>> parse_strict('{"a": NaN}')
    Traceback (most recent call last):
    ValueError: NaN is no number of JSON's
    """
    return json.loads(text, parse_constant=refuse_constant)


def refuse_constant(name: str) -> None:
    """Raise ValueError for NaN and Infinity."""
    raise ValueError(f"{name} is no number of JSON's")


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
