"""7. WireEvents -> Reply: what has come of an answer so far, and the reply that it makes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from returns.result import Failure, Result, Success

from loki.json_text import JsonObject, join_surrogates
from loki.messages import Text
from loki.problems import Problem
from loki.providers import wire_name
from loki.record import replace
from loki.records import Request, Target
from loki.replies import (
    CarriedBlock,
    Finish,
    FinishReason,
    OtherChoice,
    PausedTurn,
    Raw,
    Reasoning,
    Refusal,
    Reply,
    ServerItem,
    Source,
    ToolPiece,
    WireEvent,
)
from loki.stages.tool_calls import ToolCallsRead, read_calls
from loki.usage import Usage
from loki.wire import chat_wire
from loki.wire.openai.think_tags import ThinkTagSplitter
from loki.wire.protocol import NO_USAGE, merge_usage


class SurrogateJoiner:
    r"""Joins surrogate pairs whose halves came in two pieces of a text.

    >>> joiner = SurrogateJoiner()
    >>> (joiner.feed("a\ud83d"), joiner.feed("\ude00b")) == ("a", "\U0001f600b")
    True
    """

    __slots__ = ("half",)

    def __init__(self) -> None:
        self.half = ""  # the first of a pair, at the end of what came so far

    def feed(self, text: str) -> str:
        """Return a piece, without the half of a pair at its end."""
        if not self.half and text.isascii():
            return text
        text = self.half + text
        self.half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return join_surrogates(text.removesuffix(self.half))

    def end(self) -> str:
        """Return what stands for a half that stayed alone."""
        half, self.half = self.half, ""
        return join_surrogates(half)


class ReplyBuilder:
    """Takes in the events of one answer; text, thoughts and bytes are passed on, not kept."""

    __slots__ = (
        *("finish_reasons", "think_tags", "pieces", "refusal", "carry", "sources", "items"),
        *("finish", "usage", "problem", "has_words", "has_text", "pause", "has_choices"),
        *("text_joiner", "reasoning_joiner"),
    )

    def __init__(self, finish_reasons: Mapping[str, FinishReason]) -> None:
        self.finish_reasons = finish_reasons
        self.think_tags = ThinkTagSplitter()
        self.text_joiner, self.reasoning_joiner = SurrogateJoiner(), SurrogateJoiner()
        self.pieces: list[ToolPiece] = []
        self.refusal = ""
        self.carry: list[JsonObject] = []
        self.sources: dict[Source, None] = {}  # each once
        self.items: list[JsonObject] = []
        self.pause: tuple[JsonObject, ...] = ()
        self.has_choices = False  # beside the first one, which counts
        self.finish: str | None = None  # the provider's word
        self.usage = NO_USAGE
        self.has_words = False  # text or thoughts
        self.has_text = False
        self.problem: Problem | None = None

    def feed(self, events: Iterable[WireEvent]) -> Iterator[Text | Reasoning | Raw]:
        """Take events in; yield text and thoughts, neighbours of one kind as one."""
        for kind, group in groupby(events, type):
            if kind is Text:
                self.has_words = True
                text = self.text_joiner.feed(join_text(group))
                passed = self.think_tags.feed(text) if text else iter(())
                yield from passed if self.has_text else self.note_text(passed)
            elif kind is Reasoning:
                self.has_words = True
                if thought := self.reasoning_joiner.feed(join_text(group)):
                    yield Reasoning(thought)
            elif kind is Raw:
                yield from group  # type: ignore[misc]
            else:
                for event in group:
                    self.add(event)

    def add(self, event: WireEvent) -> None:
        """Take in an event that is not passed on."""
        match event:
            case ToolPiece():
                self.pieces.append(event)
            case Usage():
                self.usage = merge_usage(self.usage, event)
            case Finish(raw):
                self.finish = raw
            case Refusal(text):
                self.refusal += text
            case Problem():
                self.problem = self.problem or event
            case _:
                self.add_part(event)

    def add_part(self, event: WireEvent) -> None:
        """Take in what stands beside the words: a source, a part that is no text, what is carried.

        One source more than are kept tells that there are more.
        """
        match event:
            case CarriedBlock(block):
                self.carry.append(block)
            case ServerItem(block):
                self.items.append(block)
            case PausedTurn(content):
                self.pause = content
            case OtherChoice():
                self.has_choices = True
            case Source() if len(self.sources) <= MOST_SOURCES:
                self.sources[event] = None

    def flush(self) -> Iterator[Text | Reasoning]:
        """Yield the text and thoughts that were held back, once no more events come."""
        if thought := self.reasoning_joiner.end():
            yield Reasoning(thought)
        if text := self.text_joiner.end():
            yield from self.note_text(self.think_tags.feed(text))
        yield from self.note_text(self.think_tags.flush())

    def note_text(self, events: Iterator[Text | Reasoning]) -> Iterator[Text | Reasoning]:
        """Return the same events; note whether there is any text among them."""
        passed = list(events)
        has_text = any(isinstance(event, Text) and event.text for event in passed)
        self.has_text = self.has_text or has_text
        return iter(passed)

    def with_partial_answer(self, problem: Problem, attempts: int) -> Problem:
        """Return a failure with the usage so far; after text it is a broken answer (garbled)."""
        noted = replace(problem, usage=self.usage, attempts=attempts)
        return replace(noted, kind="garbled", retryable=False) if self.has_words else noted

    def build(self, request: Request, is_whole: bool) -> Result[Reply, Problem]:
        """Return the reply without its text and thoughts, or why there is none.

        An answer that ``is_whole`` came in one piece and may lack the word for its end.
        """
        finish = self.finish_reasons.get(self.finish or "", "other")
        problem = self.problem or self.find_break(is_whole)
        calls = read_calls(self.pieces, finish) if problem is None else Failure(problem)
        return calls.bind(lambda found: self.reply(request, finish, found)).alt(
            lambda bad: replace(bad, usage=self.usage)
        )

    def reply(
        self, request: Request, finish: FinishReason, calls: ToolCallsRead
    ) -> Result[Reply, Problem]:
        """Return the reply with these tool calls, unless there is nothing in it."""
        if not (self.has_text or calls.whole or self.items or self.pause):
            return Failure(self.explain_emptiness(finish))
        return Success(
            Reply(
                model=request.draft.target.name,
                text="",
                reasoning="",
                tool_calls=calls.whole,
                finish="tools" if calls.whole and finish == "stop" else finish,
                finish_raw=self.finish,
                usage=self.usage,
                request=request,
                carry=tuple(self.carry),
                sources=deduplicate_sources(self.sources)[:MOST_SOURCES],
                items=tuple(self.items),
                notes=tuple(self.find_notes(calls, request.target)),
                pause=self.pause,
            )
        )

    def find_notes(self, calls: ToolCallsRead, target: Target) -> Iterator[str]:
        """Yield what a reader should know of the answer: what was cut off or left out."""
        if calls.cut:
            yield f"the call of {', '.join(calls.cut)} was cut off by the token limit, and left out"
        if self.has_choices and not target.ask.raw:
            yield "the provider gave several answers, of which this is the first: -o raw has all"
        if len(self.sources) > MOST_SOURCES:
            yield f"the answer names more than {MOST_SOURCES:,} sources; the others are left out"
        if lost := lost_names(target):
            yield f"{target.name} knows no names in messages: {', '.join(lost)} left out"

    def find_break(self, is_whole: bool) -> Problem | None:
        """Return the Problem of an answer that did not come to its end, None if it did."""
        if self.finish is not None or (is_whole and (self.has_words or self.pieces or self.items)):
            return None
        if self.refusal and not (self.has_text or self.pieces):
            return Problem("refused", self.refusal, sent=True)
        return Problem("garbled", "the stream ended before the answer did", sent=True)

    def explain_emptiness(self, finish: FinishReason) -> Problem:
        """Return the Problem of an answer without text, whole tool call or other part."""
        if self.refusal or finish == "filter":
            reason = self.refusal or f"the provider's filter stopped the answer ({self.finish})"
            return Problem("refused", reason, sent=True)
        if finish == "length":
            reasoned = self.has_words or self.usage.reasoning
            where = SPENT if reasoned else "the length limit was reached before any text"
            where = "its tool call was cut off by the token limit" if self.pieces else where
            return Problem("input", f"{EMPTY} {where} ({self.finish}); {LONGER}", sent=True)
        end = f"it ended ({self.finish}) " if self.finish else "it ended "
        return Problem("garbled", f"the answer is empty: {end}{WITHOUT}", sent=True)


def join_text(events: Iterable[WireEvent]) -> str:
    """Return the text of some events of one kind, which all have one."""
    return "".join(event.text for event in events)  # type: ignore[union-attr]


def lost_names(target: Target) -> tuple[str, ...]:
    """Return the names of who speaks in the messages, each once, where the protocol has none."""
    names = tuple(dict.fromkeys(turn.name for turn in target.ask.messages if turn.name))
    is_known = names and chat_wire(wire_name(target)).has_names and target.dialect.names
    return () if is_known else names


def deduplicate_sources(sources: Iterable[Source]) -> tuple[Source, ...]:
    """Return the sources without bare addresses of those that are named in full.

    >>> deduplicate_sources([Source("https://a.example"), Source("https://a.example", "A")])
    (Source(url='https://a.example', title='A', quote=''),)
    """
    listed = tuple(sources)
    named = {source.url for source in listed if source.title or source.quote}
    return tuple(s for s in listed if s.title or s.quote or s.url not in named)


#: The most sources that are kept of an answer; a search finds some dozens.
MOST_SOURCES = 1000

#: Of an answer whose length was used up before any of it.
EMPTY = "the answer is empty:"
SPENT = "the whole allowance of tokens went into reasoning"
LONGER = "raise --max-tokens, or ask for less --reasoning or with a shorter prompt"
WITHOUT = "without text, tool call or refusal"
