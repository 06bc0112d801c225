"""What a wire protocol is to us: four plain functions, and the words for reading JSON by shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Generic, NamedTuple, TypeVar

from returns.result import Result, Success

from loki.problems import Problem, fail
from loki.railway import gather
from loki.record import field_names
from loki.records import Json, JsonObject, Media, Target, Text, Usage, WireEvent


class Wire(NamedTuple):
    """One protocol. ``split`` gives, for each piece off the network, the frames it completed."""

    draft: Callable[[Target], Result[JsonObject, Problem]]  # the request's body
    read: Callable[[Json], tuple[WireEvent, ...]]  # a whole answer
    split: Callable[[Iterable[bytes]], Iterator[list[bytes]]]  # a stream into JSON texts
    read_event: Callable[[Json], tuple[WireEvent, ...]]  # one of those


A = TypeVar("A")


class Measure(NamedTuple, Generic[A]):
    """A protocol for embedding (A is Vectors) or reranking (A is Scores)."""

    draft: Callable[[Target], Result[JsonObject, Problem]]  # the request's body
    read: Callable[[Json], Result[A, Problem]]  # the answer's


def integer(value: Json) -> int | None:
    """A count that a provider gave, whatever else stands in its place.

    >>> integer(3), integer(3.0), integer("3"), integer(True), integer(None)
    (3, 3, None, None, None)
    """
    match value:
        case bool():
            return None
        case int() if value >= 0:
            return value
        case float() if value.is_integer() and value >= 0:
            return int(value)
        case _:
            return None


def word(value: Json) -> str | None:
    """A name that a provider gave, whatever else stands in its place.

    >>> word("flex"), word(""), word(3)
    ('flex', None, None)
    """
    return value if isinstance(value, str) and value else None


def overlay(old: Usage, new: Usage) -> Usage:
    """Usage as told last: providers repeat running totals, so numbers replace, never add up.

    >>> overlay(Usage(input=5, output=1), Usage(output=9))  # doctest: +ELLIPSIS
    Usage(input=5, cache_read=None, cache_write=None, output=9, reasoning=None, ...)
    """
    pairs = ((getattr(old, name), getattr(new, name)) for name in field_names(Usage))
    return Usage(*(then if now is None else now for then, now in pairs))


def dig(value: Json, *path: str) -> Json:
    """What stands at the end of a path of keys, None where it breaks off.

    >>> dig({"a": {"b": 1}}, "a", "b"), dig({"a": None}, "a", "b")
    (1, None)
    """
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


#: Drafts a part of a message; a kind of media that a protocol does not take is a Problem.
DraftPart = Callable[[Text | Media], Result[JsonObject, Problem]]


def part_drafter(
    text_type: str, media: Mapping[str, Callable[[Media], JsonObject]], taker: str
) -> DraftPart:
    """Texts as they are, media by their type or its family.

    >>> part_drafter("text", {}, "this API takes")(Media("image/png", name="a")).failure().message
    'this API takes no image/png (a)'
    """

    def draft(part: Text | Media) -> Result[JsonObject, Problem]:
        if isinstance(part, Text):
            return Success({"type": text_type, "text": part.text})
        family = part.media_type.partition("/")[0]
        drafted = media.get(part.media_type) or media.get(family)
        if drafted is None:
            return fail("usage", f"{taker} no {part.media_type} ({part.name or part.url})")
        return Success(drafted(part))

    return draft


def draft_content(parts: tuple[Text | Media, ...], draft: DraftPart) -> Result[Json, Problem]:
    """Plain text as a string, anything else in parts."""
    match parts:
        case ():
            return Success("")
        case (Text(text),):
            return Success(text)
        case _:
            return gather(map(draft, parts)).map(list)


def said(fields: JsonObject) -> JsonObject:
    """The fields that have a value: what was not asked for is not sent.

    >>> said({"temperature": 0.0, "top_p": None})
    {'temperature': 0.0}
    """
    return {name: value for name, value in fields.items() if value is not None}


def schema_name(schema: JsonObject) -> str:
    """A name for a schema, which providers ask for: letters, digits, ``_`` and ``-``, 64 at most.

    >>> schema_name({"title": "A city!"}), schema_name({})
    ('A_city_', 'answer')
    """
    return re.sub(r"[^A-Za-z0-9_-]+", "_", str(schema.get("title") or "answer"))[:64]
