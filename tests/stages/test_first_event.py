"""An answer is looked at once, before anything is shown; and nothing is read on after its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from returns.result import Failure, Result, Success
from support import request, stream_pieces

from loki.problems import Problem
from loki.replies import OpenResponse
from loki.stages.first_event import first_event, wait_for_answer
from loki.stages.parse import collect, read_stream
from loki.usage import Usage


def test_nothing_is_read_on_after_the_end() -> None:
    def pieces() -> Iterator[bytes]:
        yield b'data: {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}\n\n'
        yield b"data: [DONE]\n\n"
        raise AssertionError("read on")

    assert (
        collect(stream_pieces(request({"type": "openai"}, stream=True), pieces())).unwrap().text
        == "Hi"
    )


def opened(*events: Any, stream: bool = True, label: str = "text/event-stream") -> OpenResponse:
    """Return an answer of some events, or of one body."""
    model = {"name": "m", "input_price": 1, "output_price": 3}
    asked = request({"type": "openai", "models": [model]}, stream=stream)
    frames = [json.dumps(event).encode() for event in events]
    pieces = [b"data: %s\n\n" % frame for frame in frames] if stream else frames
    chunks: Iterator[Result[bytes, Problem]] = iter([*map(Success, pieces)])
    return OpenResponse(asked, 200, {"content-type": label}, chunks, lambda: None, 0.0, attempts=2)


def ended(reason: str, part: str, **message: Any) -> Any:
    """Return an event, or a whole answer, that ends so."""
    usage = {"prompt_tokens": 9, "completion_tokens": 2}
    return {"choices": [{part: message, "finish_reason": reason}], "usage": usage}


ENDS: list[tuple[str, dict[str, Any], str]] = [
    ("content_filter", {}, "refused"),
    ("stop", {"refusal": "No."}, "refused"),
    ("length", {}, "input"),
    ("stop", {}, "garbled"),
]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("reason", "message", "kind"), ENDS)
def test_an_end_without_an_answer_is_a_failure_before_anything_is_shown(
    reason: str, message: dict[str, Any], kind: str, stream: bool
) -> None:
    event = ended(reason, "delta" if stream else "message", **message)
    problem = wait_for_answer(opened(event, stream=stream)).failure()
    assert (problem.kind, problem.sent, problem.attempts) == (kind, True, 2)
    assert problem.usage == Usage(input=9, output=2)
    assert problem.cost == Decimal("0.000015")  # all of it came, and is paid for


def test_thoughts_without_an_answer_are_paid_for() -> None:
    events = (ended("length", "delta", reasoning_content="Hm."),)
    *thoughts, last = read_stream(lambda: 1.0)(wait_for_answer(opened(*events)).unwrap())
    problem = last.failure()
    assert thoughts and (problem.kind, problem.usage) == ("input", Usage(input=9, output=2))
    assert problem.cost == Decimal("0.000015")


@pytest.mark.parametrize("stream", [True, False])
def test_what_was_looked_at_once_is_not_looked_at_again(stream: bool) -> None:
    event = ended("stop", "delta" if stream else "message", content="Hi")
    ready = wait_for_answer(opened(event, stream=stream)).unwrap()
    assert wait_for_answer(ready).unwrap() is ready and first_event(ready).unwrap() is ready
    assert ready.is_whole != stream
    assert collect(read_stream(lambda: 1.0)(ready)).unwrap().text == "Hi"


def test_an_answer_in_one_piece_is_whole_before_it_is_read() -> None:
    ready = first_event(opened(ended("stop", "message", content="Hi"), stream=False)).unwrap()
    assert ready.events is None and len([*ready.chunks]) == 1


@pytest.mark.parametrize("label", ["application/json", "text/event-stream"])
def test_an_error_that_may_pass_may_be_asked_for_again(label: str) -> None:
    error = {"error": {"message": "Later.", "code": "rate_limit_exceeded"}}
    problem = first_event(opened(error, label=label)).failure()
    assert (problem.kind, problem.retryable) == ("busy", True)


def test_a_beginning_that_breaks_off_is_a_failure() -> None:
    used = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 0}}
    answer = opened(used)
    gone: list[Result[bytes, Problem]] = [*answer.chunks, Failure(Problem("offline", "gone"))]
    problem = first_event(replace(answer, chunks=iter(gone))).failure()
    assert (problem.kind, problem.message) == ("offline", "gone")
