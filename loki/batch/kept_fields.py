"""Fields of the input -> what of them stands in a line of the output, beside ours."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from returns.result import Result

from loki.batch.rows import Content, Row
from loki.json_text import JsonObject
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


def kept_fields(row: Row) -> JsonObject:
    """Return the fields of the input that go into a line: those of a row that has them."""
    return {name_kept_field(name): value for name, value in (row.fields or {}).items()}


def name_kept_field(name: str) -> str:
    """Return the name under which a field of the input stands in an output line.

    >>> name_kept_field("lang"), name_kept_field("text")
    ('lang', 'input_text')
    """
    return f"input_{name}" if name in RESERVED_NAMES else name


#: The names that lines have of their own.
RESERVED_NAMES = frozenset(
    ("id", "line", "key", "model", "text", "reasoning", "tool_calls", "finish", "finish_raw")
    + ("usage", "cost", "seconds", "first_token_seconds", "attempts", "request_id", "data")
    + ("message", "carry", "sources", "cached", "embedding", "error")
)
