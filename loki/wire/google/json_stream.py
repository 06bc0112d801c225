"""Bytes -> the objects of a JSON array, as they close: how Google streams without SSE."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

MARKS = re.compile(rb'\\.|["{}]', re.DOTALL)
DEPTH = {b"{": 1, b"}": -1}


def split(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    r"""The objects that each chunk completed; what else stands between them goes with the next.

    >>> list(split([b'[{"a": "}\\', b'""}\n,\n{"b', b'": {}}]']))
    [[], [b'{"a": "}\\""}'], [b'{"b": {}}']]
    """
    waiting, seen, depth, quoted = b"", 0, 0, False
    for chunk in chunks:
        waiting += chunk
        end = len(waiting.rstrip(b"\\"))  # what a backslash escapes may be yet to come
        found, done = [], 0
        for mark in MARKS.finditer(waiting, seen, end):
            quoted ^= mark[0] == b'"'
            depth += 0 if quoted else DEPTH.get(mark[0], 0)
            if depth == 0 and mark[0] == b"}" and not quoted:
                found.append(waiting[done : mark.end()].lstrip(b"[, \t\r\n"))
                done = mark.end()
        waiting, seen = waiting[done:], end - done
        yield found
