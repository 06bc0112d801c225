"""7. Pieces of tool calls -> whole tool calls, their arguments read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from returns.result import Result, Success

from loki.json_text import JsonObject, replace_surrogates
from loki.messages import ToolCall
from loki.problems import Problem, fail
from loki.record import record
from loki.replies import FinishReason, ToolPiece
from loki.wire.provider_json import STRICT, parse_json

MOST_CALLS = 1000  # in one answer: more than any program would run


@record
class ToolCallsRead:
    """The calls of an answer: those that are whole, and the names of those that were cut off."""

    whole: tuple[ToolCall, ...] = ()
    cut: tuple[str, ...] = ()


class CallBuilder:
    """A tool call in the making."""

    __slots__ = ("arguments", "id", "is_custom", "is_open", "name", "pieces")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.pieces: list[str] = []  # of the arguments
        self.arguments: JsonObject = {}
        self.is_open = False  # begun by a wire that will say when it is complete
        self.is_custom = False  # takes free text instead of JSON

    def feed(self, piece: ToolPiece) -> None:
        """Add a piece; one that is ``whole`` has all the arguments."""
        self.id = self.id or piece.id
        self.name = self.name or piece.name
        self.is_custom = self.is_custom or piece.is_custom
        if piece.is_whole:
            self.pieces.clear()
        self.pieces.append(piece.arguments)
        self.is_open = piece.is_whole is False

    def is_followed_by(self, piece: ToolPiece) -> bool:
        """Return whether a piece under the same index is of another call."""
        if piece.call_index is None and piece.name and not piece.id:
            return True
        is_named = bool(self.id or self.name)
        return bool(piece.id and piece.name and is_named and piece.id != self.id)

    def find_incomplete_part(self) -> str:
        """Return what is wrong with the call, empty if it is whole; read its arguments."""
        if self.is_open:
            return f"the call of {self.name} was begun and not completed"
        text = "".join(self.pieces)
        try:
            self.arguments = {"input": text} if self.is_custom else read_arguments(text)
        except (ValueError, RecursionError):
            return "a tool call's arguments are not a JSON object"
        return ""

    def build(self, number: int) -> ToolCall:
        """Return the call, the ``number``-th of its answer, as valid Unicode."""
        parts = [self.id or f"call_{number}", self.name, self.arguments]
        return ToolCall(*replace_surrogates(parts))


def read_calls(pieces: Iterable[ToolPiece], finish: FinishReason) -> Result[ToolCallsRead, Problem]:
    """Return tool calls from their pieces; only the limit of the length may cut one off.

    >>> read_calls([ToolPiece(0, "a", "f", '{"x"'), ToolPiece(0, "", "", ":1}")], "tools").unwrap()
    ToolCallsRead(whole=(ToolCall(id='a', name='f', arguments={'x': 1}),), cut=())
    >>> read_calls([ToolPiece(0, "a", "f", '{"x"')], "length").unwrap()
    ToolCallsRead(whole=(), cut=('f',))
    """
    calls = join_pieces(pieces)
    if len(calls) > MOST_CALLS:
        return fail("garbled", f"the answer has over {MOST_CALLS:,} tool calls", sent=True)
    whole: list[ToolCall] = []
    cut: list[str] = []
    for number, call in enumerate(calls):
        problem = call.find_incomplete_part()
        if not problem:
            whole.append(call.build(number))
        elif finish == "length":
            cut.append(call.name)
        else:
            return fail("garbled", problem, sent=True)
    return Success(ToolCallsRead(tuple(whole), tuple(cut)))


def join_pieces(pieces: Iterable[ToolPiece]) -> list[CallBuilder]:
    """Return the calls that pieces make up, in the order in which they began."""
    calls: list[CallBuilder] = []
    latest: dict[int | None, CallBuilder] = {}  # by index
    for piece in pieces:
        call = latest.get(piece.call_index)
        if call is None or call.is_followed_by(piece):
            call = latest[piece.call_index] = CallBuilder()
            calls.append(call)
        call.feed(piece)
    return calls


def read_arguments(text: str) -> JsonObject:
    """Return the arguments of a call, an empty object for none; raise ValueError.

    Groq writes null for the arguments of a tool that takes none.

    >>> read_arguments('{"x": 1}'), read_arguments(" "), read_arguments("null")
    ({'x': 1}, {}, {})
    """
    arguments = parse_json(text, STRICT) if text.strip() else {}
    if arguments is None:
        return {}
    if not isinstance(arguments, dict):
        raise ValueError(text)
    return cast(JsonObject, arguments)
