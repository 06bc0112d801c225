"""A whole answer and a stream become the same reply, or say why there is none."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from returns.result import Result, Success
from support import request, response, stream_pieces

from loki.messages import Text
from loki.problems import Problem, fail
from loki.replies import Done, Event, OpenResponse, Reasoning
from loki.stages.first_event import wait_for_answer
from loki.stages.parse import collect, parse, read_stream
from loki.usage import Usage

CLIENT = {"type": "openai", "models": [{"name": "m", "input_price": 1, "output_price": 1}]}
USAGE = b'"usage": {"prompt_tokens": 3, "completion_tokens": 2}'
WHOLE = b'{"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], %s}' % USAGE
EMPTY = b'{"choices": [{"message": {"content": ""}, "finish_reason": "length"}], %s}' % USAGE
PIECE = b'data: {"choices": [{"delta": {"content": "Hi"}}], %s}\n\n' % USAGE
END = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
THOUGHTS = b'data: {"choices": [{"delta": {"reasoning_content": "Hm"}}]}\n\n'
CUT = b'data: {"choices": [{"delta": {}, "finish_reason": "length"}], %s}\n\n' % USAGE
TOLD = Usage(input=3, output=2)


def test_a_reply_knows_how_long_it_took_and_under_what_id() -> None:
    answer = response(request(CLIENT), 200, WHOLE, **{"x-request-id": "r1"})
    reply = parse(replace(answer, seconds=1.5, attempts=3)).unwrap()
    assert (reply.text, reply.seconds, reply.attempts) == ("Hi", 1.5, 3)
    assert (reply.request_id, reply.usage) == ("r1", TOLD)


@pytest.mark.parametrize("status", [199, 300, 500])
def test_an_answer_of_another_status_is_a_failure_whatever_its_body(status: int) -> None:
    assert parse(response(request(CLIENT), status, WHOLE)).failure().status == status


def test_an_empty_answer_has_its_usage_for_it_was_paid_for() -> None:
    assert parse(response(request(CLIENT), 200, EMPTY)).failure().usage == TOLD


OPENAI_USAGE = {"prompt_tokens": 3, "completion_tokens": 2}
OTHER_USAGE = {"input_tokens": 3, "output_tokens": 2}
ODD: list[Any] = [[], [{}], [None], "x", None]
#: protocol -> answers of an unknown shape, or that are errors, with their usage
GARBLED: dict[str, list[dict[str, Any]]] = {
    "openai": [
        *({"choices": odd, "usage": OPENAI_USAGE} for odd in ODD),
        {"choices": [{"message": None}], "usage": OPENAI_USAGE},
        {"choices": [{"message": {"content": 5}}], "usage": OPENAI_USAGE},
        {"error": {"message": "No."}, "usage": OPENAI_USAGE},
    ],
    "responses": [{"output": "x", "usage": OTHER_USAGE}],
    "claude": [{"type": "message", "content": "x", "usage": OTHER_USAGE}],
    "cohere": [{"message": "x", "usage": {"tokens": OTHER_USAGE}}],
    "gemini": [
        {"candidates": "x", "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2}}
    ],
    "bedrock": [{"output": {"message": "x"}, "usage": {"inputTokens": 3, "outputTokens": 2}}],
}


@pytest.mark.parametrize(("protocol", "bodies"), GARBLED.items(), ids=list(GARBLED))
def test_an_answer_of_an_unknown_shape_keeps_what_it_cost(
    protocol: str, bodies: list[dict[str, Any]]
) -> None:
    model = {"name": "m", "input_price": 1, "output_price": 1}
    client = {"type": protocol, "region": "r", "models": [model]}
    if protocol == "responses":
        client = {"type": "openai", "models": [{**model, "endpoint": "responses"}]}
    for body in bodies:
        asked, data = request(client), json.dumps(body).encode()
        opened = OpenResponse(asked, 200, {}, iter([Success(data)]), lambda: None, 0.0)
        begun = wait_for_answer(opened)
        read = begun.map(read_stream(lambda: 0.0)).bind(collect)
        for problem in (parse(response(asked, 200, data)).failure(), read.failure()):
            assert problem.usage is not None, body
            assert (problem.usage.input, problem.usage.output) == (3, 2), body
        assert read.failure().cost == Decimal("0.000005"), body


@pytest.mark.parametrize(("asked", "starts"), [(True, "a stream was asked for"), (False, "the ")])
def test_a_stream_given_to_parse_is_named_where_one_was_asked_for(asked: bool, starts: str) -> None:
    problem = parse(response(request(CLIENT, stream=asked), 200, PIECE + END)).failure()
    assert problem.kind == "garbled" and problem.message.startswith(starts)


#: pieces of a stream -> kind of its failure, the text before it, whether its cost is known
ENDS: dict[str, tuple[list[bytes], tuple[str | None, str | None, bool]]] = {
    "breaks off after text": ([PIECE], ("garbled", "Hi", False)),
    "breaks off before text": ([b": wait\n\n"], ("garbled", None, False)),
    "ends without text": ([THOUGHTS, CUT], ("input", None, True)),
}


@pytest.mark.parametrize(("pieces", "expected"), ENDS.values(), ids=list(ENDS))
def test_a_failed_stream_has_the_text_before_it_and_a_cost_if_it_ended(
    pieces: list[bytes], expected: tuple[Any, ...]
) -> None:
    problem = collect(stream_pieces(request(CLIENT, stream=True), pieces)).failure()
    assert (problem.kind, problem.answer_text, problem.cost is not None) == expected


def test_a_stream_is_closed_wherever_it_is_left_and_its_first_word_is_timed() -> None:
    closed, ticks = [], iter([5.0, 9.0])
    chunks = iter([Success(PIECE), Success(PIECE), Success(END)])
    opened = OpenResponse(
        request(CLIENT, stream=True), 200, {}, chunks, lambda: closed.append(1), 4.0
    )
    events = [each.unwrap() for each in read_stream(lambda: next(ticks))(opened)]
    assert isinstance(done := events[-1], Done) and closed == [1]
    assert (done.reply.first_token_seconds, done.reply.seconds, done.reply.text) == (1.0, 5.0, "")
    stream = read_stream(lambda: 5.0)(replace(opened, chunks=iter([Success(PIECE), Success(END)])))
    assert next(stream) == Success(Text("Hi"))
    stream.close()
    assert closed == [1, 1]


def test_collect_puts_text_and_thoughts_together_and_wants_an_end() -> None:
    reply = parse(response(request(CLIENT), 200, WHOLE)).unwrap()
    words: list[Event] = [Text("a"), Reasoning("x"), Text("b"), Reasoning("y"), Done(reply)]
    events: list[Result[Event, Problem]] = [Success(word) for word in words]
    found = collect(each for each in events).unwrap()
    assert (found.text, found.reasoning) == ("ab", "xy")
    assert "without an answer" in collect(each for each in events[:-1]).failure().message
    broken: Result[Event, Problem] = fail("offline", "cut")
    assert collect(each for each in (events[0], broken)).failure().answer_text == "a"
