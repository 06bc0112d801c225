"""7. Response -> Reply; Opened -> Stream: what the provider said, in our words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any, cast

from returns.result import Failure, Result, Success

from loki.problems import Problem, fail, glimpse
from loki.providers import route_of
from loki.railway import through
from loki.records import JsonObject, Opened, Request, Response, Text, ToolCall
from loki.replies import (
    Carry,
    Done,
    Event,
    Finish,
    Finished,
    Reasoning,
    Refusal,
    Reply,
    Stream,
    ToolPiece,
    WireEvent,
)
from loki.usage import Usage
from loki.wire import chat
from loki.wire.codec import STRICT, Wire, overlay, parse_json
from loki.wire.errors import read_error, request_id
from loki.wire.openai.think_tags import Thoughts


def parse(response: Response) -> Result[Reply, Problem]:
    """A whole answer."""
    if not 200 <= response.status < 300:
        return Failure(read_error(response.status, response.headers, response.body))
    tally = Tally()
    events = read_json(wire_of(response.request).read, response.body)
    text, thoughts = words([*tally.hear(events), *tally.rest()])
    return tally.reply(
        response.request,
        whole=True,
        text=text,
        reasoning=thoughts,
        seconds=response.seconds,
        attempts=response.attempts,
        request_id=request_id(response.headers),
    ).alt(lambda problem: replace(problem, text=text, usage=tally.usage))


def follow(clock: Callable[[], float]) -> Callable[[Opened], Stream]:
    """An answer as it comes: text and thoughts at once, then tool calls, then Done.

    A server that was asked to stream and answers in one piece is understood too.
    """

    def stage(opened: Opened) -> Stream:
        return tell(opened, through(decoder(opened))(opened.chunks), clock, is_whole(opened))

    return stage


def is_whole(opened: Opened) -> bool:
    """Whether an answer comes in one piece."""
    streamed = opened.request.draft.target.ask.stream
    return not streamed or "application/json" in opened.headers.get("content-type", "")


def decoder(opened: Opened) -> Callable[[Iterable[bytes]], Iterator[list[WireEvent]]]:
    """What makes events of an answer's bytes."""
    wire = wire_of(opened.request)
    return whole_events(wire) if is_whole(opened) else stream_events(wire)


def tell(
    opened: Opened,
    batches: Iterable[Result[list[WireEvent], Problem]],
    clock: Callable[[], float],
    whole: bool,
) -> Stream:
    """Tell what is heard; closing this closes the connection."""
    tally, first = Tally(), None
    try:
        for batch in batches:
            if not isinstance(batch, Success):
                yield Failure(tally.broke(batch.failure(), opened))
                return
            before = tally.usage
            for event in tally.hear(batch.unwrap()):
                first = first or clock()
                yield Success(event)
            if tally.usage is not before:
                yield Success(tally.usage)
            if tally.problem is not None:
                yield Failure(tally.broke(tally.problem, opened))
                return
        yield from map(Success, tally.rest())
        yield from ending(opened, tally, whole, None if whole else first, clock())
    finally:
        opened.close()


def ending(opened: Opened, tally: Tally, whole: bool, first: float | None, now: float) -> Stream:
    """The tool calls and Done, or why there is no proper end."""
    result = tally.reply(
        opened.request,
        whole,
        seconds=now - opened.started,
        first_token_seconds=None if first is None else first - opened.started,
        attempts=opened.attempts,
        request_id=request_id(opened.headers),
    )
    if not isinstance(result, Success):  # it has ended, not broken off: its kind stays
        problem = result.failure()
        yield Failure(replace(tally.broke(problem, opened), kind=problem.kind))
        return
    yield from map(Success, result.unwrap().tool_calls)
    yield Success(Done(result.unwrap()))


def collect(stream: Stream) -> Result[Reply, Problem]:
    """A whole reply from a stream: the same as if it had not been streamed."""
    told: list[Event] = []
    for result in stream:
        if not isinstance(result, Success):
            return Failure(result.failure())
        match result.unwrap():
            case Done(reply):
                text, thoughts = words(told)
                return Success(replace(reply, text=text, reasoning=thoughts))
            case event:
                told.append(event)
    return fail("garbled", "the stream ended without an answer", sent=True)


def words(told: Iterable[Event]) -> tuple[str, str]:
    """The text and the thoughts of some events."""
    events = list(told)
    texts = (event.text for event in events if isinstance(event, Text))
    return "".join(texts), "".join(e.text for e in events if isinstance(e, Reasoning))


