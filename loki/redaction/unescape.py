"""Bytes of a text -> its parts, those that hide something as they are and as they may be read.

That is: escapes of addresses, JSON, Python and HTML, nested ones too, also where they are cut;
bytes of UTF-8 that were taken for characters; characters that nobody sees. Bytes are in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

#: The parts of a text, of which every second one is rewritten, before and after it.
Parts = tuple[list[bytes], list[bytes]]


def rewrite_escapes(data: bytes) -> Parts:
    """Return the parts of a text; what is rewritten are escapes."""
    parts = escape_pattern().split(data)
    return parts, [decode(part) if i % 2 else part for i, part in enumerate(parts)]


def undo_latin1(data: bytes) -> Parts:
    """Return the parts of a text; what is rewritten is UTF-8 that was taken for Latin-1."""
    return rewrite_characters(latin_pattern(), decode_latin, data)


def drop_invisible(data: bytes) -> Parts:
    """Return the parts of a text; white space becomes a space, what nobody sees nothing."""
    return rewrite_characters(unseen_pattern(), decode_unseen, data)


def rewrite_characters(
    pattern: re.Pattern[str], decode: Callable[[str], str], data: bytes
) -> Parts:
    """Return the parts of a text, whose bytes may be no UTF-8."""
    texts = pattern.split(data.decode("utf-8", "surrogateescape"))
    parts = [text.encode("utf-8", "surrogateescape") for text in texts]
    return parts, [
        decode(text).encode("utf-8", "surrogateescape") if i % 2 else parts[i]
        for i, text in enumerate(texts)
    ]


# ---- escapes -------------------------------------------------------------------------------------


@cache
def escape_pattern() -> re.Pattern[bytes]:
    """Return the pattern of an escape in lower case, also of one that is cut."""
    return re.compile(
        rb"""(
          (?: %[0-9a-f]? | &[#a-z0-9]{0,24} | \\+(?:u[0-9a-f]{0,3} | x[0-9a-f]?)?
            | \\+ud[89ab][0-9a-f]{2}(?:\\+(?:u[0-9a-f]{0,3})?)? )(?=\.\.\.|\xe2\x80\xa6)
        | %(?:25)*[0-9a-f]{2}
        | \\+ud[89ab][0-9a-f]{2}\\+ud[c-f][0-9a-f]{2}
        | \\+(?:u[0-9a-f]{4} | x[0-9a-f]{2} | [ux]\{[0-9a-f]{1,6}\} | [ntrfvab])?
        | &(?:amp;)*(?:[a-z][a-z0-9]{1,24} | \#[0-9]{1,6} | \#x[0-9a-f]{1,5});
        )""",
        re.VERBOSE,
    )


def decode(part: bytes) -> bytes:
    r"""Return what an escape stands for, nothing for one that is cut.

    >>> [decode(part) for part in (rb"%2541", rb"\u00e9", rb"\\n", rb"\\", b"&amp;lt;", b"%4")]
    [b'a', b'\xc3\xa9', b' ', b'', b'<', b'']
    """
    match part[:1]:
        case b"%":
            return bytes.fromhex(part[-2:].decode()).lower() if len(part) > 2 else b""
        case b"&":
            return decode_entity(part)
        case _:
            return decode_backslash(part)


def decode_backslash(part: bytes) -> bytes:
    r"""Return what an escape of JSON's, Python's or Rust's stands for.

    >>> [decode_backslash(part) for part in (rb"\x41", rb"\u{e9}", rb"\ud83d\ude00", rb"\b")]
    [b'a', b'\xc3\xa9', b'\xf0\x9f\x98\x80', b'']
    """
    if braced := re.search(rb"\{([0-9a-f]+)\}", part):
        return character(int(braced[1], 16))
    if units := re.findall(rb"u([0-9a-f]{4})", part):
        text = bytes.fromhex(b"".join(units).decode()).decode("utf-16-be", "ignore")
        return text.encode().lower()
    escape_code = part.lstrip(b"\\")
    if len(escape_code) == 3:  # x and two digits; a cut one has four with u, or fewer
        return bytes.fromhex(escape_code[1:].decode()).lower() if escape_code[:1] == b"x" else b""
    return b" " if escape_code in (b"n", b"t", b"r", b"f", b"v") else b""


def decode_entity(part: bytes) -> bytes:
    """Return what an escape of HTML's stands for; one of no meaning stands for itself.

    >>> [decode_entity(part) for part in (b"&amp;#62;", b"&#x26;", b"&sol;", b"&odd;", b"&lt")]
    [b'>', b'&', b'/', b'&odd;', b'']
    """
    name = part[1:-1].rpartition(b";")[2]
    if not part.endswith(b";"):
        return b""
    if name.startswith(b"#"):
        return character(int(name[2:], 16) if name[1:2] == b"x" else int(name[1:]))
    return entities().get(name, part)


@cache
def entities() -> dict[bytes, bytes]:
    """Return what the names of HTML's characters stand for, both in lower case."""
    from html.entities import html5

    return {
        name.removesuffix(";").lower().encode(): text.lower().encode()
        for name, text in html5.items()
    }


def character(code: int) -> bytes:
    """Return a character in lower case; nothing for a number that is none."""
    if code > 0x10FFFF:
        return b""
    return chr(code).lower().encode("utf-8", "surrogatepass")


# ---- what nobody sees ----------------------------------------------------------------------------

#: Control characters, marks over others, marks of direction, joiners, fillers, tags, and what
#: stands for bytes that are no text.
NO_WIDTH = (
    "\\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u0300-\u036f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20d0-\u20f0\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff9-\ufffb\ufffd\U0001d173-\U0001d17a\U000e0000-\U000e01ef"
)


@cache
def unseen_pattern() -> re.Pattern[str]:
    """Return the pattern of white space, and of what has no width on a screen."""
    return re.compile(rf"(\s+|(?:(?:\x1b\[|\x9b)[0-?]{{0,99}}[ -/]{{0,9}}[@-~]|[{NO_WIDTH}])+)")


def decode_unseen(part: str) -> str:
    r"""Return a space for white space, nothing for what is not seen at all.

    >>> decode_unseen("\r\n"), decode_unseen("\u200b")
    (' ', '')
    """
    return " " if part.isspace() else ""


@cache
def latin_pattern() -> re.Pattern[str]:
    """Return the pattern of characters that may be bytes of UTF-8, each taken for one."""
    return re.compile("([\x80-\xff]{2,})")


def decode_latin(part: str) -> str:
    r"""Return the text whose bytes were taken for characters, else the same.

    HTTP's headers are read so.

    >>> decode_latin("\u200b".encode().decode("latin-1")), decode_latin("äö")
    ('\u200b', 'äö')
    """
    try:
        return part.encode("latin-1").decode()
    except UnicodeDecodeError:
        return part
