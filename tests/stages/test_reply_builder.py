"""The events of one answer become a reply, or the Problem that says why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from returns.result import Result
from support import request

from loki.messages import Text
from loki.problems import Problem
from loki.replies import (
    Finish,
    FinishReason,
    OtherChoice,
    Reasoning,
    Refusal,
    Reply,
    Source,
    ToolPiece,
    WireEvent,
)
from loki.stages.reply_builder import MOST_SOURCES, ReplyBuilder
from loki.usage import Usage

WORDS: dict[str, FinishReason] = {"end": "stop", "max": "length", "safety": "filter"}
CALL = ToolPiece(0, "a", "f", "{}")
CUT_CALL = ToolPiece(1, "b", "g", '{"x"')


def fed(events: Sequence[WireEvent]) -> ReplyBuilder:
    """Return a builder that has taken in some events."""
    builder = ReplyBuilder(WORDS)
    for _ in (*builder.feed(events), *builder.flush()):
        pass
    return builder


def built(events: Sequence[WireEvent]) -> Result[Reply, Problem]:
    """Return what some events make."""
    return fed(events).build(request({"type": "openai"}), is_whole=False)


FAILURES: dict[str, tuple[list[WireEvent], str, str]] = {
    "no end": ([Text("Hi")], "garbled", "the stream ended before the answer did"),
    "a refusal and no end": ([Refusal("I "), Refusal("won't.")], "refused", "I won't."),
    "a refusal": ([Refusal("No."), Finish("end")], "refused", "No."),
    "a filter": ([Finish("safety")], "refused", "the provider's filter stopped the answer (safety"),
    "thoughts alone": ([Reasoning("Hm"), Finish("max")], "input", "went into reasoning (max)"),
    "an unknown word": ([Finish("odd")], "garbled", "the answer is empty: it ended (odd) without"),
    "two problems": ([Problem("busy", "one"), Problem("auth", "two")], "busy", "one"),
}


@pytest.mark.parametrize(("events", "kind", "message"), FAILURES.values(), ids=list(FAILURES))
def test_no_answer_says_why(events: list[WireEvent], kind: str, message: str) -> None:
    problem = built([Usage(input=3), *events]).failure()
    assert (problem.kind, problem.usage) == (kind, Usage(input=3)) and message in problem.message


PARTS: dict[str, tuple[list[WireEvent], dict[str, Any]]] = {
    "a call ends with tools": ([CALL, Finish("end")], {"finish": "tools", "finish_raw": "end"}),
    "a limit stays one": ([CALL, Finish("max")], {"finish": "length"}),
    "a source counts once": ([Source("u"), Source("u")], {"sources": (Source("u"),)}),
    "a named one counts": ([Source("u"), Source("u", "A")], {"sources": (Source("u", "A"),)}),
}


@pytest.mark.parametrize(("events", "fields"), PARTS.values(), ids=list(PARTS))
def test_a_reply_has_its_parts(events: list[WireEvent], fields: dict[str, Any]) -> None:
    reply = built([Text("Hi"), Finish("end"), *events]).unwrap()
    assert {name: getattr(reply, name) for name in fields} == fields


MANY: list[WireEvent] = [Source(str(number)) for number in range(MOST_SOURCES + 5)]
NOTES: dict[str, tuple[list[WireEvent], str]] = {
    "a cut call": ([CALL, CUT_CALL, Finish("max")], "the call of g was cut off"),
    "another answer": ([Text("Hi"), OtherChoice(1), Finish("end")], "several answers"),
    "too many sources": ([Text("Hi"), *MANY, Finish("end")], "more than 1,000 sources"),
}


@pytest.mark.parametrize(("events", "note"), NOTES.values(), ids=list(NOTES))
def test_a_reply_notes_what_was_left_out(events: list[WireEvent], note: str) -> None:
    reply = built(events).unwrap()
    assert note in " ".join(reply.notes) and len(reply.sources) <= MOST_SOURCES


@pytest.mark.parametrize(("events", "kind"), [([], "offline"), ([Text("Hi")], "garbled")])
def test_what_breaks_off_after_words_is_not_sent_again(events: list[WireEvent], kind: str) -> None:
    cut = fed(events).with_partial_answer(Problem("offline", "cut", retryable=True), 2)
    assert (cut.kind, cut.retryable, cut.attempts) == (kind, kind == "offline", 2)
