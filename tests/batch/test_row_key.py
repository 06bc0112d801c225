"""The key of a row: the same question has the same key, and another one another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from loki.batch.row_key import ask_key
from loki.messages import CachedText, Media, Message, Text, Tool, ToolCall
from loki.records import Ask, Limits, Patch

TOOL = Tool("f", "Do it.", {"type": "object"})
ASK = Ask("Hi", model="a:b", tools=(TOOL,))
IMAGE = Media("image/png", b"1", name="a.png")
CALL = ToolCall("1", "f", {"x": 1, "y": 2})


def with_parts(*parts: Text | Media) -> Ask:
    """Return an ask of one turn that has some parts."""
    return Ask((Message("user", parts),))


def with_turn(**facts: Any) -> Ask:
    """Return an ask of one turn of an assistant."""
    return Ask((Message("assistant", "Hi", **facts),))


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "a:c"},
        {"messages": "Ho"},
        {"messages": (Message("system", "Hi"),)},
        {"texts": ("Hi",)},
        {"temperature": 0.5},
        {"stop": ("A",)},
        {"reasoning": "high"},
        {"schema": {"type": "object"}},
        {"tool_choice": "f"},
        {"purpose": "query"},
        {"dimensions": 8},
        {"tools": (replace(TOOL, description="Do that."),)},
        {"tools": (replace(TOOL, parameters={}),)},
    ],
)
def test_what_changes_the_answer_changes_the_key(changes: dict[str, Any]) -> None:
    assert ask_key(replace(ASK, **changes)) != ask_key(ASK)


@pytest.mark.parametrize(
    "changes",
    [{"limits": Limits(total=1.0)}, {"stream": True}, {"max_cost": 1}, {"tag": "t"}],
)
def test_how_an_ask_is_sent_leaves_the_key_as_it_is(changes: dict[str, Any]) -> None:
    assert ask_key(replace(ASK, **changes)) == ask_key(ASK)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (with_parts(Text("Hi")), Ask("Hi"), True),
        (with_parts(Text("a"), Text("b")), with_parts(Text("ab")), False),
        (with_parts(CachedText("Hi", {"type": "ephemeral"})), Ask("Hi"), True),
        (with_parts(IMAGE), with_parts(replace(IMAGE, name="b.png")), True),
        (with_parts(IMAGE), with_parts(replace(IMAGE, data=b"2")), False),
        (with_parts(IMAGE), with_parts(replace(IMAGE, media_type="image/gif")), False),
        (with_parts(IMAGE), with_parts(replace(IMAGE, url="https://a.example")), False),
        (with_turn(tool_calls=(CALL,)), with_turn(tool_calls=(replace(CALL, id="2"),)), True),
        (with_turn(tool_calls=(CALL,)), with_turn(), False),
        (with_turn(tool_call_id="1"), with_turn(tool_call_id="2"), False),
    ],
)
def test_turns_are_the_same_where_they_ask_the_same(one: Ask, other: Ask, is_same: bool) -> None:
    assert (ask_key(one) == ask_key(other)) is is_same


def test_a_patch_of_the_body_counts_and_the_order_of_its_keys_does_not() -> None:
    key = ask_key(ASK, Patch(body={"a": 1, "b": 2}))
    assert key == ask_key(ASK, Patch(body={"b": 2, "a": 1})) != ask_key(ASK)
    assert ask_key(ASK, Patch(headers={"X-A": "1"})) == ask_key(ASK)
