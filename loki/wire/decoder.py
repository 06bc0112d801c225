"""Bytes of a stream -> events: a splitter finds the frames, a reader tells what each one says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from loki.json_text import Json
from loki.problems import Problem, excerpt_bytes
from loki.replies import WireEvent
from loki.wire.provider_json import parse_json

ReadEvent = Callable[[Json], tuple[WireEvent, ...]]


class Splitter(Protocol):
    """Cuts a stream into frames, each a JSON text; one that ``is_done`` is fed no more."""

    is_done: bool

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that a piece off the network completed."""

    def end(self) -> list[bytes]:
        """Return the frame that the end of the stream completed, if any."""


class Decoder:
    """Decodes one stream; what must be remembered between its pieces is kept in here.

    >>> from loki.wire import chat_wire
    >>> decoder = chat_wire("openai").decoder()
    >>> decoder.feed(b'data: {"choices": [{"del'), decoder.feed(b'ta": {"content": "Hi"}}]}\\n\\n')
    ([], [Text(text='Hi')])
    """

    __slots__ = ("is_done", "read_event", "splitter")

    def __init__(self, splitter: Splitter, read_event: ReadEvent) -> None:
        self.splitter = splitter
        self.read_event = read_event
        self.is_done = False  # the stream said that it ended; nothing after that counts

    def feed(self, data: bytes) -> list[WireEvent]:
        """Return the events that a piece off the network completed."""
        if self.is_done:
            return []
        frames = self.splitter.feed(data)
        self.is_done = self.splitter.is_done
        return self.decode(frames)

    def end(self) -> list[WireEvent]:
        """Return the events that the end of the stream completed."""
        return self.decode(self.splitter.end())

    def decode(self, frames: list[bytes]) -> list[WireEvent]:
        """Return the events of some frames, up to those of the first that has a Problem.

        What comes after that would count or not by how the network cut the stream.
        """
        events: list[WireEvent] = []
        for frame in frames:
            found = decode_json(self.read_event, frame)
            events += found
            if Problem in map(type, found):
                self.is_done = True
                break
        return events


class WholeSplitter:
    """Takes an answer in one piece for one frame."""

    def __init__(self) -> None:
        self.is_done = False
        self.pieces: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        """Return nothing: there is no frame before the end."""
        self.pieces.append(data)
        return []

    def end(self) -> list[bytes]:
        """Return the whole answer."""
        return [b"".join(self.pieces)]


def decode_json(read: ReadEvent, text: bytes) -> tuple[WireEvent, ...]:
    """Return the events of a JSON text, or the Problem that it is none."""
    try:
        return read(parse_json(str(text, "utf-8")))
    except (ValueError, RecursionError):  # invalid UTF-8 is a ValueError too
        shown = excerpt_bytes(text, 120) or "nothing"
        return (Problem("garbled", f"the answer is not JSON: {shown}", sent=True),)
