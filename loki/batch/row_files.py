"""A row whose attachments are not read yet -> the same row with them, when it is to be sent.

An address may be slow: while it is read, other rows go on. So the key of such a row is made of the
address, not of what stands there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from returns.result import Success

from loki.batch.done_rows import HashSet, row_identity
from loki.batch.row_key import ask_key
from loki.batch.rows import InvalidRow, ReadyRow, Row, RowDefaults, RunSettings
from loki.batch.run_key import run_key
from loki.messages import Media, Message, Text
from loki.problems import Problem
from loki.railway import gather
from loki.record import record, replace
from loki.records import Ask


@record
class UnreadFile(Media):
    """An attachment that is not read yet; ``url`` is its address or its path."""


def has_unread_files(ask: Ask) -> bool:
    """Return whether attachments of an ask are not read yet."""
    return any(
        isinstance(part, UnreadFile)
        for turn in ask.messages
        if not isinstance(turn.content, str)
        for part in turn.content
    )


#: Says why a row of such an identity is not to be asked again, None if it is.
FindEarlier: TypeAlias = Callable[[str], Problem | None]

ANSWERED = Problem("usage", "an earlier run answered this row", code="answered_before")
IN_JOB = Problem("usage", "this row is out as a batch job", code="in_job")


def find_among(done: HashSet, away: HashSet | None = None) -> FindEarlier:
    """Return what finds a row among those that were answered, or are out as batch jobs."""

    def find_earlier(identity: str) -> Problem | None:
        if away is not None and identity in away:
            return IN_JOB
        return ANSWERED if identity in done else None

    return find_earlier


def read_files(defaults: RowDefaults, find_earlier: FindEarlier, row: Row) -> Row:
    """Return a row with all that it attaches; it is invalid where something cannot be read.

    So is one that an earlier version asked under the key of its contents: see ``find_earlier``.
    """
    if isinstance(row, InvalidRow) or not has_unread_files(row.ask):
        return row
    try:
        read = fill_in(defaults, row)
    except Exception as bug:
        return as_invalid(row, defaults.report_bug(bug))
    if isinstance(read, ReadyRow):
        for identity in content_identities(defaults.settings, row, read):
            if why := find_earlier(identity):
                return as_invalid(row, why)
    return read


def fill_in(defaults: RowDefaults, row: ReadyRow) -> Row:
    """Return a row with what its attachments hold."""
    read = defaults.start_reading()
    files = [part for turn in row.ask.messages for part in unread_files(turn)]
    result = gather(read(part.url) for part in files)
    if not isinstance(result, Success):
        problem = result.failure()
        return as_invalid(row, replace(problem, message=f"line {row.line}: {problem.message}"))
    found = iter(result.unwrap())
    turns = tuple(with_files(turn, found) for turn in row.ask.messages)
    ask = replace(row.ask, messages=turns)
    return row._replace(ask=as_embed_ask(ask) if defaults.embed else ask)


def unread_files(turn: Message) -> list[UnreadFile]:
    """Return the attachments of a turn that are not read yet."""
    return [part for part in turn.parts if isinstance(part, UnreadFile)]


def with_files(turn: Message, found: Iterator[Text | Media]) -> Message:
    """Return a turn with the next of some parts in the places of what is not read yet."""
    if not unread_files(turn):
        return turn
    parts = (next(found) if isinstance(part, UnreadFile) else part for part in turn.parts)
    return replace(turn, content=tuple(parts))


def as_embed_ask(ask: Ask) -> Ask:
    """The words of a row, to be embedded."""
    return replace(ask, messages=(), texts=("\n".join(turn.text for turn in ask.messages),))


def as_invalid(row: ReadyRow, problem: Problem) -> InvalidRow:
    """Return a row as one that is not asked, for some reason."""
    return InvalidRow(row.line, row.id, problem, row.fields, row.key)


def content_identities(settings: RunSettings, row: ReadyRow, read: ReadyRow) -> Iterator[str]:
    """Yield by what a row is known whose attachments stand here, in this version and earlier ones.

    The id of a row that had none was made of its key.
    """
    own, id = ask_key(read.ask, read.patch), str(row.id)
    for key in (run_key(own, read.ask, settings), own):
        named = key + id[len(row.key) :] if id.startswith(row.key) else row.id
        yield row_identity(named, key)
