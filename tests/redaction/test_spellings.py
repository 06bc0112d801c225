"""A secret's spellings: each encoder's output holds one, whatever stands before and after."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.redaction.spellings import MIN_LENGTH, encoded_spellings, escaped_spellings, hex_spellings

ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "hex": lambda data: data.hex().encode(),
    "hex with colons": lambda data: data.hex(":").encode(),
    "base32": base64.b32encode,
    "base32 in the extended alphabet": base64.b32hexencode,
    "base64": base64.b64encode,
    "base64 for addresses": base64.urlsafe_b64encode,
}


@pytest.mark.parametrize("name", ENCODERS)
@given(before=st.binary(max_size=6), secret=st.binary(min_size=9), after=st.binary(max_size=6))
def test_what_an_encoder_makes_holds_a_spelling(
    name: str, before: bytes, secret: bytes, after: bytes
) -> None:
    text = ENCODERS[name](before + secret + after)
    found = [each for each in encoded_spellings(secret) if each in text]
    assert found and max(map(len, found)) >= MIN_LENGTH


@pytest.mark.parametrize("secret", [b"a", b"pass", b"password"])
def test_no_spelling_is_so_short_that_it_may_be_a_part_of_a_word(secret: bytes) -> None:
    alone = {ENCODERS[name](secret).rstrip(b"=") for name in ENCODERS} | {*hex_spellings(secret)}
    parts = {*encoded_spellings(secret)} - alone
    assert all(len(part) >= MIN_LENGTH for part in parts)


ESCAPED = [
    ("a b", {"a+b", "a b", "a%20b"}),
    ("a/b+c", {"a/b+c", "a/b c", "a/b%2Bc", "a%2Fb%2Bc"}),
    ("a'\"", {"a'\"", "a%27%22", "a\\'\""}),
    ("a\\tb", {"a\\tb", "atb", "a%5Ctb", "a\\\\tb"}),
]


@pytest.mark.parametrize(("secret", "expected"), ESCAPED)
def test_a_secret_is_spelled_with_its_escapes(secret: str, expected: set[str]) -> None:
    assert {*escaped_spellings(secret)} == expected
