"""A file becomes a part of a message by its first bytes, or a sentence says why it cannot."""

from __future__ import annotations

import pytest

from loki.formats.attachments import detect_media_type, read_attachment
from loki.messages import Media, Text

KINDS: list[tuple[bytes, str]] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff\xe0", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"RIFF\n\n\n\nWEBP", "image/webp"),
    (b"RIFF\n\n\n\nWAVE", "audio/wav"),
    (b"ID3\x04", "audio/mpeg"),
    (b"\xff\xfb\x90", "audio/mpeg"),
    (b"\n%PDF-1.7", "application/pdf"),
    (b" " * 9 + b"%PDF-1.7", ""),
    (b"see %PDF-1.7", ""),
    (b"RIFF....AVI ", ""),
    (b"", ""),
]


@pytest.mark.parametrize(("data", "kind"), KINDS)
def test_the_first_bytes_tell_the_kind(data: bytes, kind: str) -> None:
    assert detect_media_type(data) == kind


def test_media_keep_their_bytes_and_lose_their_folder() -> None:
    media = read_attachment(b"GIF89a", "my/own/a.gif").unwrap()
    assert media == Media("image/gif", b"GIF89a", name="a.gif")


TEXTS: list[tuple[bytes, str, str]] = [
    (b"a", "a.txt", '<file name="a.txt">\na\n</file>\n'),
    (b"a\n", "x/a.txt", '<file name="x/a.txt">\na\n</file>\n'),
    (b"\xef\xbb\xbfa\n", "a", '<file name="a">\na\n</file>\n'),
    (b"a\n", '">\r\n<b', '<file name="_____b">\na\n</file>\n'),
]


@pytest.mark.parametrize(("data", "name", "text"), TEXTS)
def test_a_text_stands_under_its_name_which_cannot_end_its_tag(
    data: bytes, name: str, text: str
) -> None:
    assert read_attachment(data, name).unwrap() == Text(text)


@pytest.mark.parametrize("data", [b"a\0b", b"\xff\xfe", b"PK\x03\x04\x00"])
def test_other_bytes_are_refused_by_the_name_of_their_file(data: bytes) -> None:
    problem = read_attachment(data, "x/a.bin").failure()
    assert problem.kind == "input" and problem.message.startswith("x/a.bin: neither text in UTF-8")
