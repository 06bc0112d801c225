"""7a. Opened -> the same with its events, once it has begun to answer, or the first Problem."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

from returns.result import Failure, Result, Success

from loki.problems import Problem, fail, glimpse
from loki.providers import wire_name
from loki.records import Request
from loki.replies import Carry, Opened, WireEvent
from loki.usage import Usage
from loki.wire import chat
from loki.wire.codec import Wire
from loki.wire.decoder import Decoder, WholeSplitter
from loki.wire.sse import LARGEST

Batches = Iterator[Result[list[WireEvent], Problem]]


def first_event(opened: Opened) -> Result[Opened, Problem]:
    """Return a stream with its events once it says something, an answer in one piece whole.

    A stream that breaks off before that, or begins with an error that may pass, may be asked for
    again: nobody has seen any of it.
    """
    if not opened.request.draft.target.ask.stream:
        return complete(opened)
    pieces: list[bytes] | None = [] if opened.request.draft.cache_key else None
    chunks = opened.chunks if pieces is None else copy_pieces(opened.chunks, pieces)
    beginning = Beginning(chunks)
    batches = decode(opened, beginning.watch())
    head: list[Result[list[WireEvent], Problem]] = []
    for batch in batches:
        if not isinstance(batch, Success):
            return refuse(opened, batch.failure())
        head.append(batch)
        event = first_of(batch.unwrap())
        if isinstance(event, Problem):
            return refuse(opened, as_passing(event))
        if event is not None:
            beginning.is_over = True
            return Success(replace(opened, events=chain(head, batches), pieces=pieces))
    return refuse(opened, explain_silence(opened, b"".join(beginning.pieces)))


def copy_pieces(
    chunks: Iterator[Result[bytes, Problem]], pieces: list[bytes]
) -> Iterator[Result[bytes, Problem]]:
    """Yield the same chunks, and put what they hold into ``pieces`` as they pass."""
    for chunk in chunks:
        if isinstance(chunk, Success):
            pieces.append(chunk.unwrap())
        yield chunk


def refuse(opened: Opened, problem: Problem) -> Result[Opened, Problem]:
    """Close the connection; return the failure."""
    opened.close()
    return Failure(problem)


def complete(opened: Opened) -> Result[Opened, Problem]:
    """Return an answer that has come to its end, or why it has not; it does not fill the memory."""
    chunks: list[Result[bytes, Problem]] = []
    size = 0
    for chunk in opened.chunks:
        chunks.append(chunk)
        size += len(chunk.value_or(b""))
        if size > LARGEST:
            chunks.append(fail("garbled", f"the answer is over {LARGEST >> 20} MiB", sent=True))
            break
    if chunks and not isinstance(chunks[-1], Success):
        problem = chunks[-1].failure()  # broken off, it is billed: again only if that is meant
        return refuse(
            opened, replace(problem, retryable=problem.retryable and problem.kind != "garbled")
        )
    return Success(replace(opened, chunks=iter(chunks)))


class Beginning:
    """The bytes of a stream before its first event: kept for a message, and limited in size."""

    def __init__(self, chunks: Iterator[Result[bytes, Problem]]) -> None:
        self.chunks = chunks
        self.pieces: list[bytes] = []
        self.is_over = False

    def watch(self) -> Iterator[Result[bytes, Problem]]:
        """Yield all chunks of the stream; those of the beginning are kept."""
        size = 0
        for result in self.chunks:
            if self.is_over:
                self.pieces.clear()
                yield result
                break
            self.pieces.append(result.value_or(b""))
            size += len(self.pieces[-1])
            yield result
            if size > LARGEST and not self.is_over:
                yield fail("garbled", f"the answer says nothing in {LARGEST >> 20} MiB", sent=True)
                return
        yield from self.chunks


def as_passing(problem: Problem) -> Problem:
    """Return an error that a stream begins with; what is busy or down may be asked again."""
    return replace(problem, retryable=problem.retryable or problem.kind in ("busy", "offline"))


def first_of(events: Iterable[WireEvent]) -> WireEvent | None:
    """Return the first event that is a part of the answer, or a Problem."""
    return next((event for event in events if not isinstance(event, (Usage, Carry))), None)


def explain_silence(opened: Opened, data: bytes) -> Problem:
    """Return the Problem of a stream that ended before it said anything."""
    if STREAMS.search(opened.headers.get("content-type", "")):
        message = "the stream ended before the answer did"
        return Problem("garbled", message, sent=True, retryable=True)
    shown = glimpse(data, 120)
    message = f"not a stream of events: {shown}" if shown else "the answer is empty"
    return Problem("garbled", message, sent=True)


#: The media types of streams: text/event-stream, and Amazon's.
STREAMS = re.compile(r"(?i)event-?stream")

# ---- bytes to events -------------------------------------------------------------------------


def decode(opened: Opened, chunks: Iterable[Result[bytes, Problem]]) -> Batches:
    """Yield the events of an answer, a list for each chunk; a failure comes last, untouched."""
    decoder = decoder_of(opened)
    for result in chunks:
        if not isinstance(result, Success):
            yield Success(decoder.end())
            yield Failure(result.failure())
            return
        yield Success(decoder.feed(result.unwrap()))
        if decoder.is_done:
            return
    yield Success(decoder.end())


def decoder_of(opened: Opened) -> Decoder:
    """Return a new decoder for an answer."""
    wire = chat_wire_of(opened.request)
    return Decoder(WholeSplitter(), wire.read) if is_in_one_piece(opened) else wire.decoder()


def is_in_one_piece(opened: Opened) -> bool:
    """Return whether an answer comes in one piece."""
    streamed = opened.request.draft.target.ask.stream
    return not streamed or "application/json" in opened.headers.get("content-type", "")


def chat_wire_of(request: Request) -> Wire:
    """Return the chat protocol of a request."""
    return chat(wire_name(request.draft.target))
