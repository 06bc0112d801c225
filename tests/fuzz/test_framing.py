"""Bytes that nobody expected: framings neither crash, nor hang, nor grow, nor make things up."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterable, Iterator
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import SHARED, cut

from loki.wire import sse
from loki.wire.bedrock import event_stream
from loki.wire.decoder import Splitter


def split(splitter: Splitter, pieces: Iterable[bytes]) -> list[bytes]:
    """Return all frames of a stream."""
    frames: list[bytes] = []
    for piece in pieces:
        frames += splitter.feed(piece)
        if splitter.is_done:
            return frames
    return frames + splitter.end()


def split_events(pieces: Iterable[bytes]) -> list[bytes]:
    """Return the data of every event."""
    return split(sse.EventSplitter(), pieces)


# ---- server-sent events --------------------------------------------------------------------------


def vectors() -> list[Any]:
    """The cases of the web-platform tests; a visible skip where they are not there."""
    file = SHARED / "vectors" / "sse-wpt.json"
    if not file.exists():
        missing = pytest.mark.skip(reason="shared/vectors is not there")
        return [pytest.param(None, id="sse-wpt", marks=missing)]
    return [pytest.param(vector, id=vector["name"]) for vector in json.loads(file.read_text())]


@pytest.mark.parametrize("size", [0, 1, 2, 3])
@pytest.mark.parametrize("vector", vectors())
def test_events_are_read_as_browsers_read_them(vector: Any, size: int) -> None:
    data = base64.b64decode(vector["bytes_base64"])
    assert [each.decode("utf-8", "replace") for each in split_events(cut(data, size))] == vector[
        "data"
    ]


def plainly(data: bytes) -> Iterator[bytes]:
    """The standard's algorithm as it is written, for whole streams (HTML, section 9.2.6)."""
    text = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    found: list[bytes] = []
    for line in text.split(b"\n")[:-1]:
        name, _, value = line.partition(b":")
        if line and name == b"data":
            found.append(value.removeprefix(b" "))
        elif not line and found:
            yield b"\n".join(found)
            found = []


LINES = st.sampled_from(
    [
        b"data: x",
        b"data:",
        b"data",
        b"data:  y",
        b"dat",
        b": c",
        b"event: e",
        b"id: 1",
        b"",
        b"\xff",
    ]
)
STREAMS = st.lists(
    st.tuples(LINES, st.sampled_from([b"\n", b"\r\n", b"\r"])), min_size=1, max_size=30
).map(lambda lines: b"".join(line + end for line, end in lines) + b"\n\n")


@given(data=STREAMS, size=st.integers(0, 9))
def test_any_stream_reads_as_the_standard_says(data: bytes, size: int) -> None:
    assert split_events(cut(data, size)) == list(plainly(data))


@given(noise=st.binary(max_size=300), size=st.integers(0, 20))
def test_noise_makes_no_events_but_what_it_says(noise: bytes, size: int) -> None:
    whole = split_events([noise])
    assert split_events(cut(noise, size)) == whole
    assert sum(map(len, whole)) <= len(noise)


@pytest.mark.parametrize(
    "piece",
    [b"x" * 2**20, b"data: " + b"x" * 2**20 + b"\n", b": c\n" * 2**18, b"\r" + b"x" * 2**20],
)
def test_an_event_without_end_is_given_up(piece: bytes) -> None:
    given_out = 0

    def endless() -> Iterator[bytes]:
        nonlocal given_out
        while True:
            given_out += 1
            yield piece

    assert split_events(endless()) == [sse.TOO_LARGE]
    assert given_out * len(piece) < sse.MAX_EVENT_BYTES + 2**22


# ---- Amazon's event streams ----------------------------------------------------------------------


def frame(payload: bytes, headers: bytes = b"", total: int | None = None) -> bytes:
    """A frame with good checksums, and a length that may be a lie."""
    length = len(headers) + len(payload) + 16 if total is None else total
    prelude = struct.pack("!II", length, len(headers))
    body = prelude + struct.pack("!I", crc32(prelude)) + headers + payload
    return body + struct.pack("!I", crc32(body))


def frames(pieces: Iterable[bytes]) -> list[Any]:
    """What an event stream says."""
    return [json.loads(text) for text in split(event_stream.FrameSplitter(), pieces)]


@given(noise=st.binary(max_size=300), size=st.integers(0, 20))
def test_noise_is_damage(noise: bytes, size: int) -> None:
    message = frames(cut(noise, size))
    assert all("stream is damaged" in each["error"]["message"] for each in message)
    assert len(message) <= 1


@given(headers=st.binary(max_size=60), payload=st.binary(max_size=60))
def test_frames_with_odd_headers_do_not_crash(headers: bytes, payload: bytes) -> None:
    texts = split(event_stream.FrameSplitter(), [frame(payload, headers), frame(b"{}")])
    assert all(isinstance(text, bytes) for text in texts)


@pytest.mark.parametrize("total", [2**32 - 1, 2**31, 30 * 2**20])
def test_a_frame_that_claims_too_much_is_damage_at_once(total: int) -> None:
    (message,) = frames([frame(b"{}", total=total)])
    assert "exceeded the maximum" in message["error"]["message"]


@pytest.mark.parametrize("total", [0, 1, 15])
def test_a_frame_that_claims_too_little_does_not_hang(total: int) -> None:
    assert len(frames([frame(b"{}", total=total)] * 3)) <= 3
