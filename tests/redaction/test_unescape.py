"""Escapes and what nobody sees are known among other characters, and nothing else is."""

from __future__ import annotations

import unicodedata

import pytest

from loki.redaction.unescape import Parts, drop_invisible, rewrite_escapes, undo_latin1


def after(parts: Parts) -> str:
    """Return a text after it was rewritten; its parts before that have to be in order."""
    before, rewritten = parts
    assert [*map(len, before)] and len(before) == len(rewritten)
    return b"".join(rewritten).decode("utf-8", "surrogateescape")


DECODED = [
    ("a%2fb%252Fc", "a/b/c"),
    ("100%, 5%%", "100%, 5%%"),
    (r"\u0041\x42\u{43}\x{44}", "abcd"),
    (r"\ud83d\ude00 \ud83d", "😀 "),
    (r"\\\\n\t\q", "  q"),
    (r"\u{999999}a", "a"),
    ("&amp;&amp;amp;&lt;&#65;&#x42;&NewLine;&shy;", "&&<ab\n\xad"),
    ("&nosuch; & &;", "&nosuch; & &;"),
    ("a%4… b\\u00... c&am…", "a… b... c…"),
]


@pytest.mark.parametrize(("text", "expected"), DECODED)
def test_escapes_are_decoded(text: str, expected: str) -> None:
    data = text.lower().encode()
    assert after(rewrite_escapes(data)) == expected
    assert b"".join(rewrite_escapes(data)[0]) == data


def test_bytes_that_were_taken_for_characters_are_read() -> None:
    text = "s\u200bk…é"
    assert after(undo_latin1(text.encode().decode("latin-1").encode())) == text
    assert after(undo_latin1("äö é".encode())) == "äö é"


def test_what_has_no_width_is_unseen_and_what_has_one_is_seen() -> None:
    """But for what stands for a byte that is no text, and some letters that have no shape."""
    signs = {*"\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2"}
    shapeless = {*"\ufffd\u115f\u1160\u3164\uffa0\u17b4\u17b5"}
    for code in (*range(0x3000), 0x3000, *range(0xFE00, 0x10000), *range(0xE0000, 0xE0200)):
        character = chr(code)
        seen = after(drop_invisible(character.encode())).strip() != ""
        kind = unicodedata.category(character)
        if kind in ("Cc", "Cf", "Zs", "Zl", "Zp"):
            assert not seen or character in signs, hex(code)
        elif not kind.startswith(("M", "Cn")):
            assert seen or character in shapeless, hex(code)


@pytest.mark.parametrize("sequence", ["\x1b[31m", "\x1b[1;38;5;9m", "\x9b0K", "\x1b[?25h"])
def test_a_sequence_for_a_terminal_is_unseen_as_a_whole(sequence: str) -> None:
    assert after(drop_invisible(f"a{sequence}b".encode())) == "ab"


def test_bytes_that_are_no_text_are_unseen() -> None:
    assert after(drop_invisible(b"a\x80b\xffc\xed\xa0\x80d\r\n\te")) == "abcd e"
