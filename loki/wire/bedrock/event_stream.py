"""Bytes -> JSON texts of an AWS event stream: binary frames, each with its checksums.

An event comes out as ``{"<its type>": …}``, the shape that the AWS SDK for Python gives it; what
the provider could not do as ``{"exception": {"<its type>": …}}`` or ``{"error": {…}}``; and a
frame that is damaged as an error of its own, the last there is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from struct import error as StructError
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.eventstream import EventStreamBuffer


class FrameSplitter:
    """Splits a stream into the JSON texts of its frames; nothing is read on after damage.

    >>> FrameSplitter().feed(b"no frame of any kind")  # doctest: +ELLIPSIS
    [b'{"error": {"message": "the stream is damaged: Checksum mismatch: ..."}}']
    """

    def __init__(self) -> None:
        from botocore.eventstream import EventStreamBuffer

        self.buffer = EventStreamBuffer()
        self.is_done = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the JSON texts that a piece of the stream completed."""
        self.buffer.add_data(data)
        texts, damage = completed(self.buffer)
        self.is_done = bool(damage)
        return [*texts, *damage]

    def end(self) -> list[bytes]:
        """Return nothing: a frame that is cut off is none."""
        return []


def completed(buffer: EventStreamBuffer) -> tuple[list[bytes], list[bytes]]:
    """Return the texts of whole frames, and of an error where the frame after them is damaged."""
    from botocore.eventstream import ParserError

    texts: list[bytes] = []
    try:
        for frame in buffer:
            texts.append(read_frame(frame.headers, frame.payload))
    except (ParserError, StructError, ValueError, KeyError) as reason:
        message = f"the stream is damaged: {reason}"
        return texts, [json.dumps({"error": {"message": message}}).encode()]
    return texts, []


def read_frame(headers: Mapping[str, Any], payload: bytes) -> bytes:
    """Return one frame as JSON; its payload is JSON already.

    >>> read_frame({":message-type": "event", ":event-type": "messageStop"}, b'{"a":1}')
    b'{"messageStop":{"a":1}}'
    >>> read_frame({":message-type": "error", ":error-code": "500"}, b"")
    b'{"error": {"code": "500", "message": "the stream failed"}}'
    """
    match headers:
        case {":message-type": "exception", ":exception-type": str(name)}:
            return b'{"exception":%s}' % labelled(name, payload)
        case {":message-type": "error"}:
            code = headers.get(":error-code")
            message = headers.get(":error-message") or "the stream failed"
            return json.dumps({"error": {"code": str(code), "message": str(message)}}).encode()
        case _:
            return labelled(str(headers.get(":event-type")), payload)


def labelled(name: str, payload: bytes) -> bytes:
    """Return a JSON object with a payload under its name."""
    return b"{%s:%s}" % (json.dumps(name).encode(), payload or b"{}")
