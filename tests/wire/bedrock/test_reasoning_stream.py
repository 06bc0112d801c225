"""Signed thoughts of a stream come back in one piece; those without a proof are not kept."""

from __future__ import annotations

import json
import struct
from binascii import crc32
from typing import Any

import pytest
from support import cut

from loki.replies import CarriedBlock, WireEvent
from loki.wire.bedrock.event_stream import FrameSplitter
from loki.wire.bedrock.reasoning_blocks import is_carried
from loki.wire.bedrock.reasoning_stream import StreamReader
from loki.wire.bedrock.response import read_chat_event
from loki.wire.decoder import Decoder


def frame(name: str, payload: Any) -> bytes:
    """Return the frame of an event of an AWS event stream."""
    pairs = [(b":message-type", b"event"), (b":event-type", name.encode())]
    head = b"".join(
        bytes([len(key)]) + key + struct.pack(">BH", 7, len(value)) + value for key, value in pairs
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(head) + len(body), len(head))
    start = prelude + struct.pack(">I", crc32(prelude)) + head + body
    return start + struct.pack(">I", crc32(start))


def thought(row: int, **piece: str) -> bytes:
    delta = {"reasoningContent": piece}
    return frame("contentBlockDelta", {"contentBlockIndex": row, "delta": delta})


def text(row: int, words: str) -> bytes:
    return frame("contentBlockDelta", {"contentBlockIndex": row, "delta": {"text": words}})


def stop(row: int) -> bytes:
    return frame("contentBlockStop", {"contentBlockIndex": row})


def events(decoder: Decoder, data: bytes, size: int) -> list[WireEvent]:
    """Return the events of a stream that comes in pieces of a size, 0 for one piece."""
    found = [event for piece in cut(data, size) for event in decoder.feed(piece)]
    return found + decoder.end()


def blocks(*frames: bytes, size: int = 0) -> list[Any]:
    """Return the blocks of thoughts that a stream tells as they must come back."""
    data = b"".join(frames)
    result = events(Decoder(FrameSplitter(), StreamReader().read_event), data, size)
    others = [event for event in result if not isinstance(event, CarriedBlock)]
    assert others == events(Decoder(FrameSplitter(), read_chat_event), data, size)
    return [event.block["reasoningContent"] for event in result if isinstance(event, CarriedBlock)]


SIGNED = {"reasoningText": {"text": "Hm, well.", "signature": "c2ln"}}
STREAMS: list[tuple[list[bytes], list[Any]]] = [
    ([thought(0, text="Hm, "), thought(0, text="well."), thought(0, signature="c2ln"), stop(0)],
     [SIGNED]),
    ([thought(0, text="Hm."), stop(0), text(1, "Hi"), stop(1)], []),
    ([thought(0, signature="c2ln"), stop(0)],
     [{"reasoningText": {"text": "", "signature": "c2ln"}}]),
    ([thought(0, redactedContent="YQ=="), stop(0)], [{"redactedContent": "YQ=="}]),
    ([thought(0, text="Hm, well."), thought(0, signature="c2ln")], []),  # never closed
    ([thought(0, text="a"), thought(1, text="b"), thought(1, signature="t"),
      thought(0, signature="s"), stop(1), stop(0)],
     [{"reasoningText": {"text": "b", "signature": "t"}},
      {"reasoningText": {"text": "a", "signature": "s"}}]),
    ([text(0, "Hi"), stop(0)], []),
]  # fmt: skip


@pytest.mark.parametrize(("frames", "expected"), STREAMS)
@pytest.mark.parametrize("size", [0, 1, 13])
def test_a_block_of_thoughts_is_told_in_one_piece_once_it_is_closed(
    frames: list[bytes], expected: list[Any], size: int
) -> None:
    assert blocks(*frames, size=size) == expected


@pytest.mark.parametrize(
    ("thoughts", "carried"),
    [
        (SIGNED, True),
        ({"reasoningText": {"text": "Hm.", "signature": ""}}, False),
        ({"reasoningText": {"text": "Hm."}}, False),
        ({"redactedContent": "YQ=="}, True),
        ({"redactedContent": ""}, False),
        ({}, False),
    ],
)
def test_only_thoughts_with_a_proof_go_back(thoughts: Any, carried: bool) -> None:
    assert is_carried(thoughts) is carried
