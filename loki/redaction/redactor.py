"""Take secrets out of texts: ``Redactor.add`` makes one known, ``Redactor.redact`` removes it.

All redaction is here. A command has one Redactor, in its Console; an Env that a script opens has
one of its own. Whoever learns a secret, or shows a text, is given it.

A secret is found in either case, and as others may repeat it: percent-encoded, with escapes of
JSON, Python or HTML (nested ones too), in hex, base32 or base64, alone or after something else
(``user:password``), with spaces, line ends or characters inside that nobody sees, and cut, where
``…`` or ``...`` says that something was cut.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate

from loki.record import record

MIN_SECRET = 4  # characters: what is shorter may be a part of any word
LONG = 8  # characters: what is as long is no accident where spaces are left out

#: Where something was cut, maybe in an escape of an escape.
CUT = rb"(?:%[0-9a-f]?)?(?:\.{3,}|\xe2\x80\xa6)+"
CUTS = 100  # so many are looked at, the last ones: nobody needs more, and each takes its time


class Redactor:
    """A set of secrets, and their removal from texts."""

    def __init__(self, *secrets: str) -> None:
        """Start with these secrets."""
        self.known: dict[str, float] = {}  # secrets, and the length of what can show each
        self.needles: dict[str, tuple[bytes, ...]] = {}  # what to look for, by its secret
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Make secrets known, each of their lines too; no text shows them from now on."""
        for secret in secrets:
            for line in (secret, *map(str.strip, secret.splitlines())):
                if line not in self.known:
                    self.known[line] = shortest_text(line)

    def hide(self, secret: str) -> str:
        """Return a secret after making it known, for use in an expression."""
        self.add(secret)
        return secret

    def redact(self, text: str) -> str:
        """Return a text in which every known secret is ``***``.

        Takes time that grows with the length of the text, however the text is made.
        """
        is_cut = "…" in text or "..." in text
        known = self.known.copy()  # other threads may add to it
        secrets = [each for each, least in known.items() if is_cut or least <= len(text)]
        if not secrets:
            return text  # so are most texts of a call that went well: nothing is prepared for them
        needles = [needle for secret in secrets for needle in self.needles_of(secret)]
        data = text.encode("utf-8", "surrogatepass")
        spans = sorted(find_spans(data.lower(), needles))
        if not spans:
            return text  # nearly always
        return b"***".join(pieces_between(data, spans)).decode("utf-8", "surrogatepass")

    def needles_of(self, secret: str) -> tuple[bytes, ...]:
        """Return every spelling of a secret, which is worked out once, when it is first needed."""
        if secret not in self.needles:
            self.needles[secret] = needles_of(secret)
        return self.needles[secret]


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
        at = data.find(needle)
        while at >= 0:
            yield at, at + len(needle)
            at = data.find(needle, at + len(needle))
    for cut in deque(re.finditer(CUT, data), CUTS):
        yield from find_truncated_secrets(data, cut.start(), needles)


def find_truncated_secrets(
    data: bytes, end: int, needles: Iterable[bytes]
) -> Iterator[tuple[int, int]]:
    """Yield start and end of secrets whose beginning is cut off at ``end``."""
    for needle in needles:
        at = data.find(needle[:MIN_SECRET], max(0, end - len(needle) + 1), end)
        while at >= 0 and not needle.startswith(data[at:end]):
            at = data.find(needle[:MIN_SECRET], at + 1, end)
        if at >= 0:
            yield at, end


# ---- what hides it -------------------------------------------------------------------------------


#: The parts of a text, of which every second one is rewritten, before and after it.
Parts = tuple[list[bytes], list[bytes]]


@record
class Decoding:
    """A rewriting of a text that may bring a secret to light."""

    is_needed: Callable[[bytes], bool]  # told quickly: most texts need none
    rewrite: Callable[[bytes], Parts]
    least: int = 0  # bytes of the secrets to look for after it


def rewrite_by(name: str) -> Callable[[bytes], Parts]:
    """Return a function of the module unescape, which is loaded where it is needed."""

    def rewrite(data: bytes) -> Parts:
        from loki.redaction import unescape

        parts: Parts = getattr(unescape, name)(data)
        return parts

    return rewrite


