"""Bytes of an input -> text: as the byte order mark or ``--encoding`` says, else UTF-8."""

from __future__ import annotations

from codecs import IncrementalDecoder, getincrementaldecoder, lookup
from collections.abc import Callable, Iterable, Iterator

from returns.result import Result, Success

from loki.formats.attachments import detect_media_type, has_stray_nul
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
    "stdin has a NUL: byte 1 is 0; tr -d '\\0' takes it out"
    >>> decode_stdin(b"%PDF-1.7\0", None, print).failure().message
    'stdin is binary: byte 8 is 0; attach it with -f -'
    """
    mark, name = find_encoding(data, encoding)
    body = data[len(mark) :]
    text = body.decode(name, "replace").removeprefix("\ufeff")
    if "\0" in text:
        return fail("input", explain_nul(data, has_stray_nul(text)))
    try:
        body.decode(name)
    except UnicodeDecodeError as error:
        place = error.start + len(data) - len(body)
        warn(describe_replaced("stdin", name, place, data[place]))
    return Success(text)


def explain_nul(data: bytes, is_text: bool) -> str:
    r"""Return what to do about an input with a NUL: a text without it, or an attachment.

    >>> explain_nul(b"\x7fELF\0", is_text=False)
    'stdin is binary: byte 4 is 0; it is no image, PDF or sound that could be attached'
    """
    fact = f"byte {data.find(0)} is 0"
    if detect_media_type(data):
        return f"stdin is binary: {fact}; attach it with -f -"
    if is_text:
        return f"stdin has a NUL: {fact}; tr -d '\\0' takes it out"
    return f"stdin is binary: {fact}; it is no image, PDF or sound that could be attached"


def find_encoding(data: bytes, encoding: str | None) -> tuple[bytes, str]:
    r"""Return the byte order mark of an input, and the name of its encoding.

    >>> find_encoding(b"a\0", "UTF-16"), find_encoding(b"\xfe\xff\0a", "UTF-16")
    ((b'', 'utf-16-le'), (b'\xfe\xff', 'utf-16-be'))
    """
    name = lookup(encoding).name if encoding else ""
    if encoding and name not in ("utf-16", "utf-32"):
        return b"", encoding
    marks = (row for row in MARKS if data.startswith(row[0]) and row[1].startswith(name))
    return next(marks, (b"", f"{name}-le" if name else "utf-8"))


def describe_replaced(name: str, encoding: str, place: int, byte: int) -> str:
    """Return that bytes of an input were replaced, and the first of them."""
    text = f"{name} is not {encoding.upper()} text: byte {place} is 0x{byte:02x}"
    return f"{text}; replaced by �, see --encoding"


def recode(
    pieces: Iterable[bytes | None], name: str, encoding: str | None, warn: Callable[[str], None]
) -> Iterator[bytes | None]:
    r"""Yield an input that is read in pieces in UTF-8, whatever it is in; a None passes.

    Warn once if bytes of it had to be replaced.

    >>> [*recode([b"\xff", b"\xfe\xe9", None, b"\0a\0"], "in", None, print)]
    [None, b'\xc3\xa9a']
    """
    recoder = Recoder(name, encoding, warn)
    for piece in pieces:
        if piece is None:
            yield None
        elif text := recoder.feed(piece):
            yield text
    if rest := recoder.feed(b"", is_end=True):
        yield rest


class Recoder:
    """Turns an input into UTF-8, piece by piece."""

    def __init__(self, name: str, encoding: str | None, warn: Callable[[str], None]) -> None:
        self.name, self.encoding, self.warn = name, encoding, warn
        self.head = b""  # which may be the beginning of a byte order mark
        self.decoder: IncrementalDecoder | None = None
        self.place = 0  # of the next byte

    def feed(self, piece: bytes, is_end: bool = False) -> bytes:
        """Return what a piece adds to the text, in UTF-8."""
        if self.decoder is not None:
            return self.decode(self.decoder, piece, is_end).encode("utf-8", "replace")
        self.head += piece
        if not is_end and any(mark.startswith(self.head) for mark, _ in MARKS):
            return b""
        mark, self.encoding = find_encoding(self.head, self.encoding)
        self.decoder, self.place = getincrementaldecoder(self.encoding)(), len(mark)
        text = self.decode(self.decoder, self.head[len(mark) :], is_end)
        return text.removeprefix("\ufeff").encode("utf-8", "replace")

    def decode(self, decoder: IncrementalDecoder, piece: bytes, is_end: bool) -> str:
        """Return what a piece adds to the text; from the first error on, errors are replaced."""
        before = decoder.getstate()
        try:
            text = decoder.decode(piece, is_end)
        except UnicodeDecodeError as error:
            place = self.place - len(before[0]) + error.start
            encoding = self.encoding or "utf-8"
            self.warn(describe_replaced(self.name, encoding, place, error.object[error.start]))
            self.decoder = getincrementaldecoder(encoding)("replace")
            self.decoder.setstate(before)
            text = self.decoder.decode(piece, is_end)
        self.place += len(piece)
        return text
