"""What programs are told: one shape for every provider, and null for what nobody knows."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import request

from loki.formats.json_output import (
    event_json,
    format_time,
    problem_json,
    reply_json,
    reply_with_message_json,
)
from loki.json_text import compact
from loki.messages import Text, ToolCall
from loki.problems import Problem
from loki.replies import Done, Event, Reasoning, Reply
from loki.usage import Usage

USAGE = Usage(input=10, cache_read=4, output=5, billed_input=3, tier="flex", told_cost=Decimal(1))
REQUEST = request({"type": "openai-compatible", "name": "local", "api_base": "http://a"})


def reply(**fields: Any) -> Reply:
    """Return an answer, with some fields of its own."""
    call = ToolCall("a", "f", {"x": 1})
    plain: dict[str, Any] = {
        "model": "local:m",
        "text": "Hi",
        "reasoning": "Hm",
        "tool_calls": (call,),
        "finish": "stop",
        "finish_raw": "end",
        "usage": USAGE,
        "request": REQUEST,
        "seconds": 1.23456,
        "cost": Decimal("0.0012"),
        "request_id": "r",
    }
    return Reply(**{**plain, **fields})


def test_an_answer_is_one_object_with_these_names_in_this_order() -> None:
    assert list(reply_json(reply()).items()) == [
        ("model", "local:m"),
        ("text", "Hi"),
        ("reasoning", "Hm"),
        ("tool_calls", [{"id": "a", "name": "f", "arguments": {"x": 1}}]),
        ("finish", "stop"),
        ("finish_raw", "end"),
        (
            "usage",
            {"input": 10, "cache_read": 4, "cache_write": None, "output": 5, "reasoning": None},
        ),
        ("cost", 0.0012),
        ("seconds", 1.235),
        ("first_token_seconds", None),
        ("attempts", 1),
        ("request_id", "r"),
    ]


@pytest.mark.parametrize(("cost", "expected"), [(None, None), (Decimal(0), 0.0)])
def test_an_unknown_cost_is_null_and_none_is_zero(cost: Decimal | None, expected: Any) -> None:
    assert reply_json(reply(cost=cost))["cost"] == expected


@pytest.mark.parametrize("data", [None, False, 0, [], {"a": 1}])
def test_data_is_told_where_there_is_some_also_if_it_is_null(data: Any) -> None:
    assert reply_json(reply(), data)["data"] == data and "data" not in reply_json(reply())


def test_what_the_provider_wants_back_is_told_where_there_is_some() -> None:
    block = {"type": "thinking", "signature": "s"}
    assert reply_json(reply(carry=(block,)))["carry"] == [block]
    assert "carry" not in reply_json(reply())


def test_an_answer_is_a_turn_as_well() -> None:
    block = {"type": "thinking", "signature": "s"}
    assert reply_with_message_json(reply(carry=(block,)))["message"] == {
        "role": "assistant",
        "content": "Hi",
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
        ],
        "carry": {"from": "local/openai", "blocks": [block]},
    }
    assert reply_with_message_json(reply(text="", tool_calls=()))["message"] == {
        "role": "assistant",
        "content": "",
    }


EVENTS: list[tuple[Event, dict[str, Any]]] = [
    (Text("a"), {"type": "text", "text": "a"}),
    (Reasoning("b"), {"type": "reasoning", "text": "b"}),
    (
        ToolCall("i", "f", {"x": [1]}),
        {"type": "tool_call", "id": "i", "name": "f", "arguments": {"x": [1]}},
    ),
    (
        Usage(input=1, output=2, searches=3),
        {
            "type": "usage",
            "input": 1,
            "cache_read": None,
            "cache_write": None,
            "output": 2,
            "reasoning": None,
        },
    ),
    (Done(reply()), {"type": "done", **reply_with_message_json(reply())}),
]


@pytest.mark.parametrize(("event", "expected"), EVENTS)
def test_an_event_says_its_type_first(event: Event, expected: dict[str, Any]) -> None:
    assert list(event_json(event).items()) == list(expected.items())


def test_a_problem_is_told_in_full() -> None:
    problem = Problem("busy", "Later.", status=429, code="c", request_id="r", retry_at=60.4)
    assert problem_json(problem) == {
        "kind": "busy",
        "message": "Later.",
        "status": 429,
        "code": "c",
        "request_id": "r",
        "retry_at": "1970-01-01T00:01:00+00:00",
        "sent": False,
    }
    assert problem_json(Problem("offline", "gone", sent=True))["retry_at"] is None


@given(st.integers(0, 4_000_000_000))
def test_a_moment_is_a_time_of_rfc_3339(seconds: int) -> None:
    from datetime import datetime

    assert datetime.fromisoformat(format_time(seconds)).timestamp() == seconds


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_compact_json_is_one_line_that_reads_as_it_was(value: Any) -> None:
    line = compact(value)
    assert json.loads(line) == value and "\n" not in line


def test_compact_json_spends_no_byte_on_spaces_and_escapes() -> None:
    assert compact({"a": [1, "日本"], "b": None}) == '{"a":[1,"日本"],"b":null}'
