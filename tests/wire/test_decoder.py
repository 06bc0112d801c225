"""Decoders: what a stream tells does not depend on how it is cut, and its end is its end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from frames import CLIENTS
from support import cut, request, stream_pieces

from loki.messages import Text
from loki.problems import Problem
from loki.replies import CarriedBlock, Finish, Reasoning, ToolPiece, WireEvent
from loki.stages.parse import collect
from loki.usage import Usage
from loki.wire import chat_wire


def sse(*events: Any) -> bytes:
    """Return server-sent events."""
    return b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in events)


def decoded(wire: str, data: bytes, size: int = 0) -> list[WireEvent]:
    """Return the events of a stream that comes in pieces of a size, 0 for one piece."""
    decoder = chat_wire(wire).decoder()
    events = [event for piece in cut(data, size) for event in decoder.feed(piece)]
    return events + decoder.end()


def block_delta(**delta: Any) -> dict[str, Any]:
    """Return a piece of Anthropic's first block."""
    return {"type": "content_block_delta", "index": 0, "delta": delta}


def start(**block: Any) -> dict[str, Any]:
    """Return the start of Anthropic's first block."""
    return {"type": "content_block_start", "index": 0, "content_block": block}


STOP = {"type": "message_stop"}
CHUNK = {"choices": [{"index": 0, "delta": {"content": "Hi"}}]}
SIGNED = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}

STREAMS: dict[str, tuple[str, bytes, list[WireEvent]]] = {
    "signed thoughts come back in one piece": (
        "claude",
        sse(
            start(type="thinking", thinking=""),
            block_delta(type="thinking_delta", thinking="H"),
            block_delta(type="thinking_delta", thinking="m."),
            block_delta(type="signature_delta", signature="c2ln"),
            STOP,
        ),
        [Reasoning("H"), Reasoning("m."), CarriedBlock(SIGNED)],
    ),
    "a call's arguments come whole": (
        "claude",
        sse(
            start(type="tool_use", id="t", name="f", input={}),
            block_delta(type="input_json_delta", partial_json='{"a"'),
            block_delta(type="input_json_delta", partial_json=":1}"),
            {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
            STOP,
        ),
        [ToolPiece(0, "t", "f", '{"a":1}'), Finish("tool_use")],
    ),
    "a block that starts anew begins empty": (
        "claude",
        sse(
            start(type="tool_use", id="t", name="f"),
            block_delta(type="input_json_delta", partial_json="{"),
            start(type="tool_use", id="u", name="g"),
            block_delta(type="input_json_delta", partial_json="{}"),
            STOP,
        ),
        [ToolPiece(0, "u", "g", "{}")],
    ),
    "a tool plan comes back in one piece": (
        "cohere",
        sse(
            {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "As"}}},
            {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "k."}}},
            {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}},
        ),
        [Reasoning("As"), Reasoning("k."), CarriedBlock({"tool_plan": "Ask."}), Finish("COMPLETE")],
    ),
    "a byte order mark is no part of the first event": (
        "openai",
        b"\xef\xbb\xbf" + sse(CHUNK),
        [Text("Hi")],
    ),
    "nothing after [DONE] is read": (
        "openai",
        sse(CHUNK) + b"data: [DONE]\n\n" + sse(CHUNK),
        [Text("Hi")],
    ),
    "an array is read as events are": (
        "gemini",
        b' [{"candidates": [{"content": {"parts": [{"text": "}\\""}]}}]}\n,\n'
        b'{"candidates": [{"finishReason": "STOP"}]}]',
        [Text('}"'), Finish("STOP")],
    ),
}


@pytest.mark.parametrize("size", [0, 1, 2, 7])
@pytest.mark.parametrize(("wire", "data", "events"), STREAMS.values(), ids=list(STREAMS))
def test_a_stream_tells_the_same_however_it_is_cut(
    wire: str, data: bytes, events: list[WireEvent], size: int
) -> None:
    assert [event for event in decoded(wire, data, size) if not isinstance(event, Usage)] == events


@pytest.mark.parametrize("size", [0, 1, 7, 60])
def test_nothing_after_an_error_counts_however_a_stream_is_cut(size: int) -> None:
    error = {"error": {"message": "Busy.", "code": "rate_limit_exceeded"}}
    first, last = decoded("openai", sse(CHUNK, error, CHUNK), size)
    assert first == Text("Hi") and isinstance(last, Problem) and last.message == "Busy."
    asked = request(CLIENTS["openai"], stream=True)
    assert collect(stream_pieces(asked, cut(sse(error, CHUNK), size))).failure().kind == "busy"


@pytest.mark.parametrize("wire", ["claude", "cohere", "converse"])
def test_a_decoder_remembers_nothing_of_another_stream(wire: str) -> None:
    one, other = chat_wire(wire).decoder(), chat_wire(wire).decoder()
    assert one is not other and one.read_event != other.read_event