# ---- bytes to events -------------------------------------------------------------------------


def wire_of(request: Request) -> Wire:
    """The wire that a request was said in."""
    route = route_of(request.draft.target)
    assert route is not None  # else there would be no request
    return chat(route.wire(request.draft.target))


def stream_events(wire: Wire) -> Callable[[Iterable[bytes]], Iterator[list[WireEvent]]]:
    """The events of a stream, a list for each piece that came off the network."""

    def decode(chunks: Iterable[bytes]) -> Iterator[list[WireEvent]]:
        for frames in wire.split(chunks):
            yield [event for frame in frames for event in read_json(wire.read_event, frame)]

    return decode


def whole_events(wire: Wire) -> Callable[[Iterable[bytes]], Iterator[list[WireEvent]]]:
    """The events of an answer in one piece."""

    def decode(chunks: Iterable[bytes]) -> Iterator[list[WireEvent]]:
        yield list(read_json(wire.read, b"".join(chunks)))

    return decode


def read_json(read: Callable[[object], tuple[WireEvent, ...]], text: bytes) -> Iterable[WireEvent]:
    """The events of a JSON text, a Problem if it is none."""
    try:
        return read(parse_json(str(text, "utf-8")))
    except (ValueError, RecursionError):  # invalid UTF-8 is a ValueError too
        shown = glimpse(text, 120) or "nothing"
        return (Problem("garbled", f"the answer is not JSON: {shown}", sent=True),)


# ---- events to a reply -----------------------------------------------------------------------


class Tally:
    """What has been heard of an answer so far, but for its words, which are told on at once."""

    __slots__ = (
        *("thoughts", "pieces", "refusal", "carry", "finish", "usage", "problem"),
        *("spoke", "answered"),
    )

    def __init__(self) -> None:
        self.thoughts = Thoughts()
        self.pieces: list[ToolPiece] = []
        self.refusal = ""
        self.carry: list[JsonObject] = []
        self.finish: str | None = None
        self.usage = Usage()
        self.spoke = False  # in text or thoughts
        self.answered = False  # in text
        self.problem: Problem | None = None

    def hear(self, events: Iterable[WireEvent]) -> Iterator[Text | Reasoning]:
        """Take events in; neighbours of one kind are told as one."""
        for kind, group in groupby(events, type):
            if kind is Text:
                self.spoke = True
                words = "".join(event.text for event in group)  # type: ignore[union-attr, misc]
                heard = self.thoughts.hear(words)
                yield from heard if self.answered else self.told(heard)
            elif kind is Reasoning:
                self.spoke = True
                yield Reasoning("".join(event.text for event in group))  # type: ignore[union-attr, misc]
            else:
                for event in group:
                    self.note(event)

    def note(self, event: WireEvent) -> None:
        """Take in an event that is not told on."""
        match event:
            case ToolPiece():
                self.pieces.append(event)
            case Usage():
                self.usage = overlay(self.usage, event)
            case Carry(block):
                self.carry.append(block)
            case Finish(raw):
                self.finish = raw
            case Refusal(text):
                self.refusal += text
            case Problem():
                self.problem = self.problem or event

    def rest(self) -> Iterator[Text | Reasoning]:
        """The words that were held back."""
        return self.told(self.thoughts.end())

    def told(self, words: Iterator[Text | Reasoning]) -> Iterator[Text | Reasoning]:
        """Pass words on; note whether there is any text among them."""
        heard = list(words)
        found = any(isinstance(event, Text) and event.text for event in heard)
        self.answered = self.answered or found
        return iter(heard)

    def broke(self, problem: Problem, opened: Opened) -> Problem:
        """After text has been told, a failure is a broken answer, whatever it was before."""
        told = replace(problem, usage=self.usage, attempts=opened.attempts)
        return replace(told, kind="garbled", again=False) if self.spoke else told

    def reply(self, request: Request, whole: bool, **told: Any) -> Result[Reply, Problem]:
        """The reply, with what is told beside what was heard, or why there is none."""
        if self.problem is not None:
            return Failure(replace(self.problem, usage=self.usage))
        finish = FINISHES.get(self.finish or "", "other")
        problem = self.lack(finish, whole)
        if problem is not None:
            return Failure(replace(problem, usage=self.usage))
        calls = read_calls(self.pieces, finish).alt(lambda bad: replace(bad, usage=self.usage))
        return calls.map(
            lambda calls: Reply(
                model=request.draft.target.name,
                tool_calls=calls,
                finish="tools" if calls and finish == "stop" else finish,
                finish_raw=self.finish,
                usage=self.usage,
                request=request,
                carry=tuple(self.carry),
                **{"text": "", "reasoning": "", **told},
            )
        )

    def lack(self, finish: Finished, whole: bool) -> Problem | None:
        """Return why what was heard is no answer, None if it is one."""
        something = self.answered or bool(self.pieces)
        if not something and (self.refusal or finish == "filter"):
            reason = self.refusal or f"the provider's filter stopped the answer ({self.finish})"
            return Problem("refused", reason, sent=True)
        if self.finish is None and not (whole and (self.spoke or self.pieces)):
            return Problem("garbled", "the stream ended before the answer did", sent=True)
        if something:
            return None
        if finish == "length":
            spent = "reasoning" if self.spoke or self.usage.reasoning else "nothing that was told"
            return Problem("input", f"{EMPTY} {spent} ({self.finish}); {LONGER}", sent=True)
        end = f"it ended ({self.finish}) " if self.finish else "it ended "
        return Problem("garbled", f"the answer is empty: {end}{WITHOUT}", sent=True)


