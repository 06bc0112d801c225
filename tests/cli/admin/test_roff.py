"""Roff as docutils writes it becomes plain text: nothing is lost, nothing is left of its markup."""

from __future__ import annotations

import re

import pytest

from loki.cli.admin.man import pages
from loki.cli.admin.roff import to_text
from loki.edge.files import read_data

PARTS = {
    "words are wrapped": (".sp\n" + "word " * 20, " " * 7 + "word"),
    "a term and what it means": (
        ".TP\n.B \\fB\\-m\\fP\nthe model",
        "       -m\n              the model",
    ),
    "an item": (".IP \\(bu 2\nfirst", "       • first"),
    "an example stays": (".EX\na  \\(dqb\\(dq\\en\n\\&.c\n.EE", '       a  "b"\\n\n       .c'),
    "deeper": (".INDENT 3.5\n.sp\nin\n.UNINDENT", " " * 11 + "in"),
    "headings": (".SH A\n.SS B\nc", "A\n   B\n       c"),
    "macros of docutils": (".de1 X\nnever\n..\n.sp\nc", "       c"),
}


@pytest.mark.parametrize(("page", "text"), PARTS.values(), ids=list(PARTS))
def test_each_part_of_a_page_is_as_man_would_show_it(page: str, text: str) -> None:
    shown = to_text(f'.TH "a" "1"\n{page}\n')
    assert text in shown and shown.startswith("a(1)\n") and "never" not in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("name", pages())
def test_every_page_becomes_text_with_no_word_lost(name: str) -> None:
    page = read_data(f"man/{name}")
    shown = to_text(page)
    assert not re.search(r"\\f|\\\(|^\.[A-Z]", shown, re.MULTILINE)
    bare = re.sub(r"\\(\(..|.)", " ", page.partition(".TH")[2])
    plain = {*re.findall(r"[a-z]{6,}", bare)} - {"indent", "generated"}
    assert [word for word in plain if word not in shown] == []
    assert "\n\n\n" not in shown
