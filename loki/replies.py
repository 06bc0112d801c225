"""What is answered: a reply, the events of a stream, vectors and rankings."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from typing import Literal, NamedTuple, TypeAlias

from returns.result import Result

from loki.json_text import Json, JsonObject
from loki.messages import Text, ToolCall
from loki.problems import Problem
from loki.record import record
from loki.records import Request
from loki.usage import Usage

FinishReason = Literal["stop", "length", "tools", "filter", "other"]


@record
class Source:
    """What an answer rests on, as its provider names it; each part is empty where it does not."""

    url: str = ""
    title: str = ""
    quote: str = ""  # the words that are cited


@record
class Reply:
    """An answer; ``cost`` in US dollars, times in seconds, None is unknown."""

    model: str  # client:model
    text: str
    reasoning: str
    tool_calls: tuple[ToolCall, ...]
    finish: FinishReason
    finish_raw: str | None  # the provider's own word
    usage: Usage
    request: Request = field(repr=False)
    seconds: float | None = None
    first_token_seconds: float | None = None
    attempts: int = 1
    request_id: str | None = None
    cost: Decimal | None = None
    carry: tuple[JsonObject, ...] = ()  # what the provider wants back with the next turn
    sources: tuple[Source, ...] = ()  # each once, in the order in which they came
    items: tuple[JsonObject, ...] = ()  # parts that are no text, in the provider's own words
    notes: tuple[str, ...] = ()  # what a reader should know: what was cut off, or left out
    pause: tuple[JsonObject, ...] = ()  # the turn so far: the same call goes on after it
    data: Json = None  # of answer(): the value that ask.schema asks for; None without a schema

    @property
    def is_cached(self) -> bool:
        """Return whether a cache answered: nothing was sent, and nothing billed."""
        return self.request.draft.kept is not None


# ---- events: Text and ToolCall above, and these ----------------------------------------------


@record
class Reasoning:
    """A piece of the model's thoughts, which are not the answer."""

    text: str


@record
class Done:
    """The end of a stream: its reply has usage, cost and so on.

    The words came before it as Text and Reasoning: ``text`` and ``reasoning`` of this reply are
    empty, ``data`` is None. ``collect`` puts them together.
    """

    reply: Reply


@record
class Raw:
    """A piece of the provider's own bytes, where the ask wants them; it comes before its events."""

    data: bytes = field(repr=False)


#: Usage is what has been told of it so far, which matters if the answer breaks off.
Event: TypeAlias = Text | Reasoning | Source | ToolCall | Usage | Raw | Done
Stream: TypeAlias = Generator[Result[Event, Problem], None, None]


@record
class ToolPiece:
    """A fragment of a tool call as a wire tells it; None belongs to the call before.

    ``whole`` is for wires that say when a call is complete: False begins a call that must be
    completed, True has all its arguments, whatever fragments came before; None is a fragment.
    The arguments are JSON, or free text where the tool ``is_custom``.
    """

    call_index: int | None  # of several calls at once
    id: str
    name: str
    arguments: str
    is_whole: bool | None = None
    is_custom: bool = False


@record
class Refusal:
    """The model says, in words, that it will not answer."""

    text: str


@record
class CarriedBlock:
    """A thing of the provider's, such as signed thoughts, that must come back as it is."""

    block: JsonObject


@record
class PausedTurn:
    """The provider stopped between two of its own tools: the call goes on after this turn."""

    content: tuple[JsonObject, ...]


@record
class ServerItem:
    """A part of the answer that is no text: an image, a call of the provider's own tool."""

    block: JsonObject


@record
class OtherChoice:
    """There is another answer beside the first one (``n: 2``), which is not told."""

    choice_index: int  # from 1; the first choice is 0


@record
class Finish:
    """The provider's word for why the answer ended."""

    raw: str


#: What a wire reads from one frame; a Problem among them ends the stream.
WireEvent: TypeAlias = (
    Text
    | Reasoning
    | ToolPiece
    | Refusal
    | CarriedBlock
    | Source
    | ServerItem
    | PausedTurn
    | OtherChoice
    | Finish
    | Usage
    | Raw
    | Problem
)


@record
class OpenResponse:
    """An answer that has begun: pieces come from ``chunks``, ``close`` stops the provider.

    Where its beginning was looked at, ``events`` has all of it, a list for each piece, and
    ``is_whole`` is whether it comes in one piece; ``pieces`` has what came so far, where a cache
    is to keep it.
    """

    request: Request
    status: int
    headers: Mapping[str, str]
    chunks: Iterator[Result[bytes, Problem]]
    close: Callable[[], None]
    started: float  # on the clock of Env, at the first attempt
    attempts: int = 1
    events: Iterator[Result[list[WireEvent], Problem]] | None = None
    pieces: list[bytes] | None = None
    is_whole: bool = False


# ---- vectors and rankings ----------------------------------------------------------------------

Vector: TypeAlias = Sequence[float]


@record
class Vectors:
    """What a wire reads from an answer about embeddings: a vector for each text, in its order."""

    vectors: tuple[Vector, ...]
    usage: Usage = Usage()


class Score(NamedTuple):
    """How well the text at ``place`` (from 0) answers the query; higher is better."""

    text_index: int
    score: float


@record
class Scores:
    """What a wire reads from an answer about a ranking, in the provider's order."""

    scores: tuple[Score, ...]
    usage: Usage = Usage()


@record
class TextsReply:
    """What both have in common; ``cost`` in US dollars, ``seconds`` for all requests together."""

    model: str  # client:model
    usage: Usage
    request: Request = field(repr=False)
    seconds: float | None = None
    attempts: int = 1
    request_id: str | None = None
    cost: Decimal | None = None

    @property
    def is_cached(self) -> bool:
        """Return whether a cache answered; of several requests, whether it answered the first."""
        return self.request.draft.kept is not None


@record
class Embeddings(TextsReply):
    """A vector for each text of an ask, in its order."""

    vectors: tuple[Vector, ...] = field(repr=False, kw_only=True)


@record
class Ranking(TextsReply):
    """The texts of an ask by their place in it, best first; texts alike keep their order."""

    scores: tuple[Score, ...] = field(kw_only=True)
