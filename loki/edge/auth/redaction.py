"""Texts without secrets: ``add`` says what is secret, ``redact`` takes it out of a text.

All redaction is here. A secret is found in either case, and as others may repeat it: percent-
encoded, with escapes of JSON, Python or HTML (nested ones too), folded, in base64 alone or after
something else (``user:password``), and cut, where ``…`` or ``...`` says that something was cut.
"""

from __future__ import annotations

import re
from base64 import b64encode
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import accumulate
from urllib.parse import quote, quote_plus

#: Every secret looked up or set by this process, so that none is ever printed.
known: set[str] = set()

SHORTEST = 4  # characters: what is shorter may be a part of any word
NEVER = 1 << 62  # characters
LEAST = 8  # characters of base64 that are no accident

#: Where something was cut, maybe in an escape of an escape.
CUT = re.compile(rb"(?:%[0-9a-f]?)?(?:\.{3,}|\xe2\x80\xa6)+")
CUTS = 100  # so many are looked at, the last ones: nobody needs more, and each takes its time
ENTITIES = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'"}


@cache
def escape() -> re.Pattern[bytes]:
    """Return what finds an escape in lower case: one torn by a cut, or folded white space, too."""
    return re.compile(
        rb"""(
          (?: %[0-9a-f]? | &[#a-z0-9]{0,7} | \\+(?:u[0-9a-f]{0,3} | x[0-9a-f]?)?
            | \\+ud[89ab][0-9a-f]{2}(?:\\+(?:u[0-9a-f]{0,3})?)? )(?=\.\.\.|\xe2\x80\xa6)
        | %(?:25)*[0-9a-f]{2}
        | \\+ud[89ab][0-9a-f]{2}\\+ud[c-f][0-9a-f]{2}
        | \\+(?:u[0-9a-f]{4} | x[0-9a-f]{2} | [ntr])?
        | &(?:amp;)*(?:amp | lt | gt | quot | apos | \#[0-9]{1,6} | \#x[0-9a-f]{1,5});
        | \s{2,} | [\t\n\r\f\v]
        )""",
        re.VERBOSE,
    )


def add(*secrets: str) -> None:
    """Never show these secrets from now on, nor any line of them."""
    for secret in secrets:
        known.update((secret, *map(str.strip, secret.splitlines())))


def redact(text: str) -> str:
    """Return a text in which every known secret is ``***``.

    Takes time that grows with the length of the text, however the text is made.
    """
    secrets = frozenset(known)
    if len(text) < shortest_of(secrets) and "…" not in text and "..." not in text:
        return text  # so are most texts of a call that went well, for which nothing is made ready
    needles = needles_of(secrets)
    data = text.encode("utf-8", "surrogatepass")
    plain = data.lower()
    found = [*spans(plain, needles), *spans_in_escapes(plain, needles)]
    if not found:
        return text  # nearly always
    return b"***".join(left(data, sorted(found))).decode("utf-8", "surrogatepass")


def left(data: bytes, found: list[tuple[int, int]]) -> Iterator[bytes]:
    """Yield what stands between spans, which may overlap."""
    end = 0
    for first, last in found:
        if first >= end:
            yield data[end:first]
        end = max(end, last)
    yield data[end:]


# ---- where a secret stands -----------------------------------------------------------------------


