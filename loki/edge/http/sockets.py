"""Sockets that keep the deadline of the call they are used for; see connection.py."""

from __future__ import annotations

import socket
import ssl
import weakref
from contextlib import suppress
from errno import EPIPE
from io import BufferedReader, RawIOBase
from time import monotonic
from typing import Any

from loki.edge.http.deadline import deadline_after

PIECE = 16384  # bytes sent or received at once


class DeadlineSocket:
    """A socket, plain or with TLS, that keeps the deadline of the call it is used for.

    Small writes are buffered up to a PIECE, so that head and body of a request leave as one.
    """

    def __init__(self, sock: Any, timeout: float | None) -> None:
        self.sock, self.deadline = sock, deadline_after(timeout)
        self.limit: float | None = None  # seconds: the timeout that is set
        self.can_continue = isinstance(sock, socket.socket)  # TLS within TLS loses what it held
        self.unsent = b""
        self.open_files, self.is_closed = 0, False
        # who drops the last of a connection closes it, also in a circle of references
        weakref.finalize(self, sock.close).atexit = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sock, name)

    def fileno(self) -> int:
        """Return the number of the socket, which is asked for before each reuse."""
        return int(self.sock.fileno())

    def settimeout(self, timeout: float | None) -> None:
        """Use the clock of another call from here on."""
        self.deadline = deadline_after(timeout)

    def set_limit(self, seconds: float) -> None:
        """Set the timeout of the socket if it changes: to set it releases the GIL."""
        if seconds != self.limit:
            self.sock.settimeout(seconds)
            self.limit = seconds

    def sendall(self, data: bytes) -> None:
        """Send, or buffer a small piece; raise OSError."""
        self.unsent += data
        if len(self.unsent) >= PIECE:
            self.flush()

    def flush(self) -> None:
        """Send what is buffered; raise OSError."""
        left, self.unsent = memoryview(self.unsent), b""
        self.deadline.sent, began = True, monotonic()
        while left:
            self.set_limit(
                self.deadline.next_wait(began)
                if self.can_continue
                else self.deadline.remaining(began)
            )
            try:
                left = left[self.sock.send(left[:PIECE]) :]
            except TimeoutError:
                if not self.can_continue:
                    raise
                continue
            except ssl.SSLEOFError as error:  # the caller then reads what the server answered
                raise BrokenPipeError(EPIPE, "broken pipe") from error
            began = monotonic()
        self.deadline.sent_all = True

    def recv_into(self, buffer: Any) -> int:
        """Receive bytes, 0 at the end; raise OSError, or what ``on_idle`` raises."""
        if self.unsent:
            with suppress(BrokenPipeError, ConnectionResetError):  # it may have answered why
                self.flush()
        began = monotonic()
        while True:
            self.set_limit(self.deadline.next_wait(began))
            try:
                return int(self.sock.recv_into(buffer))
            except TimeoutError:
                self.deadline.check_idle()

    def makefile(self, mode: str) -> BufferedReader:
        """Return a file that reads from the socket, which stays open until the file is closed."""
        self.open_files += 1
        return BufferedSocketReader(self)

    def close(self) -> None:
        """Close the socket once no file needs it."""
        self.is_closed = True
        if not self.open_files:
            self.sock.close()

    def release(self, has_more: bool) -> None:
        """Count a file as closed; shut down if unread bytes are left, so that nobody reuses it."""
        self.open_files -= 1
        if self.is_closed:
            self.close()
        elif has_more or pending_bytes(self.sock):
            shut_down(self.sock)


def pending_bytes(sock: Any) -> int:
    """Return how many received bytes a TLS socket has buffered."""
    if isinstance(sock, ssl.SSLSocket):
        return sock.pending()
    if isinstance(sock, socket.socket):
        return 0
    return int(sock.incoming.pending + sock.sslobj.pending()) + pending_bytes(sock.socket)


def shut_down(sock: Any) -> None:
    """End a connection, from any thread; SSLSocket.shutdown would drop its TLS state first."""
    wrapped = sock.sock if isinstance(sock, DeadlineSocket) else sock
    inner = wrapped if isinstance(wrapped, socket.socket) else getattr(wrapped, "socket", None)
    if inner is not None:  # None until there is a connection
        with suppress(OSError):
            socket.socket.shutdown(inner, socket.SHUT_RDWR)


class SocketReader(RawIOBase):
    """A raw file that reads from a socket; nothing is received while it is paused."""

    def __init__(self, sock: DeadlineSocket) -> None:
        self.sock, self.is_paused = sock, False

    def readable(self) -> bool:
        """Return True, as every reader does."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Receive the next bytes; return None while paused.

        Never many: urllib3 < 2.6 decompresses all that it gets at once, up to a thousandfold.
        """
        return None if self.is_paused else self.sock.recv_into(memoryview(buffer)[:PIECE])


class BufferedSocketReader(BufferedReader):
    """A buffered reader of a socket that can show what it has buffered."""

    def __init__(self, sock: DeadlineSocket) -> None:
        self.bytes = SocketReader(sock)
        super().__init__(self.bytes, PIECE)

    def buffered(self) -> bytes:
        """Return what has been received and not yet read, without receiving more."""
        self.bytes.is_paused = True
        try:
            return self.peek()
        finally:
            self.bytes.is_paused = False

    def close(self) -> None:
        """Close, and release the socket: whether bytes were left unread decides its reuse."""
        if not self.closed:
            has_more = bool(self.buffered())
            super().close()
            self.bytes.sock.release(has_more)
