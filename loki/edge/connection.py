"""IMPURE. Sockets -> connections that keep a call's limits, and know whether anything was sent.

urllib3 gives a limit for connecting and one for each read. These connections also end with the
time for everything, however slowly the bytes come, and take a request as long as it is taken.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from contextvars import ContextVar
from copy import copy
from errno import EPIPE
from functools import cache
from http.client import HTTPResponse
from io import BufferedReader, RawIOBase
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    import socket

    from urllib3.connection import HTTPSConnection as Connection
else:
    Connection = object

SLICE = 0.25  # seconds: after that much silence, ``meanwhile`` is called
PIECE = 16384  # bytes sent at once


class Trip:
    """One request on its way: how long it may take, and whether any of it has left."""

    __slots__ = ("idle", "deadline", "sent")

    def __init__(self, idle: float, deadline: float) -> None:
        """``idle`` in seconds between two bytes, ``deadline`` on the monotonic clock."""
        self.idle, self.deadline, self.sent = idle, deadline, False

    def left(self) -> float:
        """Seconds to wait for the next byte; raises TimeoutError if there are none."""
        wait = min(self.idle, self.deadline - time.monotonic())
        if wait <= 0:
            raise TimeoutError("timed out")
        return wait


#: The request that is sent just now; None leaves a connection to its own limits.
on_its_way: ContextVar[Trip | None] = ContextVar("on_its_way", default=None)

#: Called now and then while nothing comes; what it raises ends the wait.
meanwhile: ContextVar[Callable[[], None]] = ContextVar("meanwhile", default=lambda: None)


class Reader(RawIOBase):
    """What arrives on a socket, for as long as a trip may take."""

    def __init__(self, sock: socket.socket, trip: Trip) -> None:
        self.file = sock.makefile("rb", buffering=0)  # keeps the socket open until it is closed
        self.sock, self.trip, self.set = sock, trip, 0.0

    def readable(self) -> bool:
        """As every reader."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes; raises TimeoutError."""
        trip, began = self.trip, time.monotonic()
        wait = min(SLICE, trip.idle, trip.deadline - began)
        while wait > 0:
            if wait != self.set:
                self.sock.settimeout(wait)
                self.set = wait
            try:
                return self.sock.recv_into(buffer)
            except TimeoutError:
                meanwhile.get()()
            now = time.monotonic()
            wait = min(SLICE, began + trip.idle - now, trip.deadline - now)
        raise TimeoutError("timed out")

    def close(self) -> None:
        """Let go of the socket."""
        self.file.close()
        super().close()


class Punctual(Connection):
    """What every connection does besides; see ``punctual``."""

    def response_class(  # type: ignore[override]
        self, sock: Any, *args: Any, **named: Any
    ) -> HTTPResponse:
        """An answer that is read in time; http.client makes a file of the socket, and no more."""
        trip = on_its_way.get()
        if trip is not None:
            reader = Reader(sock, trip)
            sock = SimpleNamespace(makefile=lambda mode: BufferedReader(reader))
        return HTTPResponse(sock, *args, **named)

    def send(self, data: Any) -> None:
        """Send piece by piece: a large request may take long, as long as it is taken."""
        if self.sock is None:
            self.connect()
        trip = on_its_way.get()
        if trip is None or not isinstance(data, bytes):
            super().send(data)
            return
        trip.sent = True
        for start in range(0, len(data), PIECE):
            self.sock.settimeout(trip.left())
            try:
                super().send(data[start : start + PIECE])
            except ssl.SSLEOFError as error:  # urllib3 then reads what the server has said
                raise BrokenPipeError(EPIPE, "broken pipe") from error

    def connect(self) -> None:
        """Connect; a certificate that is not trusted is reported with its issuer."""
        trip = on_its_way.get()
        try:
            super().connect()
        except ssl.SSLCertVerificationError as error:
            error.add_note(self.issuer())
            raise
        finally:
            if trip is not None:
                trip.sent = False  # what a proxy was told is no part of the request

    def issuer(self) -> str:
        """Who issued the certificate that the server shows; it is told nothing, and not trusted."""
        twin = copy(self)
        twin.ssl_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        twin.ssl_context.check_hostname = False
        twin.cert_reqs, twin.ssl_context.verify_mode = "CERT_NONE", ssl.CERT_NONE
        twin.ca_certs = twin.ca_cert_dir = twin.cert_file = twin.key_file = None
        try:
            super(Punctual, twin).connect()
            shown: Any = twin.sock
            return issuer_of(shown.getpeercert(binary_form=True) or b"")
        except (HTTPError, OSError, ValueError):
            return ""
        finally:
            twin.close()


def issuer_of(certificate: bytes) -> str:
    """The name of a certificate's issuer (RFC 4514); raises ValueError."""
    from cryptography.x509 import load_der_x509_certificate

    return load_der_x509_certificate(certificate).issuer.rfc4514_string()


@cache
def punctual(kind: type[Any]) -> type[Any]:
    """A kind of connection of urllib3's, with what ``Punctual`` adds."""
    return kind if issubclass(kind, Punctual) else type(kind.__name__, (Punctual, kind), {})