def spans(data: bytes, needles: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    """Yield where secrets stand, and where the beginning of one stands before a cut."""
    for needle in needles:
        if len(needle) > len(data):
            break  # so are the others
        at = data.find(needle)
        while at >= 0:
            yield at, at + len(needle)
            at = data.find(needle, at + len(needle))
    for cut in deque(CUT.finditer(data), CUTS):
        yield from unfinished(data, cut.start(), needles)


def unfinished(data: bytes, end: int, needles: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    """Yield where a secret begins that goes on, as far as it is shown, to ``end``."""
    for needle in needles:
        at = data.find(needle[:SHORTEST], max(0, end - len(needle) + 1), end)
        while at >= 0 and not needle.startswith(data[at:end]):
            at = data.find(needle[:SHORTEST], at + 1, end)
        if at >= 0:
            yield at, end


def spans_in_escapes(data: bytes, needles: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    """Yield the same for a text with escapes, by where they stand in the text as it is."""
    parts = escape().split(data)  # every second one is an escape
    if len(parts) == 1:
        return
    decoded = [decode(part) if i % 2 else part for i, part in enumerate(parts)]
    found = [*spans(b"".join(decoded), needles)]
    if not found:
        return
    before, after = [0, *accumulate(map(len, parts))], [0, *accumulate(map(len, decoded))]

    def place(at: int, is_end: bool) -> int:
        part = bisect_right(after, at) - 1
        return before[part + is_end] if part % 2 else before[part] + at - after[part] + is_end

    for first, last in found:
        yield place(first, False), place(last - 1, True)


def decode(part: bytes) -> bytes:
    r"""Return what an escape in lower case stands for, in lower case; nothing for a torn one.

    >>> [decode(each) for each in (rb"%2541", rb"\u00e9", rb"\\n", rb"\\", b"&amp;lt;", b"%4")]
    [b'a', b'\xc3\xa9', b' ', b'', b'<', b'']
    """
    match part[:1]:
        case b"%":
            return bytes.fromhex(part[-2:].decode()).lower() if len(part) > 2 else b""
        case b"&":
            return decode_entity(part)
        case b"\\":
            return decode_backslash(part)
        case _:
            return b" "


def decode_backslash(part: bytes) -> bytes:
    """Return what an escape of JSON's or Python's stands for."""
    units = re.findall(rb"u([0-9a-f]{4})", part)
    if units:
        text = bytes.fromhex(b"".join(units).decode()).decode("utf-16-be", "ignore")
        return text.encode().lower()
    rest = part.lstrip(b"\\")
    if len(rest) == 3:  # x and two digits; a torn one has four with u, or fewer
        return bytes.fromhex(rest[1:].decode()).lower() if rest[:1] == b"x" else b""
    return b" " if rest in (b"n", b"t", b"r") else b""


def decode_entity(part: bytes) -> bytes:
    """Return what an escape of HTML's stands for."""
    name = part[1:-1].rpartition(b";")[2]
    if not part.endswith(b";"):
        return b""
    if name.startswith(b"#"):
        code = int(name[2:], 16) if name[1:2] == b"x" else int(name[1:])
        return chr(code).encode("utf-8", "surrogatepass").lower()
    return ENTITIES[name]


# ---- how a secret may be written -----------------------------------------------------------------


@lru_cache(8)
def shortest_of(secrets: frozenset[str]) -> int:
    """Return how many characters a text has at least that shows one of the secrets whole.

    >>> shortest_of(frozenset({"abc", "sk-0123", "a%41%41"}))
    4
    """
    long = (secret for secret in secrets if len(secret) >= SHORTEST)
    sizes = (len(each) if not re.search(r"[%\\&\s]", each) else SHORTEST for each in long)
    return min(sizes, default=NEVER)


@lru_cache(8)
def needles_of(secrets: frozenset[str]) -> tuple[bytes, ...]:
    """Return all that is looked for, in lower case, the shortest first."""
    long = (secret for secret in secrets if len(secret) >= SHORTEST)
    return tuple(sorted({needle for secret in long for needle in forms(secret)}, key=len))


def forms(secret: str) -> Iterator[bytes]:
    """Yield a secret as others may write it, in lower case."""
    cases = {secret, secret.lower(), secret.upper()}  # letters beyond ASCII have cases too
    for text in {*cases, *spellings(secret)}:
        plain = text.encode("utf-8", "surrogatepass").lower()
        decoded = escape().sub(lambda found: decode(found[0]), plain)
        yield from (each for each in (plain, decoded) if len(each) >= SHORTEST)
    for text in cases:
        yield from in_base64(text.encode("utf-8", "surrogatepass"))


def spellings(secret: str) -> Iterator[str]:
    """Yield a secret with spaces and escapes of several kinds, where decoding may not agree."""
    yield from (secret.replace(" ", "+"), secret.replace("+", " "))
    yield from (quote(secret, errors="replace"), quote_plus(secret, errors="replace"))
    yield from (repr(secret)[1:-1], ascii(secret)[1:-1])


def in_base64(secret: bytes) -> Iterator[bytes]:
    """Yield what base64 makes of a secret, whatever may stand before or after it.

    >>> sorted({*in_base64(b"password")})
    [b'bhc3n3b3jk', b'cgfzc3dvcm', b'cgfzc3dvcmq', b'wyxnzd29yz']
    """
    for before in range(3):
        whole = b64encode(bytes(before) + secret).rstrip(b"=")
        ours = whole[(0, 2, 3)[before] : (before + len(secret)) * 8 // 6]
        for form in {whole, ours} if before == 0 else {ours}:
            if len(form) >= LEAST or form == whole:
                yield form.lower()
                yield form.translate(URL_SAFE).lower()


URL_SAFE = bytes.maketrans(b"+/", b"-_")
