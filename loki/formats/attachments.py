"""0. Bytes of a file -> a part of a message: text, or an image, PDF or sound."""

from __future__ import annotations

import re

from returns.result import Result, Success

from loki.messages import Media, Text
from loki.problems import Problem, fail


def read_attachment(data: bytes, name: str) -> Result[Text | Media, Problem]:
    """Return a file as a part of a message: text inline under its name, media attached.

    >>> read_attachment(b"hello\\n", "notes.txt").unwrap()
    Text(text='<file name="notes.txt">\\nhello\\n</file>\\n')
    >>> read_attachment(b"%PDF-1.7", "a.pdf").unwrap().media_type
    'application/pdf'
    """
    kind = detect_media_type(data)
    if kind:
        return Success(Media(kind, data, name=name.rpartition("/")[2]))
    text = data.decode("utf-8-sig", "replace")
    if "\0" in text or not is_utf8(data):
        known = "text in UTF-8, PNG, JPEG, GIF, WebP, PDF, WAV or MP3"
        cure = rf": without byte {data.find(0)}, a NUL, it is text (tr -d '\0')"
        return fail("input", f"{name}: neither {known}{cure if has_stray_nul(text) else ''}")
    end = "" if text.endswith("\n") else "\n"
    safe_name = re.sub(r'["<>\r\n]', "_", name)
    return Success(Text(f'<file name="{safe_name}">\n{text}{end}</file>\n'))


def is_utf8(data: bytes) -> bool:
    """Return whether bytes are UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def has_stray_nul(text: str) -> bool:
    """Return whether a text is one but for NULs: it has no other character that no text has.

    >>> has_stray_nul("a\\0b"), has_stray_nul("PK\\3\\4\\0"), has_stray_nul("\ufffd\\0")
    (True, False, False)
    """
    return "\0" in text and re.search("[\x01-\x08\x0e-\x1a\x1c-\x1f\ufffd]", text) is None


def detect_media_type(data: bytes) -> str:
    """Return the media type by the first bytes, empty if it is none of ours.

    >>> detect_media_type(b"RIFF\\0\\0\\0\\0WEBPVP8 "), detect_media_type(b"hello")
    ('image/webp', '')
    """
    return next((kind for kind, signs in SIGNS.items() if re.match(signs, data, re.DOTALL)), "")


SIGNS: dict[str, bytes] = {
    "image/png": rb"\x89PNG\r\n\x1a\n",
    "image/jpeg": rb"\xff\xd8\xff",
    "image/gif": rb"GIF8[79]a",
    "image/webp": rb"RIFF....WEBP",
    "application/pdf": rb"\s{0,8}%PDF-",
    "audio/wav": rb"RIFF....WAVE",
    "audio/mpeg": rb"ID3|\xff[\xfb\xf3\xf2]",
}
