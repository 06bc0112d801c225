"""IMPURE. Sockets that keep the deadline of the call they are used for; see dial.py."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from errno import EPIPE
from io import BufferedReader, RawIOBase
from time import monotonic
from typing import Any

from loki.edge.http.deadline import clock_of

PIECE = 16384  # bytes sent or received at once


class Socket:
    """A socket, plain or with TLS, that keeps the deadline of the call it is used for.

    What is sent is gathered up to a PIECE, so that head and body of a small request leave as one.
    """

    def __init__(self, sock: Any, timeout: float | None) -> None:
        self.sock, self.clock = sock, clock_of(timeout)
        self.limit: float | None = None  # seconds: what the socket has been told
        self.can_go_on = isinstance(sock, socket.socket)  # TLS within TLS loses what it held
        self.gathered = b""
        self.files, self.is_closed = 0, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)

    def settimeout(self, timeout: float | None) -> None:
        """Take the clock of another call."""
        self.clock = clock_of(timeout)

    def wait(self, seconds: float) -> None:
        """Give the socket a time limit, if it has another one: to do so lets go of the GIL."""
        if seconds != self.limit:
            self.sock.settimeout(seconds)
            self.limit = seconds

    def sendall(self, data: bytes) -> None:
        """Send, or keep a little for the next time; raise OSError."""
        self.gathered += data
        if len(self.gathered) >= PIECE:
            self.flush()

    def flush(self) -> None:
        """Send what was gathered, for as long as it is taken; raise OSError."""
        left, self.gathered = memoryview(self.gathered), b""
        self.clock.sent, began = True, monotonic()
        while left:
            self.wait(self.clock.slice(began) if self.can_go_on else self.clock.left(began))
            try:
                left = left[self.sock.send(left[:PIECE]) :]
            except TimeoutError:
                if not self.can_go_on:
                    raise
                continue
            except ssl.SSLEOFError as error:  # the caller then reads what the server has said
                raise BrokenPipeError(EPIPE, "broken pipe") from error
            began = monotonic()
        self.clock.taken = True

    def recv_into(self, buffer: Any) -> int:
        """Receive what comes next, 0 bytes at the end; raise OSError, or as ``on_idle`` does."""
        if self.gathered:
            with suppress(BrokenPipeError, ConnectionResetError):  # it may have said why
                self.flush()
        began = monotonic()
        while True:
            self.wait(self.clock.slice(began))
            try:
                return int(self.sock.recv_into(buffer))
            except TimeoutError:
                self.clock.look_around()

    def makefile(self, mode: str) -> BufferedReader:
        """Return a file of what comes; the socket stays open for as long as it does."""
        self.files += 1
        return Incoming(self)

    def close(self) -> None:
        """Close the socket once no file needs it."""
        self.is_closed = True
        if not self.files:
            self.sock.close()

    def let_go(self, has_more: bool) -> None:
        """Count a file as closed; where more than one answer came, nobody uses the socket again."""
        self.files -= 1
        if self.is_closed:
            self.close()
        elif has_more or pending(self.sock):
            cut(self.sock)


def pending(sock: Any) -> int:
    """Return how many bytes a socket has received and keeps to itself."""
    if isinstance(sock, ssl.SSLSocket):
        return sock.pending()
    if isinstance(sock, socket.socket):
        return 0
    return int(sock.incoming.pending + sock.sslobj.pending()) + pending(sock.socket)


def cut(sock: Any) -> None:
    """End a connection, also from another thread; SSLSocket's own way would drop its TLS first."""
    held = sock.sock if isinstance(sock, Socket) else sock
    inner = held if isinstance(held, socket.socket) else getattr(held, "socket", None)
    if inner is not None:  # as it is until there is a connection
        with suppress(OSError):
            socket.socket.shutdown(inner, socket.SHUT_RDWR)


class Bytes(RawIOBase):
    """What a socket receives, as a file; once it is over, nothing is received any more."""

    def __init__(self, sock: Socket) -> None:
        self.sock, self.is_over = sock, False

    def readable(self) -> bool:
        """Return True, as every reader does."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Receive the next bytes; None says that there are none now.

        Never many: urllib3 < 2.6 unpacks all that it gets at once, to a thousand times as much.
        """
        return None if self.is_over else self.sock.recv_into(memoryview(buffer)[:PIECE])


class Incoming(BufferedReader):
    """The same with a buffer that can be looked into."""

    def __init__(self, sock: Socket) -> None:
        self.bytes = Bytes(sock)
        super().__init__(self.bytes, PIECE)

    def ahead(self) -> bytes:
        """Return what has been received and not read; nothing is received for it."""
        self.bytes.is_over = True
        try:
            return self.peek()
        finally:
            self.bytes.is_over = False

    def close(self) -> None:
        """Close, and tell the socket whether something was left unread."""
        if not self.closed:
            has_more = bool(self.ahead())
            super().close()
            self.bytes.sock.let_go(has_more)
