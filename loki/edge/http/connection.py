"""Connections that keep the deadline of a call: the one place below requests' own surface.

Why it is here: a timeout of requests is for one read of a socket. A server that drips (a byte of
a header, of a chunk's size, of a trailer every few seconds) never meets it, so that no limit for
the whole call would hold. What is used for that, all of it public: ``pool_classes_by_scheme`` of
a pool manager, ``ConnectionCls`` of a pool, ``connect()``, ``sock``, ``is_connected`` and
``response_class`` of a connection, ``begin()``, ``read1()`` and ``fp`` of http.client's response.
`make matrix` runs the tests against the oldest and the newest versions that setup.cfg permits.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from functools import cache
from http.client import HTTPException, HTTPResponse, IncompleteRead
from threading import Event, Timer
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import HTTPError

from loki.edge.http.sockets import BufferedSocketReader, DeadlineSocket, shut_down

if TYPE_CHECKING:
    from urllib3.connection import HTTPSConnection as Connection
else:
    Connection = object

MAX_INTERIM = 32  # interim responses (1xx) before the final one


class HeadReader:
    """A file that limits how many heads are read from it: a server could send 1xx for ever."""

    def __init__(self, file: Any) -> None:
        self.file, self.heads = file, 0
        self.close = file.close

    def readline(self, limit: int) -> bytes:
        """Read a line; raise HTTPException."""
        line: bytes = self.file.readline(limit)
        self.heads += line in (b"\r\n", b"\n")
        if self.heads > MAX_INTERIM:
            raise HTTPException(f"more than {MAX_INTERIM} answers (1xx) before the answer")
        return line


class FinalResponse(HTTPResponse):
    """An HTTPResponse that skips all interim responses, and reads all chunks that have come."""

    def begin(self) -> None:
        """Read heads up to that of the final response; http.client itself skips only 100."""
        file = self.fp
        heads: Any = HeadReader(file)
        self.fp = heads
        try:
            super().begin()
            while 101 < self.status < 200:
                self.headers = self.msg = None  # type: ignore[assignment]  # as at first
                super().begin()
        finally:
            if self.fp is heads:
                self.fp = file

    def read1(self, n: int = -1) -> bytes:
        """Return what has come, of several chunks too: providers send a chunk for each word."""
        data = super().read1(n)
        if not (self.chunked and data and isinstance(self.fp, BufferedSocketReader)):
            return data
        pieces = [data]
        try:
            self.read_ahead(self.fp.buffered(), n - len(data), pieces)
        except IncompleteRead as error:  # what came before the damage is good
            raise IncompleteRead(b"".join(pieces)) from error
        return b"".join(pieces)

    def read_ahead(self, ahead: bytes, most: int, pieces: list[bytes]) -> None:
        """Append the chunks that can be read without waiting, except the last one."""
        read, at = super().read1, 0
        while most > 0 and pieces[-1]:
            if self.chunk_left:
                begin = at
            else:  # behind the line end of this chunk and the line with the size of the next
                begin = ahead.find(b"\n", at + 2) + 1
                if not begin or ahead[at + 2 : at + 3] == b"0":
                    return
            if begin >= len(ahead):
                return
            pieces.append(read(most))
            at = begin + len(pieces[-1])
            most -= len(pieces[-1])


class DeadlineConnection(Connection):
    """A urllib3 connection with idle and total deadlines; mixed in by ``with_deadlines``."""

    response_class = FinalResponse

    def connect(self) -> None:
        """Connect; add the issuer to the error if the certificate is not trusted."""
        try:
            with self.limit_proxy_time():
                super().connect()
        except ssl.SSLCertVerificationError as error:
            error.add_note(self.fetch_issuer())
            raise
        sock: Any = DeadlineSocket(self.sock, self.timeout)
        self.sock = sock

    @contextmanager
    def limit_proxy_time(self) -> Iterator[None]:
        """Limit the time for a proxy to connect: urllib3's timeout is for each read of that."""
        if not self.proxy_is_tunneling or self.timeout is None:
            yield
            return
        is_late = Event()

        def end() -> None:
            is_late.set()
            shut_down(self.sock)

        timer = Timer(self.timeout, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        except OSError as error:
            if is_late.is_set():
                raise TimeoutError("timed out") from error
            raise
        finally:
            timer.cancel()

    def fetch_issuer(self) -> str:
        """Return who issued the server's certificate, by a second handshake; nothing is sent."""
        twin = copy(self)
        twin.ssl_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        twin.ssl_context.check_hostname = False
        twin.cert_reqs, twin.ssl_context.verify_mode = "CERT_NONE", ssl.CERT_NONE
        twin.ca_certs = twin.ca_cert_dir = twin.cert_file = twin.key_file = None
        try:
            super(DeadlineConnection, twin).connect()
            shown: Any = twin.sock
            return issuer_name(shown.getpeercert(binary_form=True) or b"")
        except (HTTPError, OSError, ValueError):
            return ""
        finally:
            twin.close()


def issuer_name(certificate: bytes) -> str:
    """Return the name of a certificate's issuer (RFC 4514); raise ValueError."""
    from cryptography.x509 import load_der_x509_certificate

    return load_der_x509_certificate(certificate).issuer.rfc4514_string()


@cache
def with_deadlines(pool: type[Any]) -> type[Any]:
    """Return a pool class of urllib3's whose connections keep deadlines."""
    base = pool.ConnectionCls
    connection = type(base.__name__, (DeadlineConnection, base), {})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})
