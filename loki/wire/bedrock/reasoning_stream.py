"""A ConverseStream: signed thoughts put together, calls of the provider's own tools left out."""

from __future__ import annotations

from loki.json_text import Json, JsonObject
from loki.replies import CarriedBlock, WireEvent
from loki.wire.bedrock.reasoning_blocks import is_carried, whole_block
from loki.wire.bedrock.response import read_chat_event
from loki.wire.protocol import as_str


class StreamReader:
    """Reads the frames of one stream; a block of thoughts is carried when it closes."""

    def __init__(self) -> None:
        self.pieces: dict[int, dict[str, list[str]]] = {}  # by block and field
        self.server_calls: set[int] = set()  # the blocks of calls that the provider answers itself

    def read_event(self, frame: Json) -> tuple[WireEvent, ...]:
        """Return what a frame tells, and the signed thoughts of the block that it closes."""
        events = read_chat_event(frame)
        match frame:
            case {
                "contentBlockDelta": {
                    "contentBlockIndex": int(index),
                    "delta": {"reasoningContent": dict(piece)},
                }
            }:
                self.grow(index, piece)
            case {"contentBlockStop": {"contentBlockIndex": int(index)}} if index in self.pieces:
                return (*events, *self.close(index))
            case {
                "contentBlockStart": {
                    "contentBlockIndex": int(index),
                    "start": {"toolUse": {"type": "server_tool_use"}},
                }
            }:
                self.server_calls.add(index)
            case {
                "contentBlockDelta": {"contentBlockIndex": int(index), "delta": {"toolUse": _}}
            } if index in self.server_calls:
                return ()
        return events

    def grow(self, index: int, piece: JsonObject) -> None:
        """Add a piece to a block of thoughts."""
        block = self.pieces.setdefault(index, {})
        for name, text in piece.items():
            block.setdefault(name, []).append(as_str(text))

    def close(self, index: int) -> tuple[WireEvent, ...]:
        """Return a block of thoughts as it must come back, nothing where it is not wanted back."""
        pieces = self.pieces.pop(index)
        thoughts = whole_block({name: "".join(texts) for name, texts in pieces.items()})
        return (CarriedBlock({"reasoningContent": thoughts}),) if is_carried(thoughts) else ()
