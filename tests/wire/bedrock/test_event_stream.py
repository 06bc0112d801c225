"""AWS event streams: frames with checksums, cut anywhere, and damage that is never misread."""

from __future__ import annotations

import json
import struct
from binascii import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import cut, split

from loki.wire.bedrock.event_stream import FrameSplitter, read_frame


def frame(payload: bytes, **headers: str) -> bytes:
    """Return a frame as AWS documents it; headers are texts, ``event_type`` is ``:event-type``."""
    head = b"".join(
        struct.pack(">B", len(name) + 1)
        + b":"
        + name.replace("_", "-").encode()
        + struct.pack(">BH", 7, len(value.encode()))
        + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    start = prelude + struct.pack(">I", crc32(prelude)) + head + payload
    return start + struct.pack(">I", crc32(start))


def event(name: str, payload: bytes) -> bytes:
    """Return the frame of an event."""
    return frame(payload, message_type="event", event_type=name)


def split_frames(data: bytes, size: int = 0) -> list[bytes]:
    """Return the JSON texts of a stream, which comes in pieces of a size."""
    return [text for texts in split(FrameSplitter(), cut(data, size)) for text in texts]


STREAM = event("a", b'{"x": 1}') + event("b", b"") + event("c", '{"y": "ü"}'.encode())
PAYLOADS = [b'{"a":{"x": 1}}', b'{"b":{}}', '{"c":{"y": "ü"}}'.encode()]


@pytest.mark.parametrize("size", [0, 1, 2, 7, 12, 50])
def test_a_stream_tells_its_events_however_it_is_cut(size: int) -> None:
    assert split_frames(STREAM, size) == PAYLOADS


@given(st.integers(0, len(STREAM) - 1))
def test_a_stream_that_breaks_off_tells_what_was_whole(stop: int) -> None:
    assert split_frames(STREAM[:stop]) == PAYLOADS[: len(split_frames(STREAM[:stop]))]


@given(st.integers(0, len(STREAM) - 1), st.integers(1, 255))
def test_a_damaged_byte_is_an_error_or_an_end_and_never_another_event(at: int, flip: int) -> None:
    """Damage to a length may ask for more bytes than ever come."""
    damaged = STREAM[:at] + bytes([STREAM[at] ^ flip]) + STREAM[at + 1 :]
    *texts, last = [*split_frames(damaged), b""]
    if texts and b"the stream is damaged" in texts[-1]:
        texts.pop()
    assert last == b"" and texts == PAYLOADS[: len(texts)] and len(texts) < len(PAYLOADS)


def test_nothing_is_read_on_after_damage() -> None:
    first = event("a", b"{}")
    damaged = first[:-1] + bytes([first[-1] ^ 1])
    (text,) = split_frames(damaged + STREAM, len(damaged))
    assert json.loads(text)["error"]["message"].startswith("the stream is damaged: ")


def test_what_the_provider_could_not_do_is_an_exception() -> None:
    data = frame(b'{"message": "Slow."}', message_type="exception", exception_type="throttling")
    assert split_frames(data) == [b'{"exception":{"throttling":{"message": "Slow."}}}']


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({":error-code": "500"}, {"code": "500", "message": "the stream failed"}),
        ({":error-code": "500", ":error-message": "No."}, {"code": "500", "message": "No."}),
        ({}, {"code": "None", "message": "the stream failed"}),
    ],
)
def test_an_error_is_told_with_its_code(headers: dict[str, str], expected: dict[str, str]) -> None:
    text = read_frame({":message-type": "error", **headers}, b"")
    assert json.loads(text) == {"error": expected}
