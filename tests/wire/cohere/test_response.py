"""Cohere: what an answer, or an event of its stream, tells."""

from __future__ import annotations

from typing import Any

import pytest

from loki.messages import Text
from loki.problems import Problem
from loki.replies import CarriedBlock, Finish, Reasoning, Source, ToolPiece, WireEvent
from loki.wire.cohere.response import ChatReader, read_chat

CALL = {"id": "a", "function": {"name": "f", "arguments": '{"x": 1}'}}
BARE_CALL = {"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}
THOUGHT = {"type": "thinking", "thinking": "Hm"}
CITED = {"text": "Hi", "sources": [{"type": "tool", "id": "t"}]}

MESSAGES: dict[str, tuple[dict[str, Any], tuple[WireEvent, ...]]] = {
    "a bare text": ({"content": "Hi"}, (Text("Hi"),)),
    "thoughts": ({"content": [THOUGHT, {"text": "Hi"}]}, (Reasoning("Hm"), Text("Hi"))),
    "a plan": ({"tool_plan": "Ask."}, (Reasoning("Ask."), CarriedBlock({"tool_plan": "Ask."}))),
    "a call": ({"tool_calls": [CALL]}, (ToolPiece(0, "a", "f", '{"x": 1}'),)),
    "arguments as JSON": ({"tool_calls": [BARE_CALL]}, (ToolPiece(0, "a", "f", '{"x": 1}'),)),
    "a quote of a tool": ({"citations": [CITED]}, (Source("", "", "Hi"),)),
    "a quote alone": ({"citations": [{"text": "Hi", "sources": []}]}, (Source("", "", "Hi"),)),
}


@pytest.mark.parametrize(("message", "events"), MESSAGES.values(), ids=list(MESSAGES))
def test_a_message_tells_its_parts(message: Any, events: tuple[WireEvent, ...]) -> None:
    assert read_chat({"message": message, "finish_reason": "X"}) == (*events, Finish("X"))


ENDS: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "a reason": ({"finish_reason": "ERROR"}, "the provider broke off the answer (ERROR)", "ERROR"),
    "a time-out": ({"finish_reason": "TIMEOUT"}, "off the answer (TIMEOUT)", "TIMEOUT"),
    "a sentence": ({"error": "Oh.", "finish_reason": "ERROR"}, "Oh.", "ERROR"),
    "a sentence alone": ({"error": "Oh."}, "Oh.", None),
}


@pytest.mark.parametrize(("end", "message", "code"), ENDS.values(), ids=list(ENDS))
def test_a_failed_end_is_a_problem_whole_and_streamed(
    end: dict[str, Any], message: str, code: str | None
) -> None:
    streamed = ChatReader().read_event({"type": "message-end", "delta": end})
    for problem in (read_chat({"message": {}, **end})[-1], streamed[-1]):
        assert isinstance(problem, Problem) and (problem.kind, problem.code) == ("offline", code)
        assert message in problem.message and problem.sent


def test_a_plan_in_pieces_is_carried_once_before_the_end() -> None:
    reader = ChatReader()
    for piece in ("As", "k."):
        delta = {"message": {"tool_plan": piece}}
        assert reader.read_event({"type": "tool-plan-delta", "delta": delta}) == (Reasoning(piece),)
    end = {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL"}}
    assert reader.read_event(end) == (CarriedBlock({"tool_plan": "Ask."}), Finish("TOOL_CALL"))
    assert reader.read_event(end) == (Finish("TOOL_CALL"),)
