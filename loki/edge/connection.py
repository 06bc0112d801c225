"""IMPURE. Sockets -> connections that keep a call's limits, and know whether anything was sent.

urllib3 gives a limit for connecting and one for each read. These connections also end with the
time for everything, however slowly the bytes come, and take a request as long as it is taken.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from copy import copy
from errno import EPIPE
from functools import cache
from http.client import HTTPResponse
from io import BufferedReader
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import HTTPError

from loki.edge.arrival import Arrival, File
from loki.edge.trip import Trip, meanwhile, on_its_way

if TYPE_CHECKING:
    from urllib3.connection import HTTPSConnection as Connection
else:
    Connection = object

PIECE = 16384  # bytes sent at once
LARGE = 65536  # bytes received at once
UNKNOWN = -1.0  # a time limit that is none of ours


class Punctual(Connection):
    """What every connection does besides; see ``punctual``."""

    limit: float | None = UNKNOWN  # seconds: the time limit that the socket has now

    def request(
        self, method: str, url: str, body: Any = None, headers: Any = None, **named: Any
    ) -> None:
        """Send a request; head and body at once, as they are given."""
        if on_its_way.get() is None or not isinstance(body, bytes):
            super().request(method, url, body, headers, **named)
            return
        if self.sock is None:
            self.connect()
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.send(f"{method} {url} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body)

    def getresponse(self) -> Any:
        """The answer, once it has begun."""
        trip = on_its_way.get()
        return super().getresponse() if trip is None else Arrival(self, self.arrivals(trip), trip)

    def response_class(  # type: ignore[override]
        self, sock: Any, *args: Any, **named: Any
    ) -> HTTPResponse:
        """What a proxy answers, in time; http.client makes a file of the socket, and no more."""
        trip = on_its_way.get()
        if trip is not None:
            pieces = self.arrivals(trip)
            sock = SimpleNamespace(makefile=lambda mode: BufferedReader(File(pieces)))
        return HTTPResponse(sock, *args, **named)

    def _tunnel(self) -> None:
        """Ask a proxy for the way through; the handshake after it has its own time again."""
        super()._tunnel()
        self.hold(self.timeout)

    def arrivals(self, trip: Trip) -> Iterator[bytes]:
        """What comes, each piece at once, to the end; raises OSError."""
        while True:
            began = time.monotonic()
            piece = None
            while piece is None:
                self.hold(trip.wait(began))
                try:
                    piece = self.sock.recv(LARGE)
                except TimeoutError:
                    if call := meanwhile.get():
                        call()
            if not piece:
                return
            yield piece

    def send(self, data: Any) -> None:
        """Send piece by piece: a large request may take long, as long as it is taken."""
        if self.sock is None:
            self.connect()
        trip = on_its_way.get()
        if trip is None or not isinstance(data, bytes):
            super().send(data)
            return
        trip.sent = True
        left, began = memoryview(data), time.monotonic()
        while left:
            self.hold(trip.wait(began))
            try:
                left = left[self.sock.send(left[:PIECE]) :]
            except TimeoutError:
                continue
            except ssl.SSLEOFError as error:  # the caller then reads what the server has said
                raise BrokenPipeError(EPIPE, "broken pipe") from error
            began = time.monotonic()

    def hold(self, seconds: float | None) -> None:
        """Give the socket a time limit, if it has another one."""
        if seconds != self.limit:
            self.sock.settimeout(seconds)
            self.limit = seconds

    def is_quiet(self) -> bool:
        """Return whether the connection is open and nothing at all waits on it.

        Whatever came after an answer's end would be read as the next answer. It is read for, not
        polled for: bytes may wait in a TLS layer, and notes of TLS itself are no answer.
        """
        if self.sock is None:
            return False
        self.hold(0.0)
        try:
            self.sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except (OSError, ValueError):  # broken off, or closed here
            return False
        return False

    def connect(self) -> None:
        """Connect; a certificate that is not trusted is reported with its issuer."""
        trip = on_its_way.get()
        self.limit = UNKNOWN
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
