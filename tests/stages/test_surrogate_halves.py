"""Halves of surrogate pairs are joined, however an answer was cut; one alone is U+FFFD."""

from __future__ import annotations

import json
from typing import Any

import pytest
from commands import Home
from servers import DONE, delta, serving, streamed
from support import request, response, stream_pieces

from loki.stages.parse import collect, parse

CLIENT = {"type": "openai-compatible", "api_base": "http://a.example", "models": [{"name": "m"}]}

#: Pieces of a text, and the text that they make.
PIECES: dict[str, tuple[list[str], str]] = {
    "a pair in two": (["\ud83d", "\ude00 ok"], "\U0001f600 ok"),
    "after other words": (["Oh \ud83d", "\ude00"], "Oh \U0001f600"),
    "after letters beyond ASCII": (["é\ud83d", "\ude00é"], "é\U0001f600é"),
    "two pairs": (["\ud83d", "\ude00\ud83d", "\ude01"], "\U0001f600\U0001f601"),
    "a first half at the end": (["Oh", "\ud83d"], "Oh\ufffd"),
    "a first half and letters": (["\ud83d", "a"], "\ufffda"),
    "a second half alone": (["a", "\ude00b"], "a\ufffdb"),
    "two first halves": (["\ud83d", "\ud83d", "\ude00"], "\ufffd\U0001f600"),
    "only half": (["\ud83d"], "\ufffd"),
}


def whole(key: str, text: str) -> bytes:
    """Return an answer in one piece; the text stands at ``key``."""
    message = {"content": "", key: text}
    return json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()


@pytest.mark.parametrize(("pieces", "text"), PIECES.values(), ids=PIECES)
@pytest.mark.parametrize("key", ["content", "reasoning_content"])
def test_a_stream_and_a_whole_answer_join_the_same_halves(
    pieces: list[str], text: str, key: str
) -> None:
    more = [delta("")] if key == "content" else [delta("Yes.")]
    frames = [delta(**{key: piece}) for piece in pieces] + more + [delta(None, "stop"), DONE]
    streamed_reply: Any = collect(
        stream_pieces(request(CLIENT, stream=True), frames, content_type="text/event-stream")
    ).unwrap()
    found = streamed_reply.text if key == "content" else streamed_reply.reasoning
    assert found == text
    if key == "content":
        body = whole(key, "".join(pieces))
        assert parse(response(request(CLIENT), 200, body)).unwrap().text == text


@pytest.mark.parametrize("form", ["text", "events", "json"])
def test_what_is_printed_has_the_joined_pair(home: Home, form: str) -> None:
    frames = streamed(delta("\ud83d"), delta("\ude00 ok"), delta(None, "stop"), DONE)
    with serving(frames) as server:
        home.local(server.address)
        done = home.run("-o", form, "Hi")
    shown = done.out if form == "text" else json.loads(done.out.splitlines()[0])["text"]
    assert (done.code, shown.rstrip("\n")) == (0, "\U0001f600 ok")
