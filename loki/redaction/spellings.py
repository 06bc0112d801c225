"""Secret -> the spellings in which others may repeat it: with escapes, in hex, base32, base64."""

from __future__ import annotations

from base64 import b32encode, b64encode
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

MIN_LENGTH = 8  # characters of a part of something encoded that are no accident

Encode = Callable[[bytes], bytes]


def escaped_spellings(secret: str) -> Iterator[str]:
    """Yield a secret with spaces and escapes of several kinds, where decoding may not agree."""
    yield from (secret.replace(" ", "+"), secret.replace("+", " "), secret.replace("\\", ""))
    yield from (quote(secret, errors="replace"), quote_plus(secret, errors="replace"))
    yield from (repr(secret)[1:-1], ascii(secret)[1:-1])


def encoded_spellings(secret: bytes) -> Iterator[bytes]:
    """Yield a secret in hex, base32 and base64, each also for addresses, in upper or lower case."""
    yield from hex_spellings(secret)
    for before in range(3):
        for text in base_spellings(secret, before, 6, b64encode):
            yield from (text, text.translate(URL_SAFE))
    for before in range(5):
        for text in base_spellings(secret, before, 5, b32encode):
            yield from (text, text.translate(EXTENDED_HEX))


def hex_spellings(secret: bytes) -> Iterator[bytes]:
    """Yield a secret in hexadecimal digits, alone and with something between them.

    >>> [*hex_spellings(b"pass")]
    [b'70617373', b'70:61:73:73', b'70-61-73-73', b'0x700x610x730x73', b'0x70,0x61,0x73,0x73']
    """
    digits = secret.hex()
    pairs = [digits[at : at + 2] for at in range(0, len(digits), 2)]
    yield from ("".join(pairs).encode(), ":".join(pairs).encode(), "-".join(pairs).encode())
    yield from (f"0x{'0x'.join(pairs)}".encode(), f"0x{',0x'.join(pairs)}".encode())


def base_spellings(secret: bytes, before: int, bits: int, encode: Encode) -> Iterator[bytes]:
    """Yield what an encoding of so many bits a character makes of a secret after some bytes.

    The characters that other bytes before and after it would change are left out.

    >>> [*base_spellings(b"password", 0, 6, b64encode)]
    [b'cGFzc3dvcmQ', b'cGFzc3dvcm']
    >>> [*base_spellings(b"password", 1, 6, b64encode)]
    [b'Bhc3N3b3Jk']
    """
    whole = encode(bytes(before) + secret).rstrip(b"=")
    ours = whole[-(-before * 8 // bits) : (before + len(secret)) * 8 // bits]
    if before == 0:
        yield whole
    if len(ours) >= MIN_LENGTH:
        yield ours


URL_SAFE = bytes.maketrans(b"+/", b"-_")
EXTENDED_HEX = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHIJKLMNOPQRSTUV"
)
