"""Text -> how many tokens it likely has, and how many it has at most, whoever counts."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from string import punctuation
from typing import TypeAlias

CountTokens: TypeAlias = Callable[[str], int]


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text: four letters each in Latin script, two in others.

    >>> estimate_tokens("hello, world"), estimate_tokens("")
    (3, 0)
    """
    latin = len(text) if text.isascii() else len(text.encode("ascii", "ignore"))
    return math.ceil(latin / 4 + (len(text) - latin) / 2)


def tokens_at_most(text: str) -> int:
    """Return how many tokens a text can have, by the least thrifty tokenizer in use.

    Prose has four letters a token; a digit, a mark or a byte of an emoji can be one by itself. No
    tokenizer makes more tokens of a text than it has bytes in UTF-8, and neither does this.

    >>> tokens_at_most("Hello there, world."), tokens_at_most("3.1415"), tokens_at_most("日本語")
    (7, 6, 5)
    """
    long_words = [word for word in text.split() if len(word) >= LONG]
    random = "".join(RANDOM.findall(" ".join(long_words)))  # base64, hashes, keys
    rules = "".join(filter(is_rule, long_words))
    spaces = 3 * len(SPACE_OF_ITS_OWN.findall(text))
    quarters = weigh(text) - weigh(random + rules) + 4 * len(random) + len(rules) + spaces
    return math.ceil(quarters / 4)


def is_rule(word: str) -> bool:
    """Return whether a word is one mark again and again, which makes few tokens.

    >>> is_rule("-----"), is_rule("11111"), is_rule("->->")
    (True, False, False)
    """
    return word[0] in punctuation and word == word[0] * len(word)


def weigh(text: str) -> int:
    """Return the weight of a text, in quarters of a token."""
    return sum(text.encode("utf-8", "replace").translate(WEIGHTS))


def byte_weights() -> bytes:
    """Return the quarters of a token that each byte of UTF-8 adds: the first one of a character."""
    weights = bytearray(256)
    for first, last, quarters in RANGES:
        weights[first : last + 1] = bytes([quarters]) * (last + 1 - first)
    return bytes(weights)


#: The first and last byte of a range, and quarters of a token; the later ones go over the earlier.
#: Bytes that go on with a character (0x80 to 0xBF) add nothing.
RANGES = (
    (0x00, 0x7F, 4),  # digits, punctuation, newlines
    (ord(" "), ord(" "), 1),
    (ord("A"), ord("Z"), 2),
    (ord("a"), ord("z"), 1),
    (0xC2, 0xDF, 4),  # accents, Greek, Cyrillic, Hebrew, Arabic
    (0xE0, 0xE0, 8),  # Devanagari, Tamil, Thai
    (0xE1, 0xE1, 12),  # Georgian, Khmer, Burmese
    (0xE2, 0xE2, 8),  # quotation marks, symbols
    (0xE3, 0xED, 6),  # Chinese, Japanese, Korean
    (0xEE, 0xEF, 8),
    (0xF0, 0xF4, 16),  # emoji, rare letters
)
WEIGHTS = byte_weights()

#: Letters from which on a word is none of a language.
LONG = 20
RANDOM = re.compile(f"[0-9A-Za-z+/=]{{{LONG},}}")
#: A space is a part of the word after it, but not of a number.
SPACE_OF_ITS_OWN = re.compile(r" (?=[0-9])")
