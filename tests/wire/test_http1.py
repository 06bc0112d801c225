"""The head of an answer and its body: whole however they are cut, and never short in silence."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import cut

from loki.wire.chunked import Broken
from loki.wire.http1 import LONGEST, MOST, Head, read_body, read_head

OK = b"HTTP/1.1 200 OK\r\n"


def hear(pieces: Iterator[bytes]) -> tuple[Head, bytes, bool]:
    """An answer from the pieces that come: its head, its body, whether the connection lasts."""
    data, found = b"", None
    while found is None:
        piece = next(pieces, b"")
        assert piece, "the head never ends"
        data += piece
        found = read_head(data)
    head, rest = found
    body, lasting = drained(read_body(head, rest, pieces))
    return head, body, lasting


def drained(coded: Generator[bytes, None, bool]) -> tuple[bytes, bool]:
    """All of a body, and what its generator returns."""
    pieces = []
    while True:
        try:
            pieces.append(next(coded))
        except StopIteration as end:
            return b"".join(pieces), end.value


ANSWERS: dict[str, tuple[bytes, bytes, bool]] = {  # what comes, the body, whether it lasts
    "a length": (OK + b"Content-Length: 5\r\n\r\nHello", b"Hello", True),
    "nothing": (OK + b"content-length: 0\r\n\r\n", b"", True),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    "the same length twice": (
        OK + b"content-length: 2\r\ncontent-length: 2\r\n\r\nHi",
        b"Hi",
        True,
    ),
    "chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nHi\r\n0\r\n\r\n", b"Hi", True),
    "chunks before a length": (
        OK + b"content-length: 9\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\nHi\r\n0\r\n\r\n",
        b"Hi",
        True,
    ),
    "chunks with a trailer": (
        OK + b"transfer-encoding: chunked\r\n\r\n2\r\nHi\r\n0\r\nx: y\r\n\r\n",
        b"Hi",
        False,
    ),
    "to the end": (OK + b"\r\nHello", b"Hello", False),
    "a farewell": (OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nHi", b"Hi", False),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nHi", b"Hi", False),
    "HTTP/1.0 that stays": (
        b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nHi",
        b"Hi",
        True,
    ),
    "hints before it": (
        b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        + OK
        + b"content-length: 2\r\n\r\nHi",
        b"Hi",
        True,
    ),
    "no reason": (b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nHi", b"Hi", True),
    "bare line ends": (b"HTTP/1.1 200 OK\ncontent-length: 2\n\nHi", b"Hi", True),
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 4096])
def test_an_answer_is_the_same_however_it_is_cut(name: str, size: int) -> None:
    data, body, lasting = ANSWERS[name]
    head, heard, lasts = hear(iter(cut(data, size)))
    assert (head.status in (200, 204), heard) == (True, body)
    # where the last line end comes late, the connection is not waited for
    assert lasts == lasting or (head.chunked and not lasts)


def test_more_than_was_announced_is_not_the_next_answer() -> None:
    _, body, lasting = hear(iter([OK + b"content-length: 2\r\n\r\nHi there"]))
    assert (body, lasting) == (b"Hi", False)
    _, body, lasting = hear(iter([OK + b"content-length: 0\r\n\r\nHi"]))
    assert (body, lasting) == (b"", False)


@pytest.mark.parametrize("sent", range(5))
def test_less_than_was_announced_is_broken(sent: int) -> None:
    data = OK + b"content-length: 5\r\n\r\n" + b"Hello"[:sent]
    with pytest.raises(Broken, match=f"{5 - sent} bytes before the answer did"):
        hear(iter([data]))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"SSH-2.0-OpenSSH_9\r\n", "SSH-2.0-OpenSSH_9"),
        (b"<html>", "<html>"),
        (b"HTTP/2 200\r\n\r\n", "HTTP/2 200"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 2000 OK"),
        (b"HTTP/1.1 OK\r\n\r\n", "HTTP/1.1 OK"),
        (OK + b"content-length: five\r\n\r\n", "content-length: five"),
        (OK + b"content-length: -5\r\n\r\n", "content-length: -5"),
        (OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\n", "content-length: 5, 6"),
        (OK + b"x: " + b"y" * LONGEST, "header lines of over 64 KiB"),
        (OK + b"x: y\r\n" * MOST, "more than 100 headers"),
    ],
)
def test_what_is_no_head_is_said_at_once(data: bytes, said: str) -> None:
    with pytest.raises(Broken) as broken:
        read_head(data)
    assert str(broken.value) == said


def test_headers_that_come_twice_or_in_folds_are_one() -> None:
    found = read_head(OK + b"Via: a\r\nX-Long: b\r\n  c\r\nvia : d\r\nnonsense\r\n\r\n")
    assert found and found[0].headers == {"via": "a, d", "x-long": "b c"}


@given(noise=st.binary(max_size=300), begun=st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", OK]))
def test_garbage_is_broken_or_a_head_but_never_a_crash(noise: bytes, begun: bytes) -> None:
    try:
        found = read_head(begun + noise)
    except Broken as broken:
        assert isinstance(str(broken), str)
    else:
        assert found is None or len(found[1]) <= len(noise)


@given(body=st.binary(max_size=200), size=st.integers(1, 50), fields=st.integers(0, 20))
def test_every_body_comes_out_as_it_went_in(body: bytes, size: int, fields: int) -> None:
    more = b"".join(b"x-%d: y\r\n" % number for number in range(fields))
    data = OK + more + b"content-length: %d\r\n\r\n" % len(body) + body
    assert hear(iter(cut(data, size)))[1:] == (body, True)
