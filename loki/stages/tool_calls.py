"""7. Pieces of tool calls -> whole tool calls, their arguments read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from returns.result import Result, Success

from loki.problems import Problem, fail
from loki.records import JsonObject, ToolCall
from loki.replies import Finished, ToolPiece
from loki.wire.answer_json import STRICT, parse_json

MOST_CALLS = 1000  # in one answer: more than any program would run


class CallBuilder:
    """A tool call in the making."""

    __slots__ = ("arguments", "id", "is_open", "name")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments = ""
        self.is_open = False  # begun by a wire that will say when it is complete

    def feed(self, piece: ToolPiece) -> None:
        """Add a piece; one that is ``whole`` has all the arguments."""
        self.id = self.id or piece.id
        self.name = self.name or piece.name
        self.arguments = piece.arguments if piece.whole else self.arguments + piece.arguments
        self.is_open = piece.whole is False

    def is_followed_by(self, piece: ToolPiece) -> bool:
        """Return whether a piece under the same index is of another call."""
        if piece.row is None and piece.name and not piece.id:
            return True
        is_named = bool(self.id or self.name)
        return bool(piece.id and piece.name and is_named and piece.id != self.id)


def read_calls(
    pieces: Iterable[ToolPiece], finish: Finished
) -> Result[tuple[ToolCall, ...], Problem]:
    """Return whole tool calls from their pieces; ``finish`` explains arguments that are cut off.

    >>> read_calls([ToolPiece(0, "a", "f", '{"x"'), ToolPiece(0, "", "", ":1}")], "tools").unwrap()
    (ToolCall(id='a', name='f', arguments={'x': 1}),)
    """
    calls = join_pieces(pieces)
    if len(calls) > MOST_CALLS:
        return fail("garbled", f"the answer has over {MOST_CALLS:,} tool calls", sent=True)
    if any(call.is_open for call in calls):
        names = ", ".join(call.name for call in calls if call.is_open)
        return fail("garbled", f"the call of {names} was begun and not completed", sent=True)
    try:
        return Success(
            tuple(
                ToolCall(call.id or f"call_{number}", call.name, read_arguments(call.arguments))
                for number, call in enumerate(calls)
            )
        )
    except (ValueError, RecursionError):
        cut = "; it was cut off by the token limit" if finish == "length" else ""
        return fail("garbled", f"a tool call's arguments are not a JSON object{cut}", sent=True)


def join_pieces(pieces: Iterable[ToolPiece]) -> list[CallBuilder]:
    """Return the calls that pieces make up, in the order in which they began."""
    calls: list[CallBuilder] = []
    latest: dict[int | None, CallBuilder] = {}  # by index
    for piece in pieces:
        call = latest.get(piece.row)
        if call is None or call.is_followed_by(piece):
            call = latest[piece.row] = CallBuilder()
            calls.append(call)
        call.feed(piece)
    return calls


def read_arguments(text: str) -> JsonObject:
    """Return the arguments of a call, an empty object for no text; raise ValueError.

    >>> read_arguments('{"x": 1}'), read_arguments(" ")
    ({'x': 1}, {})
    """
    arguments = parse_json(text, STRICT) if text.strip() else {}
    if not isinstance(arguments, dict):
        raise ValueError(text)
    return cast(JsonObject, arguments)
