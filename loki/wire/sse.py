"""Bytes -> data of server-sent events, as in the WHATWG HTML standard, section 9.2.6."""

from __future__ import annotations

import json

DONE = b"[DONE]"
MARK = b"\xef\xbb\xbf"  # the byte order mark of UTF-8
MAX_EVENT_BYTES = 64 * 2**20  # bytes of an event, and of an answer in one piece
TOO_LARGE = b'{"type":"error","error":{"message":"an event of the answer is over %d MiB"}}' % (
    MAX_EVENT_BYTES >> 20
)


class EventSplitter:
    r"""Splits a stream into the data of its events; ``[DONE]`` ends it and is not returned.

    >>> splitter = EventSplitter()
    >>> splitter.feed(b'data: {"a'), splitter.feed(b'":1}\n\ndata: 2\r\n\r\n')
    ([], [b'{"a":1}', b'2'])
    >>> splitter.feed(b": keep-alive\n\ndata: [DONE]\n\n"), splitter.is_done
    ([], True)
    """

    __slots__ = ("after_return", "is_done", "mark", "size", "waiting")

    def __init__(self) -> None:
        self.mark: ByteOrderMarkFilter | None = (
            ByteOrderMarkFilter()
        )  # None once the stream has begun
        self.waiting: list[bytes] = []  # pieces of an event that is not yet whole
        self.size = 0  # of those, in bytes
        self.after_return = False  # the last byte was a carriage return
        self.is_done = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the data of the events that a piece of the stream completed."""
        if self.mark is not None:
            data = self.begin(self.mark, data)
        if not data:
            return []
        if b"\r" in data or self.after_return:
            data, self.after_return = unix_lines(data, self.after_return)
        waiting = self.waiting
        if b"\n\n" not in (waiting[-1][-1:] + data if waiting else data):
            return self.wait(data) if data else []
        *blocks, rest = b"".join((*waiting, data)).split(b"\n\n")
        self.waiting, self.size = [rest] if rest else [], len(rest)
        events = [event for block in blocks if (event := read_block(block)) is not None]
        return self.until_done(events)

    def begin(self, mark: ByteOrderMarkFilter, data: bytes) -> bytes:
        """Return a piece of the beginning without a byte order mark."""
        data = mark.feed(data)
        if mark.is_done:
            self.mark = None
        return data

    def wait(self, data: bytes) -> list[bytes]:
        """Keep a piece of an event; return an error in place of an event that is too large."""
        self.waiting.append(data)
        self.size += len(data)
        if self.size <= MAX_EVENT_BYTES:
            return []
        self.is_done = True
        return [TOO_LARGE]

    def until_done(self, events: list[bytes]) -> list[bytes]:
        """Return the events before ``[DONE]``."""
        if DONE not in events:
            return events
        self.is_done = True
        return events[: events.index(DONE)]

    def end(self) -> list[bytes]:
        """Return the data of an event that the end of the stream left open, if it is whole."""
        return [] if self.is_done else read_last_block(b"".join(self.waiting))


class ByteOrderMarkFilter:
    """Removes a byte order mark from the start of a stream.

    >>> mark = ByteOrderMarkFilter()
    >>> mark.feed(b"\\xef"), mark.feed(b"\\xbb\\xbfa"), mark.is_done
    (b'', b'a', True)
    """

    __slots__ = ("is_done", "start")

    def __init__(self) -> None:
        self.start = b""
        self.is_done = False

    def feed(self, data: bytes) -> bytes:
        """Return what comes after the mark, nothing while that cannot be known."""
        self.start += data
        if len(self.start) < len(MARK) and MARK.startswith(self.start):
            return b""
        self.is_done = True
        return self.start.removeprefix(MARK)


def unix_lines(chunk: bytes, after_return: bool) -> tuple[bytes, bool]:
    r"""Return the chunk with ``\n`` for every line end, and whether it may end within a ``\r\n``.

    >>> unix_lines(b"\na\r\nb\r", True)
    (b'a\nb\n', True)
    """
    if after_return and chunk.startswith(b"\n"):
        chunk = chunk[1:]
    return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n"), chunk.endswith(b"\r")


def read_block(block: bytes) -> bytes | None:
    r"""Return the data of one event, None where it has none.

    >>> read_block(b"event: x\ndata: a\ndata:b"), read_block(b": comment")
    (b'a\nb', None)
    """
    if block.startswith(b"data: ") and b"\n" not in block:
        return block[6:]  # nearly every event of every provider
    fields = (line.partition(b":") for line in block.split(b"\n"))
    data = [value.removeprefix(b" ") for name, _, value in fields if name == b"data"]
    return b"\n".join(data) if data else None


def read_last_block(rest: bytes) -> list[bytes]:
    r"""Return the data of an event that the end of the stream left open, if it is whole JSON.

    What is nested too deep to tell is passed on, for the reader to refuse.

    >>> read_last_block(b'data: {"a":1}\n'), read_last_block(b'data: {"a"')
    ([b'{"a":1}'], [])
    """
    data = read_block(rest.rstrip(b"\n"))
    try:
        return [data] if data and isinstance(json.loads(data), (dict, list)) else []
    except ValueError:
        return []
    except RecursionError:
        return [data] if data else []
