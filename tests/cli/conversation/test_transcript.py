"""What was said so far: whole turns into the file, the text of a broken answer aside."""

from __future__ import annotations

from typing import Any

import pytest
from returns.result import Failure, Success
from support import request

from loki.cli.conversation.transcript import Transcript
from loki.messages import Message, Text, ToolCall
from loki.problems import Problem
from loki.replies import Reply, Stream
from loki.tool_use import add_reply
from loki.usage import Usage

BEFORE, PROMPT = Message("user", "Before"), Message("user", "Hi")
CALL = ToolCall("c1", "now", {})


def reply(text: str, *calls: ToolCall) -> Reply:
    """An answer."""
    asked = request({"type": "claude"})
    return Reply("claude:m", text, "", calls, "stop", "end_turn", Usage(), asked)


def started() -> Transcript:
    """A conversation with one turn before the new one."""
    return Transcript((BEFORE, PROMPT), (PROMPT,))


def stream_of(*pieces: Any) -> Stream:
    """A stream of texts, and maybe a problem."""
    for piece in pieces:
        yield Failure(piece) if isinstance(piece, Problem) else Success(Text(piece))


def test_a_whole_answer_is_added_with_its_prompt() -> None:
    script = started()
    assert len(list(script.tap(stream_of("Hel", "lo.")))) == 2 and script.text == "Hello."
    script.note(add_reply(script.conversation, reply("Hello.")))
    script.accept()
    assert script.parts() == ((PROMPT, Message("assistant", "Hello.")), ())
    assert script.since_prompt == (Message("assistant", "Hello."),)


@pytest.mark.parametrize("pieces", [("Hel",), ("H", "el", Problem("garbled", "cut"))])
def test_a_broken_answer_is_kept_aside_with_its_prompt(pieces: Any) -> None:
    script = started()
    list(script.tap(stream_of(*pieces)))
    assert script.parts() == ((), (PROMPT, Message("assistant", "Hel")))


def test_no_answer_is_nothing_to_keep() -> None:
    script = started()
    list(script.tap(stream_of(Problem("offline", "gone"))))
    assert script.parts() == ((), ())


def test_an_answer_that_is_not_taken_is_kept_aside() -> None:
    script = started()
    script.note(add_reply(script.conversation, reply("Hello.")))
    script.reject()
    assert script.parts() == ((), (PROMPT, Message("assistant", "Hello.")))


def test_steps_before_a_broken_answer_are_added() -> None:
    script = started()
    asked = add_reply(script.conversation, reply("", CALL))
    script.note(asked)
    (whole, aside) = script.parts()
    assert [turn.role for turn in whole] == ["user", "assistant", "tool"] and aside == ()
    assert whole[-1].is_error and "not run" in whole[-1].text
    script.note(add_reply(asked, reply("", CALL)))  # as after its result
    list(script.tap(stream_of("Hel")))
    assert script.parts()[1] == (Message("assistant", "Hel"),)


def test_a_second_attempt_begins_anew() -> None:
    script = started()
    list(script.tap(stream_of("Of another model")))
    list(script.tap(stream_of("Hel")))
    assert script.text == "Hel"
