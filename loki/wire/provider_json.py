"""The JSON of answers: parsed as it comes, refused where it is nested deeper than any answer."""

from __future__ import annotations

import json

from loki.json_text import DEEPEST, Json, parse_finite, refuse_constant, refuse_depth

DECODER = json.JSONDecoder()  # as of json.loads, which looks at its argument first
STRICT = json.JSONDecoder(parse_constant=refuse_constant, parse_float=parse_finite)


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
