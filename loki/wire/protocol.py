"""What a wire protocol is to us: its functions and its facts; and helpers to read JSON by shape."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from returns.result import Result, Success

from loki.json_text import Json, JsonObject
from loki.messages import Media, Text
from loki.problems import Problem, excerpt, fail
from loki.railway import gather
from loki.record import field_names, record
from loki.records import Target
from loki.replies import FinishReason, WireEvent
from loki.usage import Usage

if TYPE_CHECKING:
    from loki.wire.decoder import Decoder


#: More than any count of tokens, searches or rows can be: what is above is no count.
MAX_COUNT = 10**9


#: Pairs of headers: what is left of a rate limit, and when it is filled again.
RateLimitHeaders = tuple[tuple[str, str], ...]


#: Return the body of a request, or why the protocol cannot say it.
DraftBody = Callable[[Target], Result[JsonObject, Problem]]


@record
class Wire:
    """A chat protocol: how it drafts and reads, and what is special about it."""

    draft: DraftBody
    read: Callable[[Json], tuple[WireEvent, ...]]  # a whole answer
    decoder: Callable[[], Decoder]  # a new one for each stream
    finish_reasons: Mapping[str, FinishReason]  # the protocol's words for the end of an answer
    content_keys: tuple[str, ...]  # the parts of a body that are the user's own words
    rate_limit_headers: RateLimitHeaders = ()
    has_names: bool = False  # of who speaks in a message
    tools_path: tuple[str, ...] = ("tools",)  # where a body lists tools
    search: Callable[[Target], JsonObject | None] = lambda target: None  # the provider's own


A = TypeVar("A")


@record
class TextsWire(Generic[A]):
    """A protocol for embedding (A is Vectors) or reranking (A is Scores)."""

    draft: DraftBody
    read: Callable[[Json], Result[A, Problem]]  # the answer's
    content_keys: tuple[str, ...]  # the parts of a body that are the user's own words
    rate_limit_headers: RateLimitHeaders = ()
    token_header: str = ""  # counts the tokens of the texts, where the body does not
    max_texts: int | None = None  # in one request; None is no limit
    max_tokens: int | None = None  # in one request, in sum
    top_paths: tuple[tuple[str, ...], ...] = ()  # where a body says how many of the best it wants


#: The header in which Bedrock counts the tokens of an embedding.
AMAZON_TOKENS = "x-amzn-bedrock-input-token-count"

#: The user's own words in the usual body of a reranking.
RERANK_KEYS = ("query", "documents")


def as_count(value: Json) -> int | None:
    """Return a count that a provider gave; None for what is no count, or more than MOST.

    >>> as_count(3), as_count(3.0), as_count("3"), as_count(True), as_count(None)
    (3, 3, None, None, None)
    >>> as_count(-1), as_count(0.5), as_count(1e300), as_count(10**400), as_count(float("nan"))
    (None, None, None, None, None)
    """
    match value:
        case bool():
            return None
        case int() if 0 <= value <= MAX_COUNT:
            return value
        case float() if value.is_integer() and 0 <= value <= MAX_COUNT:  # Cohere writes 502.0
            return int(value)
        case _:
            return None


def as_index(value: Json) -> int | None:
    """Return an index (from 0) that a provider gave; None for anything but a plain integer.

    >>> as_index(3), as_index(3.0), as_index("3"), as_index(True), as_index(-1)
    (3, None, None, None, None)
    """
    return value if type(value) is int and 0 <= value <= MAX_COUNT else None


def as_name(value: Json) -> str | None:
    """Return a name that a provider gave; None for anything that cannot be one.

    >>> as_name("flex"), as_name(""), as_name(3), as_name(chr(0xD800))
    ('flex', None, None, None)
    """
    return value if isinstance(value, str) and value and value.isprintable() else None


def as_str(value: Json) -> str:
    """Return a text, empty where something else stands in its place.

    >>> as_str("a"), as_str(None), as_str([1])
    ('a', '', '')
    """
    return value if isinstance(value, str) else ""


def text_events(value: Json, place: str) -> tuple[Text | Problem, ...]:
    """Return a piece of the answer, nothing for null, or the Problem that it is not text.

    >>> text_events("Hi", "content"), text_events("", "content"), text_events(None, "content")
    ((Text(text='Hi'),), (), ())
    >>> print(text_events({"a": 1}, "message.content")[0].message)
    the answer's text is not text: message.content is {"a": 1}
    """
    match value:
        case None | "":
            return ()
        case str():
            return (Text(value),)
        case _:
            return (explain_not_text(value, place),)


def explain_not_text(value: Json, place: str) -> Problem:
    """Return the Problem of something else where the answer's text is due."""
    shown = excerpt(json.dumps(value), 100)
    return Problem("garbled", f"the answer's text is not text: {place} is {shown}", sent=True)


NO_USAGE = Usage()  # of which every answer begins


def merge_usage(old: Usage, new: Usage) -> Usage:
    """Return the latest usage: providers repeat running totals, so counts replace, never add up.

    >>> merge_usage(Usage(input=5, output=1), Usage(output=9))  # doctest: +ELLIPSIS
    Usage(input=5, cache_read=None, cache_write=None, output=9, reasoning=None, ...)
    """
    if old is NO_USAGE:
        return new
    pairs = ((getattr(old, name), getattr(new, name)) for name in field_names(Usage))
    return Usage(*(before if after is None else after for before, after in pairs))


def get_in(value: Json, *path: str) -> Json:
    """Return the value at a path of keys, None where the path breaks off.

    >>> get_in({"a": {"b": 1}}, "a", "b"), get_in({"a": None}, "a", "b")
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
    """Return a function that drafts a text as it is, media by their type or its family.

    >>> part_drafter("text", {}, "this API takes")(Media("image/png", name="a")).failure().message
    'this API takes no image/png (a)'
    """

    def draft(part: Text | Media) -> Result[JsonObject, Problem]:
        if isinstance(part, Text):
            return Success({"type": text_type, "text": part.text})
        family = part.media_type.partition("/")[0]
        drafted = media.get(part.media_type) or media.get(family)
        if drafted is None:
            given = part.name or part.url or "attached"
            return fail("usage", f"{taker} no {part.media_type} ({given})")
        return Success(drafted(part))

    return draft


def draft_content(parts: tuple[Text | Media, ...], draft: DraftPart) -> Result[Json, Problem]:
    """Return a single text as a string, anything else as a list of parts."""
    match parts:
        case ():
            return Success("")
        case (Text(text),):
            return Success(text)
        case _:
            return gather(map(draft, parts)).map(list)


def without_none(fields: JsonObject) -> JsonObject:
    """Return the fields that have a value: what was not asked for is not sent.

    >>> without_none({"temperature": 0.0, "top_p": None})
    {'temperature': 0.0}
    """
    return {name: value for name, value in fields.items() if value is not None}


def is_json_mode(schema: JsonObject | None) -> bool:
    """Return whether a schema asks for any JSON object, or any JSON: what providers call JSON mode.

    >>> is_json_mode({"type": "object"}), is_json_mode({"type": "object", "properties": {}})
    (True, False)
    >>> is_json_mode({}), is_json_mode(None)
    (True, False)
    """
    return schema in ({"type": "object"}, {})


def schema_name(schema: JsonObject) -> str:
    """Return a name for a schema: letters, digits, ``_`` and ``-``, 64 at most.

    >>> schema_name({"title": "A city!"}), schema_name({})
    ('A_city_', 'answer')
    """
    return re.sub(r"[^A-Za-z0-9_-]+", "_", str(schema.get("title") or "answer"))[:64]
