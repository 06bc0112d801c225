"""A row whose attachments are read when it is sent: its parts in their order, and its keys."""

from __future__ import annotations

from dataclasses import replace

import pytest
from returns.result import Result, Success

from loki.batch.done_rows import HashSet
from loki.batch.row_files import (
    ANSWERED,
    IN_JOB,
    UnreadFile,
    content_identities,
    find_among,
    has_unread_files,
    read_files,
)
from loki.batch.row_key import ask_key
from loki.batch.rows import Attach, InvalidRow, ReadyRow, RowDefaults
from loki.batch.run_key import run_key
from loki.messages import Media, Message, Text
from loki.problems import Problem, fail
from loki.records import Ask

NOTHING = find_among(HashSet())


def contents(path: str) -> Result[Text | Media, Problem]:
    """Return what stands at an address."""
    if path == "bug":
        raise ZeroDivisionError
    return fail("missing", f"no file {path}") if path == "lost" else Success(Text(f"<{path}>"))


DEFAULTS = RowDefaults(Ask(), start_reading=lambda: contents)


def row(*parts: str | Text, id: str = "a") -> ReadyRow:
    """Return a row of some parts; a str is an attachment that is not read yet."""
    content = tuple(UnreadFile("", url=p) if isinstance(p, str) else p for p in parts)
    ask = Ask((Message("system", "Be brief."), Message("user", content)), model="a:b")
    return ReadyRow(3, id, ask_key(ask), ask, fields={"x": 1})


def test_attachments_stand_where_they_were_named() -> None:
    asked = row("one", Text("known"), "two", Text("prompt"))
    read = read_files(DEFAULTS, NOTHING, asked)
    assert isinstance(read, ReadyRow) and not has_unread_files(read.ask)
    assert [part.text for part in read.ask.messages[1].parts if isinstance(part, Text)] == [
        *("<one>", "known", "<two>", "prompt"),
    ]
    assert read.ask.messages[0] == asked.ask.messages[0] and read.key == asked.key


def test_a_row_that_has_all_is_the_same_row() -> None:
    for asked in (row(Text("p")), InvalidRow(1, "a", Problem("input", ""))):
        assert read_files(DEFAULTS, NOTHING, asked) is asked


def test_words_to_be_embedded_are_those_of_the_attachments_too() -> None:
    read = read_files(replace(DEFAULTS, embed=True), NOTHING, row("one", Text("prompt")))
    assert isinstance(read, ReadyRow)
    assert (read.ask.messages, read.ask.texts) == ((), ("Be brief.\n<one>prompt",))


def test_one_time_is_for_all_attachments_of_a_row() -> None:
    begun: list[int] = []

    def start() -> Attach:
        begun.append(1)
        return contents

    read_files(replace(DEFAULTS, start_reading=start), NOTHING, row("one", "two"))
    assert len(begun) == 1


@pytest.mark.parametrize(
    ("path", "kind", "message"),
    [("lost", "missing", "line 3: no file lost"), ("bug", "bug", "ZeroDivisionError()")],
)
def test_what_cannot_be_read_makes_its_row_invalid(path: str, kind: str, message: str) -> None:
    asked = row("one", path)
    read = read_files(DEFAULTS, NOTHING, asked)
    assert isinstance(read, InvalidRow) and read.problem.kind == kind
    assert read.problem.message == message
    assert (read.line, read.id, read.key, read.fields) == (3, "a", asked.key, {"x": 1})


@pytest.mark.parametrize("why", [ANSWERED, IN_JOB])
@pytest.mark.parametrize("end", [None, "", ":3"])
def test_a_row_is_known_by_what_its_attachments_hold(why: Problem, end: str | None) -> None:
    """So earlier versions made its key, and its id where it had none."""
    asked, old = row("one", Text("p")), row(Text("<one>"), Text("p")).key
    id = "a" if end is None else old + end
    asked = asked if end is None else asked._replace(id=asked.key + end)
    known = HashSet()
    known.add(f"{id} {old}")
    find = find_among(known) if why is ANSWERED else find_among(HashSet(), known)
    read = read_files(DEFAULTS, find, asked)
    assert isinstance(read, InvalidRow) and read.problem is why
    assert isinstance(read_files(DEFAULTS, find, row("two", Text("p"))), ReadyRow)


def test_the_key_of_an_unread_file_is_that_of_its_address() -> None:
    assert row("one").key == row("one").key != row("two").key
    assert row("one").key not in (row(Text("one")).key, row(Text("<one>")).key)
    read = read_files(DEFAULTS, NOTHING, row("one"))
    assert isinstance(read, ReadyRow)
    there = row(Text("<one>"))
    new = run_key(there.key, there.ask, DEFAULTS.settings)
    identities = [*content_identities(DEFAULTS.settings, row("one"), read)]
    assert identities == [f"a {new}", f"a {there.key}"]