#: Of an answer whose length was used up before any of it.
EMPTY = "the answer is empty: the whole allowance of tokens went into"
LONGER = "raise --max-tokens, or ask for less --reasoning or with a shorter prompt"
WITHOUT = "without text, tool call or refusal"


def read_calls(
    pieces: Iterable[ToolPiece], finish: Finished
) -> Result[tuple[ToolCall, ...], Problem]:
    """Whole tool calls from their fragments.

    >>> read_calls([ToolPiece(0, "a", "f", '{"x"'), ToolPiece(0, "", "", ":1}")], "tools").unwrap()
    (ToolCall(id='a', name='f', arguments={'x': 1}),)
    """
    calls: list[list[str]] = []
    rows: dict[int | None, int] = {}
    open_rows: set[int] = set()
    for piece in pieces:
        if begins(piece, calls, rows):
            rows[piece.row] = len(calls)
            calls.append(["", "", ""])
        row = calls[rows[piece.row]]
        row[:2] = row[0] or piece.id, row[1] or piece.name
        row[2] = piece.arguments if piece.whole else row[2] + piece.arguments
        (open_rows.add if piece.whole is False else open_rows.discard)(rows[piece.row])
    if open_rows:
        names = ", ".join(calls[number][1] for number in sorted(open_rows))
        return fail("garbled", f"the call of {names} was begun and not completed", sent=True)
    try:
        read = tuple(
            ToolCall(id or f"call_{number}", name, read_arguments(words))
            for number, (id, name, words) in enumerate(calls)
        )
    except (ValueError, RecursionError):
        cut = "; it was cut off by the token limit" if finish == "length" else ""
        return fail("garbled", f"a tool call's arguments are not a JSON object{cut}", sent=True)
    return Success(read)


def begins(piece: ToolPiece, calls: list[list[str]], rows: dict[int | None, int]) -> bool:
    """Whether a fragment is of a new call: a new index, or another id under the same one."""
    if piece.row not in rows or (piece.row is None and piece.name and not piece.id):
        return True
    id, name, _ = calls[rows[piece.row]]
    return bool(piece.id and piece.name and (id or name) and piece.id != id)


def read_arguments(words: str) -> JsonObject:
    """The arguments of a call; none at all is an empty object."""
    told = parse_json(words, STRICT) if words.strip() else {}
    if not isinstance(told, dict):
        raise ValueError(words)
    return cast(JsonObject, told)


#: The providers' words for the end of an answer, in ours.
FINISHES: dict[str, Finished] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "length": "length",
    "model_length": "length",
    "tool_calls": "tools",
    "function_call": "tools",
    "content_filter": "filter",
    "completed": "stop",
    "max_output_tokens": "length",
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tools",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tools",
    "refusal": "filter",
    "pause_turn": "other",
    "guardrail_intervened": "filter",
    "content_filtered": "filter",
    "malformed_model_output": "other",
    "malformed_tool_use": "other",
    "STOP": "stop",
    "CONTINUATION": "length",
    "SAFETY": "filter",
    "RECITATION": "filter",
    "BLOCKLIST": "filter",
    "PROHIBITED_CONTENT": "filter",
    "SPII": "filter",
    "MODEL_ARMOR": "filter",
    "ESCALATION": "filter",
    "PUP_LIMITED_DISABLED": "filter",
    "IMAGE_SAFETY": "filter",
    "IMAGE_PROHIBITED_CONTENT": "filter",
    "IMAGE_RECITATION": "filter",
}
