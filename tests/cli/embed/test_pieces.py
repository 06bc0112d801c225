"""What is read as it comes, cut where each text ends."""

from __future__ import annotations

import os

import pytest

from loki.cli.embed.pieces import join, read_pieces, split


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    ("data", "end", "texts"),
    [
        (b"one\ntwo\n", b"\n", [b"one", b"two"]),
        (b"one\n\ntwo", b"\n", [b"one", b"", b"two"]),
        (b"one\ntwo\0three\0", b"\0", [b"one\ntwo", b"three"]),
        (b"", b"\n", []),
    ],
)
def test_texts_are_the_same_wherever_what_is_read_is_cut(
    data: bytes, end: bytes, texts: list[bytes], size: int
) -> None:
    cut = [data[at : at + size] for at in range(0, len(data), size)]
    assert list(split(cut, end)) == texts


def test_a_pause_is_told_and_the_rest_comes_after_it() -> None:
    out, into = os.pipe()
    os.write(into, b"one\n")
    come = read_pieces(out)
    assert next(come) == b"one\n"
    assert next(come) is None
    os.write(into, b"two\n")
    os.close(into)
    assert join(come) == b"two"
    os.close(out)
