"""Conversations as text: read from arrays, lines and jq's output, written as they are read."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Success
from support import body_of, client_of, recordings, request, stream_pieces

from loki.formats.conversation import message_json, read_conversation, write_lines
from loki.formats.turns import message_of
from loki.messages import Media, Message, Text, ToolCall
from loki.stages import draft
from loki.stages.parse import collect

HI = {"role": "user", "content": "Hi"}
HELLO = {"role": "assistant", "content": "Hello."}
TURNS = (Message("user", "Hi"), Message("assistant", "Hello."))
CALL = ToolCall("c1", "now", {"zone": "UTC"})
ASKED = Message("assistant", tool_calls=(CALL,))
SEALED = ({"type": "thinking", "thinking": "Hm.", "signature": "s"},)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([HI, HELLO]),
        json.dumps([HI, HELLO], indent=2),
        f"{json.dumps(HI)}\n{json.dumps(HELLO)}\n",
        f"\n{json.dumps(HI)}\r\n\n{json.dumps(HELLO)}",
        f"{json.dumps(HI, indent=2)}\n{json.dumps(HELLO, indent=2)}\n",
    ],
    ids=["array", "array of jq", "lines", "lines without an end", "values of jq"],
)
def test_a_conversation_is_an_array_or_lines(text: str) -> None:
    assert read_conversation(text, "m").unwrap() == TURNS


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_text_is_an_empty_conversation(text: str) -> None:
    assert read_conversation(text, "m").unwrap() == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"role": "user", "content": "Hi"}\n{"role": "us', "m:2:10: not JSON: "),
        ('[{"role": "user"},\n {"role": }]', "m:2:11: not JSON: expecting value"),
        ('{"role": "user", "content": "Hi"}\nHello', "m:2:1: not JSON: expecting value"),
        ('{"role": "user", "content": "Hi"}\n\n{"role": "usr"}', "m:3: role is 'usr', not one of"),
        ('{"role": "user", "content": NaN}', "m: not JSON: NaN is no number"),
        ('{"a":' * 500 + "1" + "}" * 500, "m: not JSON: nested deeper than"),
        ('{"a":' * 200_000, "m: too deeply nested"),
        ("5", "m:1: expected an object with role and content"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_column(text: str, message: str) -> None:
    problem = read_conversation(text, "m").failure()
    assert problem.kind == "input" and problem.message.startswith(message)


MESSAGES = [
    *TURNS,
    Message("system", "Be brief."),
    Message("tool", "12:00", tool_call_id="c1"),
    Message("tool", "it broke", tool_call_id="c1", is_error=True),
    ASKED,
    Message("assistant", "Let me see.", tool_calls=(CALL,), carry=SEALED, carry_from="claude/x"),
    Message("assistant", "Of an earlier version.", carry=SEALED),
    Message("user", (Media("image/png", b"abc"), Text("What is it?"))),
    Message("user", (Media("image/*", url="https://a.example/a.png"), Text("And this?"))),
    Message("user", (Media("application/pdf", b"%PDF", name="a.pdf"),)),
    Message("user", (Media("audio/wav", b"RIFF"),)),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: str(message.content)[:20])
def test_a_turn_is_read_as_it_was_written(message: Message) -> None:
    line = write_lines([message])
    assert line.endswith("}\n") and line.count("\n") == 1
    assert read_conversation(line, "m").unwrap() == (message,)


TEXTS = st.text().filter(lambda text: "\0" not in text)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
CALLS = st.builds(ToolCall, TEXTS, TEXTS, st.dictionaries(TEXTS, VALUES, max_size=3))
ANSWERS = st.builds(
    lambda text, calls, carry: Message(
        "assistant", text, tuple(calls), carry=tuple(carry), carry_from="a/b" if carry else ""
    ),
    TEXTS,
    st.lists(CALLS, max_size=2),
    st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), max_size=2),
)


@given(st.lists(ANSWERS | st.builds(Message, st.just("user"), TEXTS), max_size=4))
def test_whatever_was_said_is_read_as_it_was_written(message: list[Message]) -> None:
    assert read_conversation(write_lines(message), "m").unwrap() == tuple(message)


@given(st.text() | VALUES.map(json.dumps))
def test_no_text_is_too_odd_to_be_refused(text: str) -> None:
    result = read_conversation(text, "m")
    assert isinstance(result, Success) or result.failure().message.startswith("m")


def test_what_is_no_text_does_not_make_a_conversation_unreadable() -> None:
    odd = Message("assistant", "a\0b")
    assert read_conversation(write_lines([odd]), "m").unwrap()[0].text == "a\ufffdb"


@pytest.mark.parametrize(
    "call",
    [
        {"id": "c1", "name": "now", "arguments": {"zone": "UTC"}},
        {"id": "c1", "function": {"name": "now", "arguments": {"zone": "UTC"}}},
        {
            "id": "c1",
            "type": "function",
            "function": {"name": "now", "arguments": '{"zone":"UTC"}'},
        },
    ],
)
def test_a_call_is_read_in_openai_s_shape_and_in_ours(call: Any) -> None:
    text = json.dumps({"role": "assistant", "tool_calls": [call]})
    assert read_conversation(text, "m").unwrap() == (ASKED,)


@pytest.mark.parametrize("arguments", ["[1]", "5", "{"])
def test_arguments_are_an_object(arguments: str) -> None:
    call = {"id": "c1", "function": {"name": "now", "arguments": arguments}}
    text = json.dumps({"role": "assistant", "tool_calls": [call]})
    assert "m:1: arguments of now" in read_conversation(text, "m").failure().message


def test_a_turn_says_nothing_that_it_has_not() -> None:
    assert message_json(Message("user", "Hi")) == HI
    assert message_json(ASKED)["content"] is None


# ---- recorded answers --------------------------------------------------------------------------


def texts_in(value: Any) -> set[str]:
    """Return every text in a JSON value."""
    match value:
        case str():
            return {value}
        case dict():
            return set().union(*map(texts_in, value.values()))
        case list() | tuple():
            return set().union(*map(texts_in, value))
        case _:
            return set()


@pytest.mark.parametrize("recording", recordings())
def test_a_recorded_answer_goes_back_as_it_came(recording: Any) -> None:
    if recording is None:
        return
    asked = request(client_of(recording), stream=recording["stream"])
    answer = collect(stream_pieces(asked, [body_of(recording)], **recording["response"]["headers"]))
    if not isinstance(answer, Success):
        return  # a refusal, or an answer without any text
    reply = answer.unwrap()
    results = tuple(Message("tool", "22", tool_call_id=call.id) for call in reply.tool_calls)
    line = write_lines(
        [Message("user", "Hi"), message_of(reply), *results, Message("user", "And?")]
    )
    turns = read_conversation(line, "m").unwrap()
    assert turns[1] == message_of(reply)
    again = draft(replace(asked.target, ask=replace(asked.target.ask, messages=turns))).unwrap()
    returned = texts_in(again.body)
    assert texts_in(reply.carry) <= returned
    given = {call.id for call in reply.tool_calls if not re.fullmatch(r"call_\d+", call.id)}
    assert given <= returned
