"""Bytes -> the objects of a JSON array, as they close: how Google streams without SSE."""

from __future__ import annotations

import re

MARKS = re.compile(rb'\\.|["{}]', re.DOTALL)
DEPTH = {b"{": 1, b"}": -1}


class ArraySplitter:
    r"""Splits an array into its objects; what stands between them goes with the next.

    >>> splitter = ArraySplitter()
    >>> splitter.feed(b'[{"a": "}\\'), splitter.feed(b'""}\n,\n{"b'), splitter.feed(b'": {}}]')
    ([], [b'{"a": "}\\""}'], [b'{"b": {}}'])
    """

    def __init__(self) -> None:
        self.waiting = b""  # the beginning of an object
        self.seen = 0  # bytes of it that have been looked at
        self.depth = 0  # of the braces at that place
        self.is_quoted = False  # that place is within a string
        self.is_done = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the objects that a piece of the stream completed."""
        self.waiting += data
        end = len(self.waiting.rstrip(b"\\"))  # what a backslash escapes may be yet to come
        objects, start = [], 0
        for mark in MARKS.finditer(self.waiting, self.seen, end):
            if self.closes(mark[0]):
                objects.append(self.waiting[start : mark.end()].lstrip(b"[, \t\r\n"))
                start = mark.end()
        self.waiting, self.seen = self.waiting[start:], end - start
        return objects

    def closes(self, mark: bytes) -> bool:
        """Count a quote or a brace; return whether it closes an object of the array."""
        self.is_quoted ^= mark == b'"'
        if self.is_quoted:
            return False
        self.depth += DEPTH.get(mark, 0)
        return self.depth == 0 and mark == b"}"

    def end(self) -> list[bytes]:
        """Return nothing: an object that is open at the end is none."""
        return []
