"""TEXT or stdin -> items: the texts to embed as they come in, or what is wrong with one."""

from __future__ import annotations

import os
import select
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from returns.result import Result, Success

from loki.edge.files import reason
from loki.formats.openai_messages import read_json
from loki.money.estimate import estimate_tokens
from loki.problems import Problem, fail
from loki.railway import fold
from loki.record import record
from loki.records import Json, JsonObject, Model
from loki.stages.chunking import chunk, chunk_size

PIECE = 1 << 16  # bytes read at once
PAUSE = 0.2  # seconds; texts that have come do not wait longer for more


@record
class Item:
    """A text to embed, or the problem with it; ``head`` begins its line of output."""

    head: JsonObject
    place: str  # what messages call it
    text: str = ""
    problem: Problem | None = None


class Record(NamedTuple):
    """A piece of the input: its number from 0, its name in messages, its bytes."""

    number: int
    place: str
    data: bytes


def items_of(flags: Namespace, model: Model) -> Result[Iterator[Item | None], Problem]:
    """Return the items to embed; a None among them says that no more come for a while."""
    return records_of(flags).map(
        lambda records: (
            item
            for record in records
            for item in ([None] if record is None else fit(item_of(record, flags), model, flags))
        )
    )


# ---- records -----------------------------------------------------------------------------------


def records_of(flags: Namespace) -> Result[Iterator[Record | None], Problem]:
    """Return the texts of the command line, else what stdin has."""
    switches = {"--jsonl": flags.jsonl, "-0": flags.null, "--whole": flags.whole}
    named = [name for name, is_given in switches.items() if is_given]
    given = bool(flags.text) and flags.text != ["-"]  # a dash alone is stdin
    if given and named:
        return fail("usage", f"{named[0]} is about stdin, but TEXT is given")
    if len(named) > 1:
        return fail("usage", f"{' and '.join(named)} contradict each other")
    if given:
        return Success(numbered(map(os.fsencode, flags.text), "TEXT"))
    if sys.stdin is None or sys.stdin.isatty():
        return fail("usage", "no text: give TEXT, or pipe texts in, one a line")
    try:
        os.read(sys.stdin.fileno(), 0)
    except OSError as error:
        return fail("input", f"cannot read stdin: {reason(error)}")
    stdin = pieces(sys.stdin.fileno())
    if flags.whole:
        return Success(iter([Record(0, "stdin", join(stdin))]))
    return Success(numbered(split(stdin, b"\0" if flags.null else b"\n"), "line"))


def numbered(texts: Iterable[bytes | None], name: str) -> Iterator[Record | None]:
    """Yield records, each with its number and ``name`` before it in messages."""
    number = 0
    for data in texts:
        yield None if data is None else Record(number, f"{name} {number + 1}", data)
        number += data is not None


def pieces(handle: int) -> Iterator[bytes | None]:
    """Yield what is read, as it comes; None where nothing comes for a while."""
    while True:
        if not is_ready(handle):
            yield None
        data = os.read(handle, PIECE)
        if not data:
            return
        yield data


def is_ready(handle: int) -> bool:
    """Return whether there is more to read within PAUSE; True where that is unknown."""
    try:
        return bool(select.select([handle], [], [], PAUSE)[0])
    except (OSError, ValueError):
        return True


def join(pieces: Iterable[bytes | None]) -> bytes:
    """Return all pieces as one, without the newline at the end."""
    return b"".join(filter(None, pieces)).removesuffix(b"\n")


def split(pieces: Iterable[bytes | None], end: bytes) -> Iterator[bytes | None]:
    r"""Yield what is before each ``end``, and after the last one.

    >>> list(split([b"a\nb", None, b"c\n", b"d"], b"\n"))
    [b'a', None, b'bc', b'd']
    """
    unfinished: list[bytes] = []
    for piece in pieces:
        if piece is None:
            yield None
            continue
        first, *more = piece.split(end)
        unfinished.append(first)
        if more:
            yield b"".join(unfinished)
            yield from more[:-1]
            unfinished = [more[-1]]
    if any(unfinished):
        yield b"".join(unfinished)


# ---- items -------------------------------------------------------------------------------------


def item_of(record: Record, flags: Namespace) -> Item:
    """Return the item of a record: its text, or what is wrong with it."""
    empty = Item({"id": None, "index": record.number}, record.place)
    item = fold(
        text_of(record, flags.null),
        lambda text: read_line(text, empty) if flags.jsonl else replace(empty, text=text),
        lambda problem: replace(empty, problem=problem),
    )
    return item if item.problem or item.text.strip() else with_problem(item, "is empty")


def with_problem(item: Item, reason: str) -> Item:
    """Return an item that cannot be embedded for a reason."""
    return replace(item, problem=Problem("input", f"{item.place} {reason}"))


def text_of(record: Record, null: bool = False) -> Result[str, Problem]:
    r"""Decode UTF-8, without a byte order mark and the carriage return at the end of a line.

    >>> text_of(Record(2, "line 3", b"caf\xe9")).failure().message
    'line 3 is not UTF-8 text: byte 3 is 0xe9'
    """
    try:
        text = record.data.decode("utf-8" if record.number else "utf-8-sig")
    except UnicodeDecodeError as error:
        byte = f"byte {error.start} is 0x{record.data[error.start]:02x}"
        return fail("input", f"{record.place} is not UTF-8 text: {byte}")
    if "\0" in text:
        return fail("input", f"{record.place} has a NUL byte: texts that end with NUL need -0")
    return Success(text if null else text.removesuffix("\r"))


def read_line(text: str, item: Item) -> Item:
    """Return the item in a line ``{"id", "text"}``; the id may be missing.

    >>> read_line('{"id": 7, "text": "a"}', Item({"id": None, "index": 0}, "line 1")).head
    {'id': 7, 'index': 0}
    >>> read_line('{"id": 7}', Item({"id": None, "index": 0}, "line 1")).problem.message
    'line 1 is not {"id": …, "text": "…"}'
    """
    if not text.strip():
        return item

    def read(line: Json) -> Item:
        head = {"id": line["id"]} if isinstance(line, dict) and "id" in line else {}
        named = replace(item, head={**item.head, **head})
        match line:
            case {"text": str(content)}:
                return replace(named, text=content)
            case _:
                return with_problem(named, 'is not {"id": …, "text": "…"}')

    return fold(read_json(text, item.place), read, lambda problem: replace(item, problem=problem))


def fit(item: Item, model: Model, flags: Namespace) -> Iterable[Item]:
    """Return the item if the model takes it, or with ``--chunk`` an item for each piece of it."""
    if item.problem:
        return [item]
    if flags.chunk:
        return in_pieces(item, chunk_size(model))
    most, size = model.max_input_tokens, estimate_tokens(item.text)
    if most is None or size <= most:
        return [item]
    takes = f"{model.name} takes {most:,} (max_input_tokens)"
    return [with_problem(item, f"has about {size:,} tokens, {takes}: split it with --chunk")]


def in_pieces(item: Item, size: int) -> Iterator[Item]:
    """Yield an item for each piece; its text is in the output, which says where it was cut."""
    for number, piece in enumerate(chunk(item.text, size)):
        yield replace(item, head={**item.head, "chunk": number, "text": piece}, text=piece)
