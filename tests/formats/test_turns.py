"""Turns: what is new is added, open calls are closed, thoughts go to whoever had them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from support import CLIENTS, target

from loki.formats.turns import answer_open_calls, append_turns, find_open_calls
from loki.messages import Message, ToolCall
from loki.records import Ask
from loki.stages import draft

TURNS = (Message("user", "Hi"), Message("assistant", "Hello."))
CALL = ToolCall("c1", "now", {"zone": "UTC"})
ASKED = Message("assistant", tool_calls=(CALL,))


BRIEF, USER = Message("system", "Be brief."), Message("user", "Go on.")


@pytest.mark.parametrize(
    ("before", "turns", "new"),
    [
        ((), (BRIEF, USER), (BRIEF, USER)),
        ((BRIEF, *TURNS), (BRIEF, USER), (USER,)),
        (
            (BRIEF, *TURNS),
            (Message("system", "Be long."), USER),
            (Message("system", "Be long."), USER),
        ),
        (TURNS, (BRIEF, USER), (BRIEF, USER)),
        ((USER,), (), ()),
        ((*TURNS, ASKED, Message("tool", "12:00", tool_call_id="c1")), (), ()),
    ],
    ids=["first", "same prompt", "other prompt", "late prompt", "asked by hand", "tool by hand"],
)
def test_what_is_new_is_added(before: Any, turns: Any, new: Any) -> None:
    assert append_turns(before, turns, "talk").unwrap() == new


@pytest.mark.parametrize("before", [(), TURNS, (BRIEF,), (*TURNS, ASKED), (*TURNS, BRIEF)])
def test_without_a_turn_to_answer_nothing_is_asked(before: Any) -> None:
    problem = append_turns(before, (), "talk").failure()
    assert problem.kind == "usage" and problem.message.startswith("no prompt: talk has no turn")


def test_a_call_that_nobody_answered_gets_a_result_in_its_place() -> None:
    both = Message("assistant", tool_calls=(CALL, ToolCall("c2", "now", {})))
    known = Message("tool", "12:00", tool_call_id="c2")
    turns = (USER, both, known, USER)
    assert find_open_calls(turns) == ["now (c1)"]
    closed = answer_open_calls(turns, "no answer")
    missing = Message("tool", "no answer", tool_call_id="c1", is_error=True)
    assert closed == (USER, both, missing, known, USER) and find_open_calls(closed) == []


# ---- whose thoughts ----------------------------------------------------------------------------

OWN = {
    "claude": "claude/claude",
    "gemini": "gemini/gemini",
    "vertexai": "vertexai/gemini",
    "cohere": "cohere/cohere",
    "bedrock": "bedrock/converse",
}
BLOCKS: dict[str, Any] = {
    "claude": {"type": "thinking", "thinking": "MARK", "signature": "s"},
    "gemini": {"text": "MARK", "thought": True, "thoughtSignature": "s"},
    "vertexai": {"text": "MARK", "thought": True, "thoughtSignature": "s"},
    "cohere": {"tool_plan": "MARK"},
    "bedrock": {"reasoningContent": {"reasoningText": {"text": "MARK", "signature": "s"}}},
}


@pytest.mark.parametrize("maker", ["", "own", "azure-openai/responses"])
@pytest.mark.parametrize("kind", OWN)
def test_thoughts_go_back_to_whoever_had_them(kind: str, maker: str) -> None:
    client = next(each for each in CLIENTS.values() if each["type"] == kind)
    carry_from = OWN[kind] if maker == "own" else maker
    turn = Message(
        "assistant", "A", tool_calls=(CALL,), carry=(BLOCKS[kind],), carry_from=carry_from
    )
    result = Message("tool", "12:00", tool_call_id="c1")
    ask = Ask((Message("user", "Q"), turn, result), model=f"{kind}:m")
    body = draft(target(client, ask)).unwrap().body
    assert ("MARK" in json.dumps(body)) == (maker != "azure-openai/responses")


def test_a_failed_tool_is_said_to_have_failed_where_a_provider_can_be_told() -> None:
    output = {
        "claude": '"is_error": true',
        "gemini": '"error": "broke"',
        "bedrock": '"status": "error"',
    }
    for kind, words in output.items():
        client = next(each for each in CLIENTS.values() if each["type"] == kind)
        for is_error in (True, False):
            result = Message("tool", "broke", tool_call_id="c1", is_error=is_error)
            ask = Ask((Message("user", "Q"), ASKED, result), model=f"{kind}:claude-or-gemini")
            body = json.dumps(draft(target(client, ask)).unwrap().body)
            assert (words in body) == is_error
    ask = Ask((Message("user", "Q"), ASKED, replace(result, is_error=True)), model="bedrock:m")
    assert "status" not in json.dumps(draft(target(client, ask)).unwrap().body)
