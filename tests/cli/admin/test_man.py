"""loki --man: pages as plain text in a pipe, by any of their names; on a terminal by man."""

from __future__ import annotations

import os
import shutil

import pytest
from commands import Home
from terminals import talk


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ([], "loki(1)"),
        (["pipe"], "loki-pipe(1)"),
        (["loki-pipe"], "loki-pipe(1)"),
        (["Config"], "loki-config(5)"),
        (["loki-python(7)"], "loki-python(7)"),
        (["loki-batch.1"], "loki-batch(1)"),
    ],
)
def test_a_page_is_plain_text_in_a_pipe(home: Home, words: list[str], title: str) -> None:
    done = home.call("--man", *words, prog="loki")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{title}\n\nNAME\n       {title.partition('(')[0]} - ")
    assert "\\" not in done.out.partition("SYNOPSIS")[0] and "\x1b" not in done.out


def test_a_page_that_is_not_there_is_named_with_its_neighbour(home: Home) -> None:
    done = home.call("--man", "confg", prog="loki")
    assert (done.code, done.out) == (64, "")
    assert done.err == "loki: usage: no manual page 'confg'; did you mean 'loki-config'?\n"


@pytest.mark.skipif(shutil.which("man") is None, reason="no man on this machine")
def test_man_shows_the_page_on_a_terminal(home: Home) -> None:
    home.environ |= {"PAGER": "cat", "MANPAGER": "cat", "TERM": "dumb", "MANWIDTH": "80"}
    assert "send a prompt to a language model" in talk(home, ["loki", "--man", "pipe"])


def test_the_pager_shows_the_page_where_there_is_no_man(home: Home) -> None:
    home.environ |= {"PAGER": "cat", "TERM": "dumb", "PATH": str(home.folder)}
    os.symlink("/bin/cat", home.folder / "cat")
    shown = talk(home, ["loki", "--man", "pipe"])
    assert "loki-pipe - send a prompt to a language model" in shown
