"""Bytes of stdin -> text: as the byte order mark or ``--encoding`` says, else UTF-8."""

from __future__ import annotations

from collections.abc import Callable

from returns.result import Result, Success

from loki.problems import Problem, fail

#: Byte order marks; those of UTF-32 begin as those of UTF-16 do, and so come first.
MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


def decode_stdin(
    data: bytes, encoding: str | None, warn: Callable[[str], None]
) -> Result[str, Problem]:
    r"""Return the text; warn if bytes of it had to be replaced, fail if it has a NUL.

    >>> decode_stdin(b"caf\xe9", None, print).unwrap()
    stdin is not UTF-8 text: byte 3 is 0xe9; replaced by �, see --encoding
    'caf�'
    >>> decode_stdin(b"a\0b", None, print).failure().message
    'stdin is binary: byte 1 is 0; attach it with -f -'
    """
    mark, marked = next((row for row in MARKS if data.startswith(row[0])), (b"", "utf-8"))
    body, name = (data, encoding) if encoding else (data[len(mark) :], marked)
    text = body.decode(name, "replace").removeprefix("\ufeff")
    if "\0" in text:
        return fail("input", f"stdin is binary: byte {data.find(0)} is 0; attach it with -f -")
    try:
        body.decode(name)
    except UnicodeDecodeError as error:
        place = error.start + len(data) - len(body)
        byte = f"byte {place} is 0x{data[place]:02x}"
        warn(f"stdin is not {name.upper()} text: {byte}; replaced by �, see --encoding")
    return Success(text)
