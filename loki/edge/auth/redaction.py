"""Take secrets out of texts: ``Redactor.add`` makes one known, ``Redactor.redact`` removes it.

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

SHORTEST = 4  # characters: what is shorter may be a part of any word
NEVER = 1 << 62  # characters
LEAST = 8  # characters of base64 that are no accident

#: Where something was cut, maybe in an escape of an escape.
CUT = re.compile(rb"(?:%[0-9a-f]?)?(?:\.{3,}|\xe2\x80\xa6)+")
CUTS = 100  # so many are looked at, the last ones: nobody needs more, and each takes its time
ENTITIES = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'"}


@cache
def escape_pattern() -> re.Pattern[bytes]:
    """Return the pattern of an escape in lower case, also one that is cut, and of folded space."""
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


class Redactor:
    """A set of secrets, and their removal from texts."""

    def __init__(self) -> None:
        """Start without any secret."""
        self.known: set[str] = set()

    def add(self, *secrets: str) -> None:
        """Make secrets known, each of their lines too; no text shows them from now on."""
        for secret in secrets:
            self.known.update((secret, *map(str.strip, secret.splitlines())))

    def hide(self, secret: str) -> str:
        """Return a secret after making it known, for use in an expression."""
        self.add(secret)
        return secret

    def redact(self, text: str) -> str:
        """Return a text in which every known secret is ``***``.

        Takes time that grows with the length of the text, however the text is made.
        """
        secrets = frozenset(self.known)
        if len(text) < shortest_of(secrets) and "…" not in text and "..." not in text:
            return text  # so are most texts of a call that went well: nothing is prepared for them
        needles = needles_of(secrets)
        data = text.encode("utf-8", "surrogatepass")
        lower = data.lower()
        spans = [*find_secret_spans(lower, needles), *find_spans_in_escapes(lower, needles)]
        if not spans:
            return text  # nearly always
        return b"***".join(pieces_between(data, sorted(spans))).decode("utf-8", "surrogatepass")


#: One for the whole process, not one for each Env: a traceback, a log, the ledger and the error of
#: another Env must not show a secret either, and none of them has the Env that looked it up.
PROCESS = Redactor()
add, hide, redact = PROCESS.add, PROCESS.hide, PROCESS.redact


def pieces_between(data: bytes, spans: list[tuple[int, int]]) -> Iterator[bytes]:
    """Yield what stands between spans, which are in order and may overlap."""
    end = 0
    for first, last in spans:
        if first >= end:
            yield data[end:first]
        end = max(end, last)
    yield data[end:]


# ---- where a secret stands -----------------------------------------------------------------------


def find_secret_spans(data: bytes, needles: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    """Yield start and end of every secret, whole or cut off where a cut is marked."""
    for needle in needles:
        if len(needle) > len(data):
            break  # so are the others
        at = data.find(needle)
        while at >= 0:
            yield at, at + len(needle)
            at = data.find(needle, at + len(needle))
    for cut in deque(CUT.finditer(data), CUTS):
        yield from find_cut_secrets(data, cut.start(), needles)


def find_cut_secrets(data: bytes, end: int, needles: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    """Yield start and end of secrets whose beginning is cut off at ``end``."""
    for needle in needles:
        at = data.find(needle[:SHORTEST], max(0, end - len(needle) + 1), end)
        while at >= 0 and not needle.startswith(data[at:end]):
            at = data.find(needle[:SHORTEST], at + 1, end)
        if at >= 0:
            yield at, end


def find_spans_in_escapes(data: bytes, needles: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    """Yield the same for a text with escapes, as places in the text before they are decoded."""
    parts = escape_pattern().split(data)  # every second one is an escape
    if len(parts) == 1:
        return
    decoded = [decode(part) if i % 2 else part for i, part in enumerate(parts)]
    spans = [*find_secret_spans(b"".join(decoded), needles)]
    if not spans:
        return
    before, after = [0, *accumulate(map(len, parts))], [0, *accumulate(map(len, decoded))]

    def place(at: int, is_end: bool) -> int:
        part = bisect_right(after, at) - 1
        return before[part + is_end] if part % 2 else before[part] + at - after[part] + is_end

    for first, last in spans:
        yield place(first, False), place(last - 1, True)


def decode(part: bytes) -> bytes:
    r"""Return what an escape in lower case stands for, in lower case; nothing for a cut one.

    >>> [decode(part) for part in (rb"%2541", rb"\u00e9", rb"\\n", rb"\\", b"&amp;lt;", b"%4")]
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
    escape_code = part.lstrip(b"\\")
    if len(escape_code) == 3:  # x and two digits; a cut one has four with u, or fewer
        return bytes.fromhex(escape_code[1:].decode()).lower() if escape_code[:1] == b"x" else b""
    return b" " if escape_code in (b"n", b"t", b"r") else b""


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
    """Return the length in characters of the shortest text that can show a whole secret.

    >>> shortest_of(frozenset({"abc", "sk-0123", "a%41%41"}))
    4
    """
    long = (secret for secret in secrets if len(secret) >= SHORTEST)
    sizes = (len(secret) if not re.search(r"[%\\&\s]", secret) else SHORTEST for secret in long)
    return min(sizes, default=NEVER)


@lru_cache(8)
def needles_of(secrets: frozenset[str]) -> tuple[bytes, ...]:
    """Return every spelling to look for, in lower case, the shortest first."""
    long = (secret for secret in secrets if len(secret) >= SHORTEST)
    return tuple(sorted({needle for secret in long for needle in spellings_of(secret)}, key=len))


def spellings_of(secret: str) -> Iterator[bytes]:
    """Yield a secret as others may write it, in lower case."""
    cases = {secret, secret.lower(), secret.upper()}  # letters beyond ASCII have cases too
    for text in {*cases, *escaped_spellings(secret)}:
        plain = text.encode("utf-8", "surrogatepass").lower()
        decoded = escape_pattern().sub(lambda match: decode(match[0]), plain)
        yield from (needle for needle in (plain, decoded) if len(needle) >= SHORTEST)
    for text in cases:
        yield from in_base64(text.encode("utf-8", "surrogatepass"))


def escaped_spellings(secret: str) -> Iterator[str]:
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
