"""Server-sent events: the same events however their bytes are cut, and an end that is one."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import split

from loki.wire import sse
from loki.wire.sse import TOO_LARGE, EventSplitter, read_block, read_last_block


def events(chunks: Iterable[bytes]) -> list[bytes]:
    """Return all events of a stream."""
    return [event for found in split(EventSplitter(), chunks) for event in found]


STREAMS: list[tuple[bytes, list[bytes]]] = [
    (b'data: {"a":1}\n\n', [b'{"a":1}']),
    (b'data:{"a":1}\n\n', [b'{"a":1}']),
    (b"data:  two spaces\n\n", [b" two spaces"]),
    (b'event: x\nid: 7\ndata: {"a":1}\n\n', [b'{"a":1}']),
    (b"data: a\ndata: b\n\n", [b"a\nb"]),
    (b"data\n\n", [b""]),
    (b": keep-alive\n\n: again\n\n", []),
    (b"event: ping\n\n", []),
    (b"data: 1\r\n\r\ndata: 2\r\rdata: 3\n\n", [b"1", b"2", b"3"]),
    (b"data: a\r\ndata: b\r\n\r\n", [b"a\nb"]),
    (b"\xef\xbb\xbfdata: 1\n\n", [b"1"]),
    (b"data: 1\n\n\n\n\ndata: 2\n\n", [b"1", b"2"]),
    (b"data: 1\n\ndata: [DONE]\n\ndata: 2\n\n", [b"1"]),
    (b'data: 1\n\ndata: {"a":1}', [b"1", b'{"a":1}']),  # whole JSON, though its end never came
    (b'data: 1\n\ndata: {"a":', [b"1"]),
    (b"data: 1\n\ndata: 2", [b"1"]),  # which may be the beginning of 25
    (b"", []),
]


@pytest.mark.parametrize(("data", "expected"), STREAMS)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_a_stream_tells_its_events_however_it_is_cut(
    data: bytes, expected: list[bytes], size: int
) -> None:
    assert events(data[i : i + size] for i in range(0, len(data), size)) == expected


LINES = st.lists(
    st.sampled_from([b"data: a", b"data:b", b"data", b": c", b"event: e", b"", b"\xef\xbb\xbf"]),
    max_size=12,
)


@given(LINES, st.sampled_from([b"\n", b"\r\n", b"\r"]), st.lists(st.integers(0, 80), max_size=5))
def test_cuts_and_line_ends_change_nothing(
    lines: list[bytes], end: bytes, places: list[int]
) -> None:
    data = end.join([*lines, b"", b""])
    cuts = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    pieces = [data[start:stop] for start, stop in zip(cuts, cuts[1:], strict=False)]
    assert events(pieces) == events([b"\n".join([*lines, b"", b""])])


def test_an_event_comes_with_the_piece_that_completes_it() -> None:
    pieces = [b"data: 1\n\n", b"data: ", b"2\n\n"]
    assert split(EventSplitter(), pieces) == [[b"1"], [], [b"2"], []]


def test_nothing_is_read_on_after_the_end() -> None:
    def chunks() -> Iterable[bytes]:
        yield b"data: 1\n\ndata: [DONE]\n\n"
        raise AssertionError("read on")

    assert events(chunks()) == [b"1"]


def test_an_event_that_never_ends_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 100)
    endless = (b"data: x" for _ in range(1000))
    assert events(endless) == [TOO_LARGE]


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (b"data: [1]", [b"[1]"]),
        (b"data: 7", []),
        (b'data: "a"', []),
        (b": comment", []),
        (b"data: " + b"[" * 100_000, [b"[" * 100_000]),
    ],
)
def test_only_what_is_whole_counts_at_the_end(rest: bytes, expected: list[bytes]) -> None:
    assert read_last_block(rest) == expected


@given(st.lists(st.binary(max_size=5).filter(lambda each: b"\n" not in each), min_size=1))
def test_data_over_several_lines_is_joined_by_newlines(lines: list[bytes]) -> None:
    block = b"\n".join(b"data: " + line for line in lines)
    assert read_block(block) == b"\n".join(lines)
