"""A secret is known again in whatever others have made of it; other texts are left alone."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.edge.auth import redaction
from loki.edge.auth.redaction import redact


@pytest.fixture(autouse=True)
def no_known_secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start each test without any known secret."""
    monkeypatch.setattr(redaction.PROCESS, "known", set())
    yield


TEXTS = [
    ("Sk-Ab12", "no SK-AB12, nor sk-ab12.", "no ***, nor ***."),
    ("a/b+c d", "a%2Fb%2Bc%20d a%2fb%2bc+d", "*** ***"),
    ("a\"b'c\\d", r"a\"b\'c\\d a\\\"b'c\\\\d", "*** ***"),
    ("one\ntwo three", "two three: one", "***: one"),
    ("one  two", "one two", "***"),
    ("sk-0123456789", "it is sk-012345… or sk-01...", "it is ***… or ***..."),
    ("sk-0123456789", "sk-… is short", "sk-… is short"),
    ("sk-0%2123456789", "sk-0%25212…", "***…"),
    ("Grün-999", "GRÜN-999 gr%C3%BCn-999 gr\\u00fcn-999", "*** *** ***"),
    ("a<b>&c", "a&lt;b&gt;&amp;c, a&amp;lt;b&#62;&#x26;c", "***, ***"),
    ("password", "UEFTU1dPUkQ is cGFzc3dvcmQ=", "*** is ***="),
    ("abc", "abc is too short", "abc is too short"),
    ("tail-99", r"C:\tail-99 100%tail-99 &tail-99", r"C:\*** 100%*** &***"),
    ("s3cret", "é s3cret 😀 \udcff", "é *** 😀 \udcff"),
]


@pytest.mark.parametrize(("secret", "text", "shown"), TEXTS)
def test_a_secret_is_known_again_as_others_write_it(secret: str, text: str, shown: str) -> None:
    redaction.add(secret)
    assert redact(text) == shown


ENCODERS: tuple[Callable[[str], str], ...] = (
    str,
    quote,
    quote_plus,
    lambda secret: quote(quote(secret, safe="")),
    json.dumps,
    lambda secret: json.dumps(secret, ensure_ascii=False),
    lambda secret: json.dumps(json.dumps(secret)),
    repr,
    lambda secret: repr([repr(secret)]),
)


@given(
    st.text(st.characters(min_codepoint=33, exclude_categories=["Cs", "Cc", "Z"]), min_size=8),
    st.sampled_from(ENCODERS),
)
def test_no_encoding_hides_a_secret(secret: str, encode: Callable[[str], str]) -> None:
    redaction.PROCESS.known.clear()
    redaction.add(secret)
    frame = encode("").strip("[]")
    told = redact(f"<{encode(secret)}>")
    assert secret not in told and encode(secret)[1:-1] not in told
    assert len(told) <= len("<***>") + 6 * len(frame) + 6, told


@given(st.binary(max_size=5), st.text("abcXYZ012+/~?", min_size=8), st.binary(max_size=5))
def test_base64_hides_no_secret(before: bytes, secret: str, after: bytes) -> None:
    redaction.PROCESS.known.clear()
    redaction.add(secret)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        told = redact(encode(before + secret.encode() + after).decode())
        assert "***" in told and len(told) <= len("***") + 4 * len(before + after) + 4


def test_a_text_takes_no_more_than_its_length() -> None:
    for number in range(40):
        redaction.add(f"sk-{number:04}-abcdefghijklmnop")
    hostile = ("\\", "%", "%25", "&amp;", "…", "sk-0…", "sk-0001-abcdefghijklmnop ", " ", "\\u00")
    for piece in hostile:
        text = piece * (200_000 // len(piece))
        began = time.process_time()
        redact(text)
        assert time.process_time() - began < 10, piece  # it takes some 0.05 s