def drop_spaces(data: bytes) -> Parts:
    """Return the parts of a text; spaces become nothing."""
    parts = re.split(SPACES, data)
    return parts, [b"" if i % 2 else part for i, part in enumerate(parts)]


def has_escapes(text: bytes) -> bool:
    """Return whether a text may have escapes."""
    return b"%" in text or b"\\" in text or b"&" in text


def is_graphic(data: bytes) -> bool:
    """Return whether bytes are ASCII that is seen, or spaces."""
    return data.isascii() and data.decode("ascii").isprintable()


def can_shrink(data: bytes) -> bool:
    """Return whether a step may leave out more of some bytes than spaces."""
    return has_escapes(data) or not is_graphic(data)


SPACES = b"( +)"

#: One after the other. A short secret is not looked for across spaces: it may be parts of words.
STEPS = (
    Decoding(has_escapes, rewrite_by("rewrite_escapes")),
    Decoding(lambda data: b"\xc2" in data or b"\xc3" in data, rewrite_by("undo_latin1")),
    Decoding(lambda data: b"  " in data or not is_graphic(data), rewrite_by("drop_invisible")),
    Decoding(lambda data: b" " in data, drop_spaces, LONG),
)


def find_spans(
    data: bytes, needles: Sequence[bytes], steps: Sequence[Decoding] = STEPS
) -> Iterator[tuple[int, int]]:
    """Yield start and end of every secret in a text as it is, and after each step."""
    yield from find_secret_spans(data, needles)
    for number, step in enumerate(steps, 1):
        if step.is_needed(data):
            yield from find_spans_after(step, data, needles, steps[number:])
            return


def find_spans_after(
    step: Decoding, data: bytes, needles: Sequence[bytes], steps: Sequence[Decoding]
) -> Iterator[tuple[int, int]]:
    """Yield the same for a text after a step, as places in the text before it."""
    parts, decoded = step.rewrite(data)
    sought = [needle for needle in needles if len(needle) >= step.least]
    spans = [*find_spans(b"".join(decoded), sought, steps)]
    if not spans:
        return
    before, after = [0, *accumulate(map(len, parts))], [0, *accumulate(map(len, decoded))]

    def place(at: int, is_end: bool) -> int:
        part = bisect_right(after, at) - 1
        return before[part + is_end] if part % 2 else before[part] + at - after[part] + is_end

    for first, last in spans:
        yield place(first, False), place(last - 1, True)


# ---- what to look for ----------------------------------------------------------------------------


def shortest_text(secret: str) -> float:
    """Return the length in characters of the shortest text that can show a whole secret.

    >>> [shortest_text(secret) for secret in ("abc", "sk-0123", "a b c d e", "a%41%41")]
    [inf, 7, 5, 4]
    """
    if len(secret) < MIN_SECRET:
        return float("inf")
    is_odd = can_shrink(secret.encode("utf-8", "surrogatepass"))
    return MIN_SECRET if is_odd else max(MIN_SECRET, len(secret) - secret.count(" "))


def needles_of(secret: str) -> tuple[bytes, ...]:
    """Return every spelling of a secret to look for, in lower case, as after each of the steps."""
    from loki.redaction.spellings import encoded_spellings, escaped_spellings

    cases = {secret, secret.lower(), secret.upper()}  # letters beyond ASCII have cases too
    texts = {text.encode("utf-8", "surrogatepass") for text in cases}
    escaped = {text.encode("utf-8", "surrogatepass") for text in escaped_spellings(secret)}
    encoded = {each for text in texts for each in encoded_spellings(text)}
    agreeing = set() if any(map(can_shrink, texts)) else escaped  # are decoded to the secret
    rewritten = (each for text in texts | escaped - agreeing for each in decode_all(text.lower()))
    found = {*rewritten, *(text.lower() for text in agreeing | encoded)}
    return tuple(each for each in found if len(each) >= MIN_SECRET)


def decode_all(data: bytes) -> Iterator[bytes]:
    """Yield bytes as they are, and after each step."""
    yield data
    for step in STEPS:
        if step.is_needed(data):
            data = b"".join(step.rewrite(data)[1])
            if len(data) >= step.least:
                yield data
