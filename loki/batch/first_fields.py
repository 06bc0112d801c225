"""The first lines of an input -> the fields that they have: the columns of a table to come."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from returns.result import Result

from loki.batch.rows import Content
from loki.problems import Problem


def first_fields(form: str, lines: Iterable[Result[Content, Problem]]) -> tuple[str, ...]:
    """Return the fields of some lines in the order in which they come, without the id.

    >>> from returns.result import Success
    >>> first_fields("json", [Success('{"id": 1, "prompt": "Hi"}'), Success('{"lang": "fr"}')])
    ('prompt', 'lang')
    """
    if form == "lines":
        return ("prompt",)
    names = (name for line in lines for name in fields_of_line(line.value_or("")))
    return tuple(dict.fromkeys(name for name in names if name != "id"))


def fields_of_line(content: Content) -> Iterator[str]:
    """Yield the fields of a JSON object, none of what is none."""
    try:
        fields = json.loads(content) if isinstance(content, str) else None
    except (ValueError, RecursionError):
        return
    if isinstance(fields, dict):
        yield from fields
