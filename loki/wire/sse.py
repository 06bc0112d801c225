"""Bytes -> data of server-sent events, as in the WHATWG HTML standard, section 9.2.6."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

DONE = b"[DONE]"
LARGEST = 64 * 2**20  # bytes of an event, and of an answer in one piece
TOO_LARGE = b'{"type":"error","error":{"message":"an event of the answer is over %d MiB"}}' % (
    LARGEST >> 20
)


def split(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    r"""The events that each chunk completed; ``[DONE]`` ends the stream and is not told.

    >>> list(split([b'data: {"a', b'":1}\n\ndata: 2\r\n\r\n', b": keep-alive\n\ndata: [DONE]\n\n"]))
    [[b'{"a":1}', b'2'], []]
    """
    waiting: list[bytes] = []  # pieces of an event that is not yet whole
    size, after_return = 0, False
    for chunk in without_mark(chunks):
        if b"\r" in chunk or after_return:
            chunk, after_return = unix_lines(chunk, after_return)
        if b"\n\n" not in (waiting[-1][-1:] + chunk if waiting else chunk):
            waiting += [chunk] if chunk else []
            size += len(chunk)
            if size > LARGEST:
                yield [TOO_LARGE]
                return
            continue
        *blocks, rest = b"".join((*waiting, chunk)).split(b"\n\n")
        waiting, size = [rest] if rest else [], len(rest)
        events = [data for block in blocks if (data := read_block(block)) is not None]
        if DONE in events:
            yield events[: events.index(DONE)]
            return
        yield events
    yield last_words(b"".join(waiting))


def without_mark(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes without empty pieces and without a byte order mark at their start.

    >>> list(without_mark([b"\\xef", b"\\xbb\\xbfa", b"", b"b"]))
    [b'a', b'b']
    """
    pieces = filter(None, chunks)
    start = b""
    for piece in pieces:
        start += piece
        if len(start) >= 3 or not b"\xef\xbb\xbf".startswith(start):
            break
    yield from filter(None, (start.removeprefix(b"\xef\xbb\xbf"),))
    yield from pieces


def unix_lines(chunk: bytes, after_return: bool) -> tuple[bytes, bool]:
    r"""The chunk with every line end as ``\n``, and whether it ended within a ``\r\n``.

    >>> unix_lines(b"\na\r\nb\r", True)
    (b'a\nb\n', True)
    """
    if after_return and chunk.startswith(b"\n"):
        chunk = chunk[1:]
    return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n"), chunk.endswith(b"\r")


def read_block(block: bytes) -> bytes | None:
    r"""The data of one event, None where it has none.

    >>> read_block(b"event: x\ndata: a\ndata:b"), read_block(b": comment")
    (b'a\nb', None)
    """
    if block.startswith(b"data: ") and b"\n" not in block:
        return block[6:]  # nearly every event of every provider
    fields = (line.partition(b":") for line in block.split(b"\n"))
    data = [value.removeprefix(b" ") for name, _, value in fields if name == b"data"]
    return b"\n".join(data) if data else None


def last_words(rest: bytes) -> list[bytes]:
    r"""An event that the end of the stream left open counts only if it is whole JSON.

    What is nested too deep to tell is passed on, for the reader to refuse.

    >>> last_words(b'data: {"a":1}\n'), last_words(b'data: {"a"')
    ([b'{"a":1}'], [])
    """
    data = read_block(rest.rstrip(b"\n"))
    try:
        return [data] if data and isinstance(json.loads(data), (dict, list)) else []
    except ValueError:
        return []
    except RecursionError:
        return [data] if data else []
