"""7a. OpenResponse -> the same with its events, or the Problem that came before any text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from returns.result import Failure, Result, Success

from loki.messages import Text
from loki.problems import Problem, excerpt_bytes, fail
from loki.providers import wire_name
from loki.record import replace
from loki.records import Request
from loki.replies import OpenResponse, PausedTurn, Reasoning, ServerItem, ToolPiece, WireEvent
from loki.stages.account import add_cost_to_problem
from loki.stages.reply_builder import ReplyBuilder
from loki.wire import chat_wire
from loki.wire.decoder import Decoder, WholeSplitter
from loki.wire.protocol import Wire
from loki.wire.sse import MARK, MAX_EVENT_BYTES

Batch = Result[list[WireEvent], Problem]


def first_event(opened: OpenResponse) -> Result[OpenResponse, Problem]:
    """Return a stream with its events once it begins to answer, an answer in one piece whole.

    A stream that breaks off before that, or begins with an error that may pass, may be asked for
    again: nobody has seen any of it.
    """
    if opened.events is not None:
        return Success(opened)
    return (
        peek_first_event(opened) if opened.request.draft.target.ask.stream else read_to_end(opened)
    )


def wait_for_answer(opened: OpenResponse) -> Result[OpenResponse, Problem]:
    """Return an answer with its events once it begins, in one piece or not; else the Problem."""
    if opened.events is not None:
        return Success(opened)
    return first_event(opened).bind(
        lambda ready: Success(ready) if ready.events else peek_first_event(ready)
    )


def peek_first_event(opened: OpenResponse) -> Result[OpenResponse, Problem]:
    """Return an answer with its events once there is a part of it, or why there is none."""
    pieces: list[bytes] | None = [] if opened.request.draft.cache_key else None
    chunks = opened.chunks if pieces is None else copy_pieces(opened.chunks, pieces)
    beginning = StreamStart(chunks)
    watched = with_events(opened, beginning.iterate())
    head: list[Batch] = []
    for batch in watched.events or ():
        if not isinstance(batch, Success):
            return fail_stream(opened, batch.failure())
        head.append(batch)
        event = first_of(batch.unwrap())
        if isinstance(event, Problem):
            usage = gather_events(opened, head).usage
            problem = replace(as_transient(event), usage=usage)
            add_cost = add_cost_to_problem(opened.request)
            return fail_stream(opened, add_cost(problem) if watched.is_whole else problem)
        if event is not None:
            beginning.is_over = True
            return Success(
                replace(watched, events=chain(head, watched.events or ()), pieces=pieces)
            )
    return fail_stream(opened, explain_end(watched, head, b"".join(beginning.pieces)))


def copy_pieces(
    chunks: Iterator[Result[bytes, Problem]], pieces: list[bytes]
) -> Iterator[Result[bytes, Problem]]:
    """Yield the same chunks, and put what they hold into ``pieces`` as they pass."""
    for chunk in chunks:
        if isinstance(chunk, Success):
            pieces.append(chunk.unwrap())
        yield chunk


def fail_stream(opened: OpenResponse, problem: Problem) -> Result[OpenResponse, Problem]:
    """Close the connection; return the failure."""
    opened.close()
    return Failure(replace(problem, attempts=opened.attempts))


def read_to_end(opened: OpenResponse) -> Result[OpenResponse, Problem]:
    """Return an answer that has come to its end, or why it has not; it does not fill the memory."""
    chunks: list[Result[bytes, Problem]] = []
    size = 0
    for chunk in opened.chunks:
        chunks.append(chunk)
        size += len(chunk.value_or(b""))
        if size > MAX_EVENT_BYTES:
            chunks.append(
                fail("garbled", f"the answer is over {MAX_EVENT_BYTES >> 20} MiB", sent=True)
            )
            break
    if chunks and not isinstance(chunks[-1], Success):
        problem = chunks[-1].failure()  # broken off, it is billed: again only if that is meant
        return fail_stream(
            opened, replace(problem, retryable=problem.retryable and problem.kind != "garbled")
        )
    return Success(replace(opened, chunks=iter(chunks)))


class StreamStart:
    """The bytes of a stream before its first event: kept for a message, and limited in size."""

    def __init__(self, chunks: Iterator[Result[bytes, Problem]]) -> None:
        self.chunks = chunks
        self.pieces: list[bytes] = []
        self.is_over = False

    def iterate(self) -> Iterator[Result[bytes, Problem]]:
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
            if size > MAX_EVENT_BYTES and not self.is_over:
                yield fail(
                    "garbled", f"the answer says nothing in {MAX_EVENT_BYTES >> 20} MiB", sent=True
                )
                return
        yield from self.chunks


def as_transient(problem: Problem) -> Problem:
    """Return an error that a stream begins with; what is busy or down may be asked again."""
    return replace(problem, retryable=problem.retryable or problem.kind in ("busy", "offline"))


def first_of(events: Iterable[WireEvent]) -> WireEvent | None:
    """Return the first event that is a part of the answer, or a Problem.

    The words of a refusal and an end without an answer are none: another model may do better.
    """
    return next((event for event in events if isinstance(event, PARTS)), None)


PARTS = (Text, Reasoning, ToolPiece, ServerItem, PausedTurn, Problem)


def gather_events(opened: OpenResponse, batches: Iterable[Batch]) -> ReplyBuilder:
    """Return what all events of an answer come to."""
    builder = ReplyBuilder(chat_wire_of(opened.request).finish_reasons)
    for batch in batches:
        for _ in builder.feed(batch.unwrap()):
            pass
    return builder


def explain_end(opened: OpenResponse, batches: list[Batch], data: bytes) -> Problem:
    """Return the Problem of an answer that ended without any part of it."""
    builder, add_cost = gather_events(opened, batches), add_cost_to_problem(opened.request)
    if builder.finish is None and not builder.refusal:
        problem = replace(explain_empty_stream(opened, data), usage=builder.usage)
        return add_cost(problem) if opened.is_whole else problem
    return add_cost(builder.build(opened.request, opened.is_whole).failure())


def explain_empty_stream(opened: OpenResponse, data: bytes) -> Problem:
    """Return the Problem of a stream that ended before it said anything."""
    if "eventstream" in opened.headers.get("content-type", "").lower().replace("-", ""):
        message = "the stream ended before the answer did"
        return Problem("garbled", message, sent=True, retryable=True)
    shown = excerpt_bytes(data, 120)
    message = f"not a stream of events: {shown}" if shown else "the answer is empty"
    return Problem("garbled", message, sent=True)


# ---- bytes to events -------------------------------------------------------------------------


def with_events(opened: OpenResponse, chunks: Iterator[Result[bytes, Problem]]) -> OpenResponse:
    """Return an answer with its events, decoded from its chunks as they are asked for."""
    is_whole, chunks = is_in_one_piece(opened, chunks)
    wire = chat_wire_of(opened.request)
    decoder = Decoder(WholeSplitter(), wire.read) if is_whole else wire.decoder()
    batches = decode(decoder, chunks)
    if opened.request.draft.target.ask.raw:
        from loki.stages.raw import decode_with_bytes

        batches = decode_with_bytes(decoder, chunks)
    return replace(opened, events=batches, is_whole=is_whole)


def decode(decoder: Decoder, chunks: Iterable[Result[bytes, Problem]]) -> Iterator[Batch]:
    """Yield the events of an answer, a list for each chunk; a failure comes last, untouched."""
    for result in chunks:
        if not isinstance(result, Success):
            yield Success(decoder.end())
            yield Failure(result.failure())
            return
        yield Success(decoder.feed(result.unwrap()))
        if decoder.is_done:
            return
    yield Success(decoder.end())


def is_in_one_piece(
    opened: OpenResponse, chunks: Iterator[Result[bytes, Problem]]
) -> tuple[bool, Iterator[Result[bytes, Problem]]]:
    """Return whether an answer comes in one piece, and all its chunks.

    Some servers label a stream of events as JSON: its first byte tells.
    """
    if not opened.request.draft.target.ask.stream:
        return True, chunks
    if "application/json" not in opened.headers.get("content-type", ""):
        return False, chunks
    head: list[Result[bytes, Problem]] = []
    begun = b""
    for chunk in chunks:
        head.append(chunk)
        begun = (begun + chunk.value_or(b"")).removeprefix(MARK).lstrip()
        if begun or not isinstance(chunk, Success):
            break
    return begun[:1] in (b"", b"{", b"["), chain(head, chunks)


def chat_wire_of(request: Request) -> Wire:
    """Return the chat protocol of a request."""
    return chat_wire(wire_name(request.draft.target))
