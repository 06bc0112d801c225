"""Gemini: what an answer, or one response of its stream, tells."""

from __future__ import annotations

from typing import Any

import pytest

from loki.messages import Text
from loki.problems import Problem
from loki.replies import CarriedBlock, Finish, OtherChoice, Reasoning, ToolPiece, WireEvent
from loki.wire.google.response import read_chat, read_chat_event

HI = {"candidates": [{"content": {"parts": [{"text": "Hi"}]}}]}
END = {"candidates": [{"finishReason": "STOP"}]}
SIGNED = {"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "s"}

PARTS: dict[str, tuple[Any, tuple[WireEvent, ...]]] = {
    "text": ({"text": "Hi"}, (Text("Hi"),)),
    "a thought": ({"text": "Hm", "thought": True}, (Reasoning("Hm"),)),
    "a signed call": (SIGNED, (ToolPiece(None, "", "f", '{"x": 1}'), CarriedBlock(SIGNED))),
}


@pytest.mark.parametrize(("part", "events"), PARTS.values(), ids=list(PARTS))
def test_a_part_tells_its_events(part: Any, events: tuple[WireEvent, ...]) -> None:
    assert read_chat({"candidates": [{"content": {"parts": [part]}}]}) == events


def test_a_stream_in_one_piece_must_have_come_to_its_end() -> None:
    assert read_chat([HI, END]) == (Text("Hi"), Finish("STOP"))
    problem = read_chat([HI])[-1]
    assert isinstance(problem, Problem) and problem.kind == "garbled"


def test_other_candidates_are_noted_and_not_mixed_in() -> None:
    other = {"index": 1, "content": {"parts": [{"text": "Ho"}]}}
    assert read_chat_event({"candidates": [other]}) == (OtherChoice(1),)
    assert read_chat({"candidates": [*HI["candidates"], other]}) == (OtherChoice(1), Text("Hi"))


BLOCKED = {"blockReason": "SAFETY", "blockReasonMessage": "No."}
FAILURES: list[tuple[Any, str, str]] = [
    ({"promptFeedback": BLOCKED}, "refused", "the prompt was blocked (SAFETY): No."),
    ({"candidates": [{"finishReason": "MALFORMED_RESPONSE"}]}, "garbled", "MALFORMED_RESPONSE: "),
    ({"error": {"code": 429, "message": "Slow."}}, "busy", "Slow."),
]


@pytest.mark.parametrize(("chunk", "kind", "message"), FAILURES)
def test_a_failure_has_its_kind_and_sentence(chunk: Any, kind: str, message: str) -> None:
    (problem,) = read_chat_event(chunk)
    assert isinstance(problem, Problem) and problem.sent
    assert problem.kind == kind and problem.message.startswith(message)
