"""TEXT or stdin -> items: the texts to embed as they come in, or what is wrong with one."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field

from returns.result import Result, Success

from loki.cli.embed.pieces import Record, join, read_pieces, split, with_lines
from loki.cli.prompt_notes import file_note, named_files
from loki.edge.decode import recode
from loki.edge.files import describe_os_error
from loki.formats.openai_messages import read_json
from loki.json_text import Json, JsonObject
from loki.money.count_tokens import estimate_tokens
from loki.problems import Problem, fail
from loki.railway import fold
from loki.record import record, replace
from loki.records import Model
from loki.stages.chunking import chunk, chunk_size


@record
class Item:
    """A text to embed, or the problem with it; ``head`` begins its line of output."""

    line_head: JsonObject
    place: str  # what messages call it
    text: str = ""
    problem: Problem | None = None
    source: str | None = None  # the file that it stands in
    line: int | None = None  # where it begins there, from 1
    fields: JsonObject = field(default_factory=dict)  # what a line of JSON has beside it


def items_of(
    flags: Namespace, model: Model, warn: Callable[[str], None]
) -> Result[Iterator[Item | None], Problem]:
    """Return the items to embed; a None among them says that no more come for a while."""
    return records_of(flags, warn).map(
        lambda records: (
            item
            for record in records
            if record is None or is_wanted(record, flags)
            for item in (
                [None] if record is None else fit_to_model(item_of(record, flags), model, flags)
            )
        )
    )


def is_wanted(record: Record, flags: Namespace) -> bool:
    """Return whether a record is a text: into a store go no blank lines, which notes have."""
    return flags.into is None or bool(record.data.strip())


# ---- records -----------------------------------------------------------------------------------


def records_of(
    flags: Namespace, warn: Callable[[str], None]
) -> Result[Iterator[Record | None], Problem]:
    """Return the texts of the command line, else those of files, else what stdin has."""
    switches = {"--jsonl": flags.jsonl, "-0": flags.null, "--whole": flags.whole}
    named = [name for name, is_given in switches.items() if is_given]
    given = bool(flags.text) and flags.text != ["-"]  # a dash alone is stdin
    if given and named:
        return fail("usage", f"{named[0]} is about stdin, but TEXT is given")
    if len(named) > 1:
        return fail("usage", f"{' and '.join(named)} contradict each other")
    if given and flags.file:
        return fail("usage", "-f names the texts, but TEXT is given as well")
    if given:
        if names := named_files(flags.text, False):
            warn(file_note(names, flags.text == names))
        return Success(number_records(map(os.fsencode, flags.text), "TEXT"))
    if flags.file:
        from loki.cli.embed.files import records_in_files

        return records_in_files(flags.file, separator_of(flags), flags.encoding, warn)
    return records_on_stdin(flags, warn)


def records_on_stdin(
    flags: Namespace, warn: Callable[[str], None]
) -> Result[Iterator[Record | None], Problem]:
    """Return the texts that stdin has, as they come."""
    if sys.stdin is None or sys.stdin.isatty():
        return fail("usage", "no text: give TEXT, or pipe texts in, one a line")
    try:
        os.read(sys.stdin.fileno(), 0)
    except OSError as error:
        return fail("input", f"cannot read stdin: {describe_os_error(error)}")
    stdin = recode(read_pieces(sys.stdin.fileno()), "stdin", flags.encoding, warn)
    if flags.whole:
        return Success(iter([Record(0, "stdin", join(stdin), None, 1)]))
    end = separator_of(flags) or b"\n"
    return Success(number_records(split(stdin, end), "line", end))


def separator_of(flags: Namespace) -> bytes | None:
    """Return what ends a text of the input; None where all of it is one."""
    return None if flags.whole else b"\0" if flags.null else b"\n"


def number_records(
    texts: Iterable[bytes | None], name: str, end: bytes = b""
) -> Iterator[Record | None]:
    """Yield records, each with its number and ``name`` before it in messages.

    Those of stdin have a line: ``end`` is what ends a text there.
    """
    number = 0
    for line, data in with_lines(texts, end):
        place, known = f"{name} {number + 1}", line if end else None
        yield None if data is None else Record(number, place, data, None, known)
        number += data is not None


# ---- items -------------------------------------------------------------------------------------


def item_of(record: Record, flags: Namespace) -> Item:
    """Return the item of a record: its text, or what is wrong with it."""
    place = {"source": record.source, "line": record.line} if record.source else {}
    head = {"id": None, "index": record.number, **place}
    empty = Item(head, record.place, source=record.source, line=record.line)
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
    r"""Decode UTF-8, without the carriage return at the end of a line; TEXT may be anything.

    >>> text_of(Record(2, "line 3", b"caf\xe9")).failure().message
    'line 3 is not UTF-8 text: byte 3 is 0xe9'
    """
    try:
        text = record.data.decode()
    except UnicodeDecodeError as error:
        byte = f"byte {error.start} is 0x{record.data[error.start]:02x}"
        return fail("input", f"{record.place} is not UTF-8 text: {byte}")
    if "\0" in text:
        return fail("input", f"{record.place} has a NUL byte: texts that end with NUL need -0")
    return Success(text if null else text.removesuffix("\r"))


def read_line(text: str, item: Item) -> Item:
    """Return the item in a line ``{"id", "text"}``; the id may be missing.

    >>> read_line('{"id": 7, "text": "a"}', Item({"id": None, "index": 0}, "line 1")).line_head
    {'id': 7, 'index': 0}
    >>> read_line('{"id": 7}', Item({"id": None, "index": 0}, "line 1")).problem.message
    'line 1 is not {"id": …, "text": "…"}'
    """
    if not text.strip():
        return item

    def read(line: Json) -> Item:
        head = {"id": line["id"]} if isinstance(line, dict) and "id" in line else {}
        named = replace(item, line_head={**item.line_head, **head})
        match line:
            case {"text": str(content)}:
                return replace(named, text=content, fields=other_fields(line))
            case _:
                return with_problem(named, 'is not {"id": …, "text": "…"}')

    return fold(read_json(text, item.place), read, lambda problem: replace(item, problem=problem))


def other_fields(line: JsonObject) -> JsonObject:
    """Return what a line of JSON has beside its id and its text."""
    return {name: value for name, value in line.items() if name not in ("id", "text")}


def fit_to_model(item: Item, model: Model, flags: Namespace) -> Iterable[Item]:
    """Return the item if the model takes it, or with ``--chunk`` an item for each piece of it."""
    if item.problem:
        return [item]
    if flags.chunk:
        return chunk_item(item, chunk_size(model))
    most, size = model.max_input_tokens, estimate_tokens(item.text)
    if most is None or size <= most:
        return [item]
    takes = f"{model.name} takes {most:,} (max_input_tokens)"
    return [with_problem(item, f"has about {size:,} tokens, {takes}: split it with --chunk")]


def chunk_item(item: Item, size: int) -> Iterator[Item]:
    """Yield an item for each piece; its text is in the output, which says where it was cut."""
    start, line = 0, item.line
    for number, piece in enumerate(chunk(item.text, size)):
        begin = item.text.index(piece, start)
        line = None if line is None else line + item.text.count("\n", start, begin)
        head = {**item.line_head, **({"line": line} if "line" in item.line_head else {})}
        yield replace(
            item, line_head={**head, "chunk": number, "text": piece}, text=piece, line=line
        )
        start = begin
