"""7. Response -> Reply; OpenResponse -> Stream: what the provider said, in our words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from returns.result import Failure, Result, Success

from loki.messages import Text
from loki.problems import Problem, fail
from loki.record import replace
from loki.records import Response
from loki.replies import Done, Event, OpenResponse, Raw, Reasoning, Reply, Stream, WireEvent
from loki.stages.account import add_cost_to_problem
from loki.stages.first_event import chat_wire_of, with_events
from loki.stages.reply_builder import ReplyBuilder
from loki.wire.decoder import decode_json
from loki.wire.errors import read_error, request_id


def parse(response: Response) -> Result[Reply, Problem]:
    """Return the reply in a whole answer."""
    if not 200 <= response.status < 300:
        return Failure(read_error(response.status, response.headers, response.body))
    wire = chat_wire_of(response.request)
    builder = ReplyBuilder(wire.finish_reasons)
    events = decode_json(wire.read, response.body)
    text, reasoning = join_texts([*builder.feed(events), *builder.flush()])

    def complete(reply: Reply) -> Reply:
        return replace(
            reply,
            text=text,
            reasoning=reasoning,
            seconds=response.seconds,
            attempts=response.attempts,
            request_id=request_id(response.headers),
        )

    return (
        builder.build(response.request, is_whole=True)
        .map(complete)
        .alt(lambda problem: replace(problem, answer_text=text))
        .alt(explain_stream(response))
    )


def explain_stream(response: Response) -> Callable[[Problem], Problem]:
    """Return a step that says of an answer that is no JSON that it was asked for as a stream."""

    def step(problem: Problem) -> Problem:
        if problem.kind != "garbled" or not response.request.target.ask.stream:
            return problem
        cure = "send an Ask of stream=False, or open() it and give it to read_stream()"
        return replace(
            problem, message=f"a stream was asked for, and parse() reads no stream: {cure}"
        )

    return step


def read_stream(clock: Callable[[], float]) -> Callable[[OpenResponse], Stream]:
    """Return a stage that gives an answer as it comes.

    Text and thoughts at once, then sources, tool calls and Done; ``clock`` is in seconds. A
    server that was asked to stream and answers in one piece is understood too.
    """

    def stage(opened: OpenResponse) -> Stream:
        ready = opened if opened.events is not None else with_events(opened, opened.chunks)
        return read_stream_events(ready, ready.events or (), clock)

    return stage


def read_stream_events(
    opened: OpenResponse,
    batches: Iterable[Result[list[WireEvent], Problem]],
    clock: Callable[[], float],
) -> Stream:
    """Yield the events of an answer; closing this closes the connection."""
    builder, first = ReplyBuilder(chat_wire_of(opened.request).finish_reasons), None
    try:
        for batch in batches:
            if not isinstance(batch, Success):
                yield Failure(builder.with_partial_answer(batch.failure(), opened.attempts))
                return
            before = builder.usage
            for event in builder.feed(batch.unwrap()):
                first = first or (None if type(event) is Raw else clock())
                yield Success(event)
            if builder.usage is not before:
                yield Success(builder.usage)
            if builder.problem is not None:
                broken = builder.with_partial_answer(builder.problem, opened.attempts)
                add_cost = add_cost_to_problem(opened.request)
                yield Failure(add_cost(broken) if opened.is_whole else broken)
                return
        yield from map(Success, builder.flush())
        yield from read_stream_end(opened, builder, first, clock())
    finally:
        opened.close()


def read_stream_end(
    opened: OpenResponse, builder: ReplyBuilder, first: float | None, now: float
) -> Stream:
    """Yield the sources, the tool calls and Done, or why there is no proper end."""
    result = builder.build(opened.request, opened.is_whole)
    if not isinstance(result, Success):  # it has ended, not broken off: its kind stays
        problem = result.failure()
        ended = replace(builder.with_partial_answer(problem, opened.attempts), kind=problem.kind)
        yield Failure(
            ended if builder.finish is None else add_cost_to_problem(opened.request)(ended)
        )
        return
    reply = replace(
        result.unwrap(),
        seconds=now - opened.started,
        first_token_seconds=None if opened.is_whole or first is None else first - opened.started,
        attempts=opened.attempts,
        request_id=request_id(opened.headers),
    )
    yield from map(Success, reply.sources)
    yield from map(Success, reply.tool_calls)
    yield Success(Done(reply))


def collect(stream: Stream) -> Result[Reply, Problem]:
    """Return the whole reply of a stream: the same as if it had not been streamed.

    A Problem has the text that came before it, which was paid for.
    """
    events: list[Event] = []
    for result in stream:
        if not isinstance(result, Success):
            problem, text = result.failure(), join_texts(events)[0]
            return Failure(replace(problem, answer_text=text) if text else problem)
        match result.unwrap():
            case Done(reply):
                text, reasoning = join_texts(events)
                return Success(replace(reply, text=text, reasoning=reasoning))
            case event:
                events.append(event)
    return fail("garbled", "the stream ended without an answer", sent=True)


def join_texts(events: Sequence[Event]) -> tuple[str, str]:
    """Return the text and the thoughts of some events."""
    texts = (event.text for event in events if isinstance(event, Text))
    thoughts = (event.text for event in events if isinstance(event, Reasoning))
    return "".join(texts), "".join(thoughts)
