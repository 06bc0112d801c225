"""The end of a stream is its end: nothing is read on, and a server that goes on is not heard."""

from __future__ import annotations

from collections.abc import Iterator

from support import request, told

from loki.stages.parse import collect


def test_nothing_is_read_on_after_the_end() -> None:
    def pieces() -> Iterator[bytes]:
        yield b'data: {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}\n\n'
        yield b"data: [DONE]\n\n"
        raise AssertionError("read on")

    assert collect(told(request({"type": "openai"}, stream=True), pieces())).unwrap().text == "Hi"
