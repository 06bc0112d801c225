"""Bytes off a connection -> bytes of a chunked body, as in RFC 9112, section 7.1.

The standard library reads such a body chunk by chunk, and providers put every token into a chunk
of its own; here whatever has arrived comes out at once, at a fifth of the time.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable

from loki.problems import excerpt


class Broken(ValueError):
    """The body is not chunked as it should be, or ends too early."""


LAST = -1  # instead of what is left of a chunk
LONGEST = 65536  # bytes of the line before a chunk, extensions included


def join(pieces: Iterable[bytes]) -> Generator[bytes, None, bytes]:
    r"""The body in as many pieces as came; raises Broken. Returns what came after the last chunk.

    >>> list(join([b"3\r\nab", b"c\r\n2\r\nde\r\n", b"0\r\n\r\n"]))
    [b'ab', b'cde']
    """
    rest, left = b"", 0  # what is not yet read, and how much of a chunk and its end is to come
    for piece in pieces:
        body: list[bytes] = []
        try:
            rest, left = take(rest + piece, left, body)
        except Broken:
            yield b"".join(body)  # what came before the damage was good
            raise
        if body:
            yield b"".join(body)
        if left == LAST:
            return rest
        if len(rest) > LONGEST:
            raise Broken(f"no chunk begins with {excerpt(rest[:99].decode('latin-1'), 20)!r}")
    raise Broken("the body ended before its last chunk")


def take(data: bytes, left: int, body: list[bytes]) -> tuple[bytes, int]:
    r"""Add to ``body`` what is there; the rest, and what is left of the chunk at its end.

    >>> body = []
    >>> take(b"3\r\nabc\r\n4\r\nde", 0, body), body
    ((b'', 4), [b'abc', b'de'])
    """
    at = 0
    while at < len(data) and left != LAST:
        if left > 2:
            body.append(data[at : at + left - 2])
            at, left = at + len(body[-1]), left - len(body[-1])
        elif left:  # the line end after a chunk
            if data[at] != b"\r\n"[2 - left]:
                raise Broken("a chunk is longer than it says")
            at, left = at + 1, left - 1
        elif (end := data.find(b"\n", at)) >= 0:
            size = size_of(data[at:end])
            at, left = end + 1, size + 2 if size else LAST
        else:
            break
    return data[at:], left


def size_of(line: bytes) -> int:
    r"""The size that a chunk's first line tells.

    >>> size_of(b"1A;name=value\r")
    26
    """
    match = re.match(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t\r]*(?:;|$)", line)
    if match is None:
        raise Broken(f"no chunk begins with {excerpt(line[:99].decode('latin-1'), 20)!r}")
    return int(match[1], 16)
