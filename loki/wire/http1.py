"""Bytes off a connection -> the head of an answer and its body, as in RFC 9112.

The standard library reads a head with its parser for e-mail, line by line; that takes as long as
everything else that sending a small request does.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from itertools import chain
from typing import NamedTuple

from loki.problems import excerpt
from loki.wire.chunked import Broken, join


class Head(NamedTuple):
    """What an answer says before its body."""

    status: int
    headers: dict[str, str]  # by their names in lower case; what comes twice is joined by commas
    length: int | None  # of the body, in bytes; None if its end is told otherwise
    chunked: bool  # else a body of no length ends with the connection
    lasting: bool  # whether the connection may be used again


LONGEST = 65536  # bytes of a head
MOST = 100  # headers, where there seems to be no end of them
END = re.compile(rb"\r?\n\r?\n")
STATUS = re.compile(r"HTTP/1\.(\d) (\d{3})(?!\d)")
FOLD = re.compile(r"\r?\n[ \t]+")


def read_head(data: bytes) -> tuple[Head, bytes] | None:
    r"""The head, and what has come after it; None while it is not whole; raises Broken.

    >>> head, rest = read_head(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHel")
    >>> head.status, head.headers, head.length, rest
    (200, {'content-length': '5'}, 5, b'Hel')
    """
    status, end = 100, 0
    while status < 200:  # answers before the answer, such as 103 Early Hints
        data = data[end:]
        if not data.startswith(b"HTTP/"[: len(data)]):
            raise Broken(excerpt(data[:999].split(b"\n")[0].decode("latin-1"), 60))
        found = END.search(data)
        if found is None:
            if len(data) > LONGEST:
                raise Broken(f"header lines of over {LONGEST >> 10} KiB")
            if data.count(b"\n") > MOST:
                raise Broken(f"more than {MOST} headers")
            return None
        text, end = data[: found.start()].decode("latin-1"), found.end()
        version, status = status_of(text)
    headers = read_headers(text)
    chunked = headers.get("transfer-encoding", "").lower().endswith("chunked")
    options = headers.get("connection", "").lower()
    lasting = "keep-alive" in options if version == "0" else "close" not in options
    return Head(status, headers, length_of(status, headers), chunked, lasting), data[end:]


def status_of(text: str) -> tuple[str, int]:
    r"""The version's second number and the status that a head's first line tells; raises Broken.

    >>> status_of("HTTP/1.1 200 OK\r\nVia: a")
    ('1', 200)
    """
    found = STATUS.match(text)
    if found is None:
        raise Broken(excerpt(text.split("\n")[0], 60))
    return found[1], int(found[2])


def read_headers(text: str) -> dict[str, str]:
    r"""The fields of a head; a line that is none is passed over.

    >>> read_headers("HTTP/1.1 200 OK\r\nVia: a\r\nVIA : b,\r\n c\r\nnone")
    {'via': 'a, b, c'}
    """
    headers: dict[str, str] = {}
    folded = "\n " in text or "\n\t" in text
    for line in (FOLD.sub(" ", text) if folded else text).split("\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            name, value = name.strip().lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def length_of(status: int, headers: dict[str, str]) -> int | None:
    """How many bytes follow; None if they are chunked, or go on to the end; raises Broken."""
    if status in (204, 304):
        return 0
    said = headers.get("content-length")
    if said is None or "transfer-encoding" in headers:
        return None
    lengths = {each.strip() for each in said.split(",")}  # twice the same is meant once
    length = lengths.pop()
    if lengths or not (length.isascii() and length.isdigit() and len(length) < 19):
        raise Broken(f"content-length: {excerpt(said, 60)}")
    return int(length)


def read_body(head: Head, rest: bytes, arrivals: Iterator[bytes]) -> Generator[bytes, None, bool]:
    """The body as it comes; raises Broken. Returns whether the connection may be used again."""
    if head.length is not None:
        return (yield from measured(head.length, rest, arrivals)) and head.lasting
    pieces = chain((rest,) if rest else (), arrivals)
    if head.chunked:
        after = yield from join(pieces)
        return head.lasting and after == b"\r\n"
    yield from pieces
    return False


def measured(length: int, rest: bytes, arrivals: Iterator[bytes]) -> Generator[bytes, None, bool]:
    """So many bytes; whether there were no more than these."""
    if here := rest[:length]:
        yield here
    left = length - len(rest)
    while left > 0:
        piece = next(arrivals, b"")
        if not piece:
            raise Broken(f"the connection ended {left:,} bytes before the answer did")
        yield piece[:left]
        left -= len(piece)
    return left == 0
