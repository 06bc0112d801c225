"""A field of the input -> its name in a line of the output, beside the names of ours."""

from __future__ import annotations


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
