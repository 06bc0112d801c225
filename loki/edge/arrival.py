"""IMPURE. What comes over a connection -> an answer that has begun, and its body as it comes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from http.client import BadStatusLine, RemoteDisconnected
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import HTTPError

from loki.edge.trip import Trip
from loki.wire.chunked import Broken
from loki.wire.http1 import read_body, read_head

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection

PIECE = 16384  # bytes unpacked at once
LATE = 0.001  # seconds to wait for the end of an answer that nobody listens to any more


class File(RawIOBase):
    """Pieces of bytes, as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces, self.rest = pieces, b""

    def readable(self) -> bool:
        """As every reader."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes."""
        piece = self.rest or next(self.pieces, b"")
        size = min(len(piece), len(buffer))
        buffer[:size], self.rest = piece[:size], piece[size:]
        return size


class Arrival:
    """An answer that has begun; ``keep`` takes its connection if another request may have it."""

    retries = _connection = _pool = length_remaining = None  # where urllib3 keeps notes
    version_string = "HTTP/1.1"

    def __init__(self, connection: HTTPConnection, arrivals: Iterator[bytes], trip: Trip) -> None:
        """Hear the head; raises HTTPException and OSError."""
        self.connection: HTTPConnection | None = connection
        self.trip = trip
        self.keep: Callable[[Any], None] | None = None
        self.lasting = False
        data, found = b"", None
        try:
            while found is None:
                piece = next(arrivals, b"")
                if not piece:
                    raise RemoteDisconnected("the connection ended before the answer began")
                data += piece
                found = read_head(data)
        except Broken as error:
            raise BadStatusLine(str(error)) from error
        self.head, rest = found
        self.status, self.headers = self.head.status, self.head.headers
        self.chunks = self.body(read_body(self.head, rest, arrivals))

    def body(self, coded: Generator[bytes, None, bool]) -> Iterator[bytes]:
        """The body as it comes, unpacked if it is packed."""
        if self.headers.get("content-encoding", "identity") == "identity":
            self.lasting = yield from coded
            return
        from urllib3 import HTTPResponse

        file: Any = BufferedReader(File(coded))
        packed = HTTPResponse(file, self.headers, preload_content=False)
        yield from iter(lambda: packed.read1(PIECE, decode_content=True), b"")

    def close(self) -> None:
        """Let go of the connection; where only the end of the body is left, it is there already."""
        connection, self.connection = self.connection, None
        if connection is None:
            return
        self.trip.idle = LATE
        with suppress(OSError, ValueError, HTTPError):  # Broken is a ValueError
            next(self.chunks, None)
        if self.lasting and self.keep:
            self.keep(connection)
        else:
            connection.close()
