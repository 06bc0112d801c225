"""Chat completions: what an answer and each chunk of a stream tell, wherever a server puts it."""

from __future__ import annotations

from typing import Any

import pytest

from loki.messages import Text
from loki.replies import Finish, OtherChoice
from loki.usage import Usage
from loki.wire.openai.chat_response import read_chat, read_chat_event

READ: list[tuple[Any, tuple[Any, ...]]] = [
    ({"choices": [{"delta": {"content": "Hi"}}]}, (Text("Hi"),)),
    ({"choices": [{"delta": {}, "finish_reason": "stop"}]}, (Finish("stop"),)),
    ({"choices": [{"index": 1, "delta": {"content": "other"}}]}, (OtherChoice(1),)),
    ({"choices": []}, ()),
    (
        {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "length"}]},
        (Text("Hi"), Finish("length")),
    ),
]


@pytest.mark.parametrize(("chunk", "events"), READ)
def test_a_chunk_tells_what_is_in_it(chunk: Any, events: tuple[Any, ...]) -> None:
    assert read_chat_event(chunk) == events


def test_counts_are_read_wherever_a_server_puts_them() -> None:
    counts = {"prompt_tokens": 3, "completion_tokens": 2}
    places: list[Any] = [
        {"choices": [], "usage": counts},
        {"choices": [], "x_groq": {"usage": counts}},
        {"choices": [{"delta": {}, "usage": counts}]},
    ]
    for chunk in places:
        (usage,) = read_chat_event(chunk)
        assert isinstance(usage, Usage) and (usage.input, usage.output) == (3, 2)


def test_an_answer_that_is_an_error_is_a_problem() -> None:
    (problem,) = read_chat({"error": {"message": "Too many.", "code": "rate_limit_exceeded"}})
    assert (problem.kind, problem.message, problem.sent) == ("busy", "Too many.", True)  # type: ignore[union-attr]
