"""Converse: answers that are errors, and the end of an answer."""

from __future__ import annotations

from typing import Any

import pytest

from loki.messages import Text
from loki.problems import Problem
from loki.replies import Finish, Reasoning, ToolPiece
from loki.usage import Usage
from loki.wire.bedrock.response import read_chat, read_chat_event

#: Bodies and frames of status 200 that are errors -> kind, code, message.
ERRORS: list[tuple[Any, str, str | None, str]] = [
    ({"message": "Odd."}, "garbled", None, "Odd."),
    ({"Message": "Odd."}, "garbled", None, "Odd."),
    ({"message": "Slow.", "__type": "ThrottlingException"}, "busy", "ThrottlingException", "Slow."),
    ({"odd": 1}, "garbled", None, 'not an answer of Converse: {"odd": 1}'),
    ([], "garbled", None, "not an answer of Converse: []"),
]


@pytest.mark.parametrize(("body", "kind", "code", "message"), ERRORS)
def test_an_error_in_a_200_has_a_kind_with_or_without_a_code(
    body: Any, kind: str, code: str | None, message: str
) -> None:
    problem = read_chat(body)[0]
    assert isinstance(problem, Problem)
    assert (problem.kind, problem.code, problem.message) == (kind, code, message)
    assert problem.sent and problem.status is None


def test_a_damaged_stream_is_garbled() -> None:
    problem = read_chat_event({"error": {"message": "the stream is damaged"}})[0]
    assert isinstance(problem, Problem) and problem.kind == "garbled"


@pytest.mark.parametrize(
    ("name", "expected", "kind", "message"),
    [
        ("throttlingException", {"message": "Slow."}, "busy", "Slow."),
        ("validationException", {"message": "No."}, "input", "No."),
        ("modelStreamErrorException", {}, "garbled", "ModelStreamErrorException"),
        ("newException", {"message": "?"}, None, "?"),
    ],
)
def test_an_exception_breaks_a_stream_with_the_kind_of_its_name(
    name: str, expected: Any, kind: str | None, message: str
) -> None:
    problem = read_chat_event({"exception": {name: expected}})[0]
    assert isinstance(problem, Problem) and problem.sent
    assert kind in (None, problem.kind) and message in problem.message


FRAMES: list[tuple[Any, tuple[Any, ...]]] = [
    ({"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Hi"}}}, (Text("Hi"),)),
    (
        {
            "contentBlockDelta": {
                "contentBlockIndex": 0,
                "delta": {"reasoningContent": {"text": "Hm"}},
            }
        },
        (Reasoning("Hm"),),
    ),
    (
        {
            "contentBlockStart": {
                "contentBlockIndex": 1,
                "start": {"toolUse": {"toolUseId": "a", "name": "f"}},
            }
        },
        (ToolPiece(1, "a", "f", ""),),
    ),
    ({"messageStop": {"stopReason": "end_turn"}}, (Finish("end_turn"),)),
    ({"messageStart": {"role": "assistant"}}, ()),
]


@pytest.mark.parametrize(("frame", "events"), FRAMES)
def test_a_frame_tells_what_is_in_it(frame: Any, events: tuple[Any, ...]) -> None:
    assert read_chat_event(frame) == events


def test_the_input_counts_what_the_cache_gave_and_took() -> None:
    counts = {
        "inputTokens": 1,
        "cacheReadInputTokens": 10,
        "cacheWriteInputTokens": 100,
        "outputTokens": 5,
    }
    (usage,) = read_chat_event({"metadata": {"usage": counts}})
    assert isinstance(usage, Usage)
    assert (usage.input, usage.cache_read, usage.cache_write, usage.output) == (111, 10, 100, 5)
