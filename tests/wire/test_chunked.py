"""A chunked body comes out whole however it is cut, and never short of its end in silence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import cut

from loki.wire.chunked import Broken, join

PIECES = st.lists(st.binary(min_size=1, max_size=40), max_size=8)


def chunked(pieces: list[bytes]) -> bytes:
    """A body in chunks, with an extension here and there."""
    heads = [b"%x" % len(piece) + (b";a=b" if len(piece) % 3 == 0 else b"") for piece in pieces]
    body = b"".join(h + b"\r\n" + p + b"\r\n" for h, p in zip(heads, pieces, strict=True))
    return body + b"0\r\n\r\n"


@given(pieces=PIECES, size=st.integers(1, 50))
def test_the_body_is_the_same_however_it_is_cut(pieces: list[bytes], size: int) -> None:
    assert b"".join(join(cut(chunked(pieces), size))) == b"".join(pieces)


@given(pieces=PIECES, size=st.integers(1, 50), stop=st.floats(0, 0.999))
def test_a_body_that_ends_early_is_broken(pieces: list[bytes], size: int, stop: float) -> None:
    data = chunked(pieces)[: -len(b"0\r\n\r\n")]
    with pytest.raises(Broken):
        list(join(cut(data[: int(len(data) * stop)], size)))


@given(noise=st.binary(max_size=200))
def test_garbage_is_broken_or_a_body_but_never_a_crash(noise: bytes) -> None:
    try:
        assert len(b"".join(join([noise]))) <= len(noise)
    except Broken as broken:
        assert str(broken)


@pytest.mark.parametrize(
    "data", [b"zz\r\n", b"-1\r\nx", b"2\r\nabc\r\n", b"\r\n", b"0x2\r\nab\r\n", b"1_0\r\n"]
)
def test_what_is_no_chunk_is_said(data: bytes) -> None:
    with pytest.raises(Broken):
        list(join([data]))


def test_what_has_come_of_a_large_chunk_is_told_at_once() -> None:
    pieces = join(iter([b"64\r\nabc", b"def"]))
    assert (next(pieces), next(pieces)) == (b"abc", b"def")
