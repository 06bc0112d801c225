"""An ask that wants the provider's bytes gets all of them, whatever is made of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from returns.result import Failure, Result, Success
from support import cut, request

from loki.messages import Text
from loki.problems import Problem
from loki.replies import OpenResponse, Raw, Stream
from loki.stages.first_event import wait_for_answer
from loki.stages.parse import collect, read_stream

STREAM = (
    b'data: {"choices": [{"delta": {"content": "H"}}]}\n\n'
    b'data: {"choices": [{"delta": {"content": "i"}, "finish_reason": "stop"}]}\n\n'
    b"data: [DONE]\n\n: and a comment\n\n"
)
WHOLE = b'{"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}'


def opened(pieces: list[Result[bytes, Problem]], stream: bool, raw: bool = True) -> OpenResponse:
    """Return an answer in pieces to an ask that wants its bytes."""
    plain = request({"type": "openai"}, stream=stream)
    target = plain.target
    ask = replace(target.ask, raw=raw)
    asked = replace(plain, draft=replace(plain.draft, target=replace(target, ask=ask)))
    return OpenResponse(asked, 200, {}, iter(pieces), lambda: None, started=0.0)


def followed(ready: OpenResponse) -> Stream:
    """Return the events of an answer that has begun."""
    return read_stream(lambda: 1.0)(wait_for_answer(ready).unwrap())


@pytest.mark.parametrize("size", [0, 1, 3, 7])
@pytest.mark.parametrize(("data", "stream"), [(STREAM, True), (WHOLE, False)])
def test_every_byte_comes_and_the_reply_is_the_same(data: bytes, stream: bool, size: int) -> None:
    pieces: list[Result[bytes, Problem]] = [*map(Success, cut(data, size))]
    events = [event.unwrap() for event in followed(opened(pieces, stream))]
    assert b"".join(event.data for event in events if isinstance(event, Raw)) == data
    texts = "".join(event.text for event in events if isinstance(event, Text))
    assert texts == "Hi" == collect(followed(opened(pieces, stream))).unwrap().text


def test_bytes_before_a_break_come_and_the_break_comes_last() -> None:
    pieces: list[Result[bytes, Problem]] = [
        Success(STREAM[:60]),
        Failure(Problem("offline", "gone")),
    ]
    *events, last = followed(opened(pieces, stream=True))
    assert events[0].unwrap() == Raw(STREAM[:60]) and last.failure().message == "gone"


def test_who_does_not_ask_for_bytes_gets_none() -> None:
    ready = opened([Success(STREAM)], stream=True, raw=False)
    assert not any(isinstance(event.unwrap(), Raw) for event in followed(ready))
