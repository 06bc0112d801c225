"""An input in any encoding becomes UTF-8, however its bytes are cut."""

from __future__ import annotations

import pytest

from loki.edge.decode import decode_stdin, recode

TEXT = "é\n☃ 😀\r\n"


def cut(data: bytes, size: int) -> list[bytes]:
    """Return data in pieces of a size."""
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        *((name, None) for name in ("utf-8", "utf-8-sig", "utf-16", "utf-32")),
        *((name, name) for name in ("utf-8", "utf-16", "utf-16-le", "utf-32-be", "gb18030")),
        *((f"{name}-le", name) for name in ("utf-16", "UTF-32")),  # without a mark
    ],
)
def test_a_text_is_the_same_at_every_cut(encoding: str, named: str | None, size: int) -> None:
    warned: list[str] = []
    pieces = recode(cut(TEXT.encode(encoding), size), "in", named, warned.append)
    assert b"".join(filter(None, pieces)).decode() == TEXT and not warned


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("data", "encoding", "text", "place"),
    [
        (b"a\xe9b\xff", None, "a�b�", "in is not UTF-8 text: byte 1 is 0xe9"),
        (b"ab\xe2\x98", None, "ab�", "in is not UTF-8 text: byte 2 is 0xe2"),
        (b"\xef\xbb\xbfa\xff", None, "a�", "in is not UTF-8 text: byte 4 is 0xff"),
        (b"\xff\xfea\0b", None, "a�", "in is not UTF-16-LE text: byte 4 is 0x62"),
        (b"a\x81", "cp1252", "a�", "in is not CP1252 text: byte 1 is 0x81"),
    ],
)
def test_what_has_no_meaning_is_replaced_with_one_note(
    data: bytes, encoding: str | None, text: str, place: str, size: int
) -> None:
    warned: list[str] = []
    pieces = recode(cut(data, size), "in", encoding, warned.append)
    assert b"".join(filter(None, pieces)).decode() == text
    assert warned == [f"{place}; replaced by �, see --encoding"]
    assert decode_stdin(data, encoding, print).unwrap() == text


def test_what_has_come_does_not_wait_for_more() -> None:
    pieces = recode(iter([b"a\n", None, b"b"]), "in", None, print)
    assert [next(pieces), next(pieces), next(pieces)] == [b"a\n", None, b"b"]


def test_nothing_is_nothing() -> None:
    assert [*recode([], "in", None, print)] == [*recode([b""], "in", "utf-16", print)] == []
