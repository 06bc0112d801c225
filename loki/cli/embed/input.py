"""Words or stdin -> items: the texts to embed as they come in, or what is wrong with one."""

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
from loki.money.estimate import estimate
from loki.problems import Problem, fail
from loki.railway import fold
from loki.record import record
from loki.records import Json, JsonObject, Model
from loki.stages.chunking import chunk, size_of

PIECE = 1 << 16  # bytes read at once
PAUSE = 0.2  # seconds; what has come is not kept waiting for longer


@record
class Item:
    """A text to embed, or why there is none; ``head`` begins its line of output."""

    head: JsonObject
    place: str  # what messages call it
    text: str = ""
    problem: Problem | None = None


class Record(NamedTuple):
    """What was given, by its number from 0, and what messages call it."""

    number: int
    place: str
    data: bytes


def items_of(flags: Namespace, model: Model) -> Result[Iterator[Item | None], Problem]:
    """The items that the flags and stdin name; None among them where no more come for a while."""
    return records_of(flags).map(
        lambda records: (
            each
            for record in records
            for each in ([None] if record is None else suited(item(record, flags), model, flags))
        )
    )


# ---- records -----------------------------------------------------------------------------------


def records_of(flags: Namespace) -> Result[Iterator[Record | None], Problem]:
    """The words of the command line, else what stdin has."""
    ways = {"--jsonl": flags.jsonl, "-0": flags.null, "--whole": flags.whole}
    named = [name for name, said in ways.items() if said]
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
    found = pieces(sys.stdin.fileno())
    if flags.whole:
        return Success(iter([Record(0, "stdin", whole(found))]))
    return Success(numbered(ended(found, b"\0" if flags.null else b"\n"), "line"))


def numbered(found: Iterable[bytes | None], what: str) -> Iterator[Record | None]:
    """Records, each with its number."""
    number = 0
    for data in found:
        yield None if data is None else Record(number, f"{what} {number + 1}", data)
        number += data is not None


def pieces(handle: int) -> Iterator[bytes | None]:
    """What comes in, as it comes; None where nothing more does for a while."""
    while True:
        if not is_ready(handle):
            yield None
        data = os.read(handle, PIECE)
        if not data:
            return
        yield data


def is_ready(handle: int) -> bool:
    """Whether there is more to read, or will be soon; where nobody can tell, there is."""
    try:
        return bool(select.select([handle], [], [], PAUSE)[0])
    except (OSError, ValueError):
        return True


def whole(found: Iterable[bytes | None]) -> bytes:
    """All of it, without the end of its last line."""
    return b"".join(filter(None, found)).removesuffix(b"\n")


def ended(found: Iterable[bytes | None], end: bytes) -> Iterator[bytes | None]:
    r"""What stands before each ``end``, and after the last one.

    >>> list(ended([b"a\nb", None, b"c\n", b"d"], b"\n"))
    [b'a', None, b'bc', b'd']
    """
    begun: list[bytes] = []
    for piece in found:
        if piece is None:
            yield None
            continue
        first, *more = piece.split(end)
        begun.append(first)
        if more:
            yield b"".join(begun)
            yield from more[:-1]
            begun = [more[-1]]
    if any(begun):
        yield b"".join(begun)


# ---- items -------------------------------------------------------------------------------------


def item(record: Record, flags: Namespace) -> Item:
    """The text of a record."""
    plain = Item({"id": None, "index": record.number}, record.place)
    made = fold(
        text_of(record, flags.null),
        lambda text: row(text, plain) if flags.jsonl else replace(plain, text=text),
        lambda problem: replace(plain, problem=problem),
    )
    return made if made.problem or made.text.strip() else wrong(made, "is empty")


def wrong(item: Item, how: str) -> Item:
    """An item that cannot be embedded."""
    return replace(item, problem=Problem("input", f"{item.place} {how}"))


def text_of(record: Record, null: bool = False) -> Result[str, Problem]:
    r"""UTF-8, without a byte order mark, or what DOS has at the end of a line.

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


def row(text: str, item: Item) -> Item:
    """The item that a line ``{"id", "text"}`` names; the id may be missing.

    >>> row('{"id": 7, "text": "a"}', Item({"id": None, "index": 0}, "line 1")).head
    {'id': 7, 'index': 0}
    >>> row('{"id": 7}', Item({"id": None, "index": 0}, "line 1")).problem.message
    'line 1 is not {"id": …, "text": "…"}'
    """
    if not text.strip():
        return item

    def named(told: Json) -> Item:
        known = {"id": told["id"]} if isinstance(told, dict) and "id" in told else {}
        made = replace(item, head={**item.head, **known})
        match told:
            case {"text": str(found)}:
                return replace(made, text=found)
            case _:
                return wrong(made, 'is not {"id": …, "text": "…"}')

    return fold(read_json(text, item.place), named, lambda problem: replace(item, problem=problem))


def suited(item: Item, model: Model, flags: Namespace) -> Iterable[Item]:
    """The item itself if the model takes it, or with ``--chunk`` an item for each piece of it."""
    if item.problem:
        return [item]
    if flags.chunk:
        return in_pieces(item, size_of(model))
    most, size = model.max_input_tokens, estimate(item.text)
    if most is None or size <= most:
        return [item]
    takes = f"{model.name} takes {most:,} (max_input_tokens)"
    return [wrong(item, f"has about {size:,} tokens, {takes}: --chunk cuts it up")]


def in_pieces(item: Item, size: int) -> Iterator[Item]:
    """An item for each piece of a text, which goes along: nobody else knows where it was cut."""
    for number, piece in enumerate(chunk(item.text, size)):
        yield replace(item, head={**item.head, "chunk": number, "text": piece}, text=piece)
