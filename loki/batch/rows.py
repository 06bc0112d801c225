"""The rows of a run, and what holds for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import NamedTuple, TypeAlias

from returns.result import Result

from loki.json_text import Json, JsonObject
from loki.messages import Media, Text
from loki.problems import Problem, fail
from loki.record import record
from loki.records import Ask, Patch


class ReadyRow(NamedTuple):
    """A row of the input, ready to be asked."""

    line: int  # where it stands, from 1
    id: str | int
    key: str  # of what would be asked; the same question has the same key
    ask: Ask
    patch: Patch | None = None  # what its line wants of the request beyond an Ask
    fields: JsonObject | None = None  # of its line, where they are to be kept
    earlier_key: str = ""  # which versions gave it that knew nothing of a run's own settings

    def patches(self, others: tuple[Patch, ...]) -> tuple[Patch, ...]:
        """Return the patches of its request: the others, then its own."""
        return others if self.patch is None else (*others, self.patch)


class InvalidRow(NamedTuple):
    """A row that cannot be asked."""

    line: int
    id: str | int
    problem: Problem
    fields: JsonObject | None = None  # of its line, where they are to be kept
    key: str = ""  # of what would be asked, where that is known


Row: TypeAlias = ReadyRow | InvalidRow


class RunSettings(NamedTuple):
    """What a run asks with beyond the Ask of its rows, as far as it is a part of their keys."""

    patches: str = "[{},[]]"  # of the command line, as JSON: changes of the body, and an address
    temperature: float | None = None  # of the configuration, for rows without one
    top_p: float | None = None


class RaggedLine(NamedTuple):
    """A line of a table that has not a cell for each column: those that it has, by their names."""

    fields: Mapping[str, str]
    problem: Problem


#: What a line holds: a JSON text, or the fields of a table.
Content: TypeAlias = str | Mapping[str, str] | RaggedLine

#: A line's number and what it holds, or why it cannot be read.
Line: TypeAlias = tuple[int, Result[Content, Problem]]

#: Reads what a line names: an attachment by its path.
Attach: TypeAlias = Callable[[str], Result[Text | Media, Problem]]

#: Makes the prompt of a row from its fields.
Fill: TypeAlias = Callable[[Mapping[str, Json]], Result[str, Problem]]


def refuse_file(path: str) -> Result[Text | Media, Problem]:
    """Fail: where nothing else was said, no row attaches a file."""
    return fail("usage", f"{path}: no files here")


@record
class RowDefaults:
    """What holds for every row of a run."""

    ask: Ask  # what no row says otherwise: model, temperature …; its messages come first
    input_format: str = "json"  # of the lines: json, lines, csv
    template: str | None = None  # the prompt, with {names} of fields
    fill: Fill | None = None  # makes a prompt of fields otherwise
    embed: bool = False  # rather than ask
    settings: RunSettings = field(default_factory=RunSettings)  # for the keys of rows
    keep_fields: bool = False  # the fields of each row, for its line in the output
    attach: Attach = field(default=refuse_file)  # what is slow, it leaves unread
    #: Begins the time that a row has for its slow attachments; returns what reads one.
    start_reading: Callable[[], Attach] = lambda: refuse_file
    report_bug: Callable[[Exception], Problem] = lambda report_bug: Problem(
        "bug", repr(report_bug)
    )  # keeps it, too


class CountedRows:
    """Rows, how many of them were taken, and whether there are no more.

    While ``is_reading``, another thread waits for the next one, and nobody else can take it.
    """

    def __init__(self, rows: Iterator[Row]) -> None:
        self.rows, self.count, self.is_over, self.is_reading = rows, 0, False, False

    def __iter__(self) -> Iterator[Row]:
        """Return this iterator."""
        return self

    def __next__(self) -> Row:
        """Return the next row, after counting it."""
        self.is_reading = True
        try:
            row = next(self.rows)
        except StopIteration:
            self.is_over = True
            raise
        finally:
            self.is_reading = False
        self.count += 1
        return row
