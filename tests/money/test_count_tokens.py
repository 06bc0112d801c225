"""Tokens at most are no fewer than any tokenizer makes, and few more than prose has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.money.count_tokens import estimate_tokens, tokens_at_most

PROSE = """The lighthouse stood at the end of a long spit of sand, and for most of the year nobody
went there. In autumn, when the storms had moved the channel once more, an engineer came from the
harbour office with a book of soundings and a thermos of tea. She measured for two days, wrote down
what she had found, and left the rest to the people who would draw the new chart in the winter."""

#: A text, and the most tokens that a tokenizer in use makes of it, piece by piece.
HARD = [
    ("4" * 300, 300),  # a digit each: Gemma, and Llama before its third
    ("2026-11-26 15:04:59 " * 10, 200),
    ("3.14159 2.71828 1.41421", 23),
    ("\U0001f600" * 10, 40),  # a token for each byte
    ("\U0001f468\u200d\U0001f469\u200d\U0001f467", 16),  # a family of three, with joiners
    ("\U0001f1e9\U0001f1ea", 8),  # a flag
    ("\u2600\ufe0f", 4),
    ("日本語の文章を数える。" * 5, 60),  # one or two of each, and less where words are known
    ("今天天气很好,我们去公园散步吧。" * 5, 90),
    ("\u1019\u103c\u1014\u103a\u1019\u102c", 18),  # Burmese, which no list of tokens has
    ("\u0928\u092e\u0938\u094d\u0924\u0947", 12),
    ("aGVsbG8gd29ybGQsIHRoaXMgaXMgYmFzZTY0IGFuZCBub3QgcHJvc2U=", 56),
    ("d41d8cd98f00b204e9800998ecf8427e", 32),
    ('{"a":[1,2,{"b":null}]}', 16),
]


@pytest.mark.parametrize(("text", "tokens"), HARD, ids=[ascii(text)[:20] for text, _ in HARD])
def test_what_is_hard_to_cut_counts_as_dear_as_it_can_be(text: str, tokens: int) -> None:
    assert tokens_at_most(text) >= tokens > estimate_tokens(text)


def test_prose_counts_little_more_than_is_likely() -> None:
    likely = estimate_tokens(PROSE)
    assert likely <= tokens_at_most(PROSE) <= 1.15 * likely


def test_a_rule_counts_little() -> None:
    assert tokens_at_most("-" * 80) == 20


@given(st.text())
def test_tokens_are_no_more_than_bytes_and_no_fewer_than_likely(text: str) -> None:
    size = len(text.encode("utf-8", "replace"))
    assert estimate_tokens(text) <= tokens_at_most(text) <= size


@given(st.text(), st.text())
def test_a_longer_text_has_no_fewer_tokens(text: str, more: str) -> None:
    assert tokens_at_most(f"{text} {more}") >= max(tokens_at_most(text), tokens_at_most(more))
