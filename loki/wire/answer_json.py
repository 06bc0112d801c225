"""The JSON of answers: parsed as it comes, refused where it is nested deeper than any answer."""

from __future__ import annotations

import json

from loki.json_text import refuse_constant
from loki.records import Json

#: The deepest nesting of an answer, in levels; real ones have some twenty.
DEEPEST = 200

DECODER = json.JSONDecoder()  # as of json.loads, which looks at its argument first
STRICT = json.JSONDecoder(parse_constant=refuse_constant)


def parse_json(text: str | bytes, decoder: json.JSONDecoder = DECODER) -> Json:
    """Parse a JSON text; raise ValueError or RecursionError.

    What is nested deeper than DEEPEST is refused: whoever writes it out again, further down the
    stack, would fail where the parser did not.

    >>> parse_json('[1]')
    [1]
    >>> parse_json("[" * 300 + "]" * 300)
    Traceback (most recent call last):
    ValueError: nested deeper than 200
    """
    value = decoder.decode(text) if isinstance(text, str) else json.loads(text)
    if len(text) > 2 * DEEPEST:  # nearly every frame is shorter, and cannot be that deep
        plain = str(text, "latin-1") if isinstance(text, bytes) else text
        if plain.count("[") + plain.count("{") > DEEPEST:
            refuse_depth(value)
    return value


def refuse_depth(value: Json) -> None:
    """Raise ValueError if a JSON value is nested deeper than DEEPEST."""
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
