"""Pieces of tool calls make whole calls, or a sentence says what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from loki.messages import ToolCall
from loki.replies import FinishReason, ToolPiece
from loki.stages.tool_calls import MOST_CALLS, ToolCallsRead, read_calls

WHOLE: dict[str, tuple[list[ToolPiece], list[ToolCall]]] = {
    "in pieces": (
        [ToolPiece(0, "a", "f", '{"x"'), ToolPiece(0, "", "", ":1}")],
        [ToolCall("a", "f", {"x": 1})],
    ),
    "two under one index": (
        [ToolPiece(0, "a", "f", "{}"), ToolPiece(0, "b", "g", "")],
        [ToolCall("a", "f", {}), ToolCall("b", "g", {})],
    ),
    "half a character": (
        [ToolPiece(0, "a\ud800", "f", '{"x": "\\ud800"}')],
        [ToolCall("a\ufffd", "f", {"x": "\ufffd"})],
    ),
    "without an id": ([ToolPiece(None, "", "f", "{}")], [ToolCall("call_0", "f", {})]),
}


@pytest.mark.parametrize(("pieces", "calls"), WHOLE.values(), ids=list(WHOLE))
def test_pieces_make_whole_calls(pieces: list[ToolPiece], calls: list[ToolCall]) -> None:
    assert read_calls(pieces, "tools").unwrap() == ToolCallsRead(tuple(calls))


def many(number: int) -> Iterable[ToolPiece]:
    """Return so many calls."""
    return (ToolPiece(row, f"c{row}", "f", "{}") for row in range(number))


WRONG: list[tuple[list[ToolPiece], FinishReason, str]] = [
    ([ToolPiece(0, "a", "f", "[1]")], "tools", "a tool call's arguments are not a JSON object"),
    ([ToolPiece(0, "a", "f", "[" * 100_000)], "tools", "are not a JSON object"),
    ([ToolPiece(0, "a", "f", "{}", is_whole=False)], "tools", "the call of f was begun and not"),
    *(
        ([ToolPiece(0, "a", "f", f'{{"x": {number}}}')], "tools", "are not a JSON object")
        for number in ("NaN", "Infinity", "1e999", "-1e999")
    ),
    ([*many(MOST_CALLS + 1)], "tools", "the answer has over 1,000 tool calls"),
]


@pytest.mark.parametrize(("pieces", "finish", "words"), WRONG)
def test_what_makes_no_call_is_told(
    pieces: list[ToolPiece], finish: FinishReason, words: str
) -> None:
    problem = read_calls(pieces, finish).failure()
    assert problem.kind == "garbled" and words in problem.message and problem.sent
    assert len(read_calls(many(MOST_CALLS), "tools").unwrap().whole) == MOST_CALLS
