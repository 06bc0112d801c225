"""A file that is read as it comes -> its texts: pieces of bytes, and where each text ends."""

from __future__ import annotations

import os
import select
from collections.abc import Iterable, Iterator
from typing import NamedTuple

PIECE = 1 << 16  # bytes read at once
PAUSE = 0.2  # seconds; texts that have come do not wait longer for more


class Record(NamedTuple):
    """A piece of the input: its number from 0, its name in messages, its bytes, its file."""

    number: int
    place: str
    data: bytes
    source: str | None = None
    line: int | None = None  # of its file, or of stdin


def read_pieces(handle: int) -> Iterator[bytes | None]:
    """Yield what is read, as it comes; None where nothing comes for a while."""
    while True:
        if not is_ready(handle):
            yield None
        data = os.read(handle, PIECE)
        if not data:
            return
        yield data


def is_ready(handle: int) -> bool:
    """Return whether there is more to read within PAUSE; True where that is unknown."""
    try:
        return bool(select.select([handle], [], [], PAUSE)[0])
    except (OSError, ValueError):
        return True


def join(pieces: Iterable[bytes | None]) -> bytes:
    """Return all pieces as one, without the newline at the end."""
    return b"".join(filter(None, pieces)).removesuffix(b"\n")


def split(pieces: Iterable[bytes | None], end: bytes) -> Iterator[bytes | None]:
    r"""Yield what is before each ``end``, and after the last one.

    >>> list(split([b"a\nb", None, b"c\n", b"d"], b"\n"))
    [b'a', None, b'bc', b'd']
    """
    unfinished: list[bytes] = []
    for piece in pieces:
        if piece is None:
            yield None
            continue
        first, *more = piece.split(end)
        unfinished.append(first)
        if more:
            yield b"".join(unfinished)
            yield from more[:-1]
            unfinished = [more[-1]]
    if any(unfinished):
        yield b"".join(unfinished)


def with_lines(texts: Iterable[bytes | None], end: bytes) -> Iterator[tuple[int, bytes | None]]:
    r"""Yield each text with the line that it begins in, from 1; ``end`` is what ended it.

    >>> list(with_lines([b"a\nb", None, b"c"], b"\0"))
    [(1, b'a\nb'), (2, None), (2, b'c')]
    """
    line = 1
    for text in texts:
        yield line, text
        line += 0 if text is None else text.count(b"\n") + end.count(b"\n")
