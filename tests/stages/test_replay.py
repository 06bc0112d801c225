"""A kept answer says again what it said: streamed or whole, with what reading it needs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from returns.result import Success
from servers import COUNTED, DONE, delta, reply
from support import body_of, client_of, recordings, request

from loki.records import CachedResponse
from loki.replies import Reply
from loki.stages.replay import headers_to_keep, parse_cached, replay_response, replay_stream

OPENAI = {"type": "openai"}
FRAMES = (delta("Hel"), delta("lo."), delta(None, "stop"), COUNTED, DONE)


def kept(*pieces: bytes) -> CachedResponse:
    """An answer in some pieces."""
    return CachedResponse(200, {}, pieces)


def test_an_answer_comes_again_in_its_pieces_and_whole() -> None:
    asked = request(OPENAI, stream=True)
    opened = replay_stream(asked, kept(*FRAMES), 5.0)
    assert [chunk.unwrap() for chunk in opened.chunks] == [*FRAMES]
    opened.close()
    assert (opened.started, opened.attempts) == (5.0, 0)
    assert replay_response(asked, kept(b"a", b"b")).body == b"ab"


@pytest.mark.parametrize(
    ("pieces", "stream", "is_fit"),
    [
        (FRAMES, True, True),
        (FRAMES[:2], True, False),
        ((b"".join(FRAMES),), True, True),
        ((json.dumps(reply()).encode(),), False, True),
        ((json.dumps(reply(finish="length")).encode(),), False, False),
        ((json.dumps(reply(finish="content_filter")).encode(),), False, False),
        ((b"",), False, False),
    ],
)
def test_what_is_whole_and_a_success_is_fit(
    pieces: tuple[bytes, ...], stream: bool, is_fit: bool
) -> None:
    assert isinstance(parse_cached(request(OPENAI, stream), kept(*pieces)), Success) == is_fit


@pytest.mark.parametrize("recording", recordings())
def test_recorded_answers_are_read_again(recording: Any) -> None:
    answer = recording["response"]
    headers = {name.lower(): value for name, value in answer.get("headers", {}).items()}
    stored = CachedResponse(answer["status"], headers_to_keep(headers), (body_of(recording),))
    message = parse_cached(request(client_of(recording), recording["stream"]), stored)
    if isinstance(message, Success):  # others are cut, or not proper answers
        assert isinstance(message.unwrap(), Reply)


def test_cookies_are_not_kept() -> None:
    headers = {"set-cookie": "a", "x-request-id": "r", "x-amzn-bedrock-input-token-count": "3"}
    assert headers_to_keep(headers) == {
        "x-request-id": "r",
        "x-amzn-bedrock-input-token-count": "3",
    }
