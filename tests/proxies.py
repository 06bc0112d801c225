"""Small proxies on loopback, HTTP and SOCKS 5, and those of Debian where they are installed."""

from __future__ import annotations

import base64
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from servers import attended

USER, PASSWORD = "someone", "pass-word"


@dataclass
class Proxy:
    """A proxy that is running; ``went`` is where its guests wanted to go, as far as it tells."""

    port: int = 0
    went: list[str] = field(default_factory=list)

    def address(self, scheme: str, user: str = USER, password: str = PASSWORD) -> str:
        """As it is written into a configuration."""
        who = f"{user}:{password}@" if user else ""
        return f"{scheme}://{who}127.0.0.1:{self.port}"


@contextmanager
def listening(
    serve: Callable[[Proxy, socket.socket], None], tls: ssl.SSLContext | None = None
) -> Iterator[Proxy]:
    """A proxy of our own; ``serve`` speaks its protocol, behind TLS if there is any."""

    def attend(connection: socket.socket) -> None:
        with suppress(OSError, ValueError), connection:
            guest = tls.wrap_socket(connection, server_side=True) if tls else connection
            with guest:
                serve(proxy, guest)

    proxy = Proxy()
    with attended(attend) as proxy.port:
        yield proxy


def http(proxy: Proxy, guest: socket.socket) -> None:
    """Tunnels and plain requests, for those with the password."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = guest.recv(65536)
        if not piece:
            return
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    line, *fields = head.split(b"\r\n")
    method, target, _ = line.split(b" ")
    proxy.went.append(f"{method.decode()} {target.decode()}")
    pass_ = base64.b64encode(f"{USER}:{PASSWORD}".encode())
    if b"proxy-authorization: basic " + pass_.lower() not in [each.lower() for each in fields]:
        guest.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
        return
    tunnel = method == b"CONNECT"
    host, _, path = (target if tunnel else target[7:]).partition(b"/")
    name, _, port = host.partition(b":")
    try:
        server = socket.create_connection((name.decode(), int(port)), 2)
    except OSError:
        guest.sendall(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
        return
    with server:
        if tunnel:
            guest.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            own = [each for each in fields if not each.lower().startswith(b"proxy-")]
            server.sendall(b"\r\n".join([b"%s /%s HTTP/1.1" % (method, path), *own]) + b"\r\n\r\n")
        server.sendall(rest)
        relay(guest, server)


def socks(proxy: Proxy, guest: socket.socket) -> None:
    """SOCKS 5 with a password (RFC 1928, RFC 1929)."""
    with guest.makefile("rb") as words:
        _, count = words.read(2)
        if 2 not in words.read(count):
            guest.sendall(b"\x05\xff")
            return
        guest.sendall(b"\x05\x02")
        words.read(1)
        user, password = (words.read(words.read(1)[0]).decode() for _ in range(2))
        if (user, password) != (USER, PASSWORD):
            guest.sendall(b"\x01\x01")
            return
        guest.sendall(b"\x01\x00")
        kind = words.read(4)[3]
        by_name = kind == 3
        host = words.read(words.read(1)[0]).decode() if by_name else socket.inet_ntoa(words.read(4))
        port = int.from_bytes(words.read(2), "big")
        proxy.went.append(f"{'name' if by_name else 'number'} {host}")
        try:
            server = socket.create_connection((host, port), 2)
        except OSError:
            guest.sendall(b"\x05\x05\x00\x01" + bytes(6))
            return
        with server:
            guest.sendall(b"\x05\x00\x00\x01" + bytes(6))
            relay(guest, server)


def relay(one: socket.socket, other: socket.socket) -> None:
    """What either says to the other."""

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=pump, args=(other, one), daemon=True)
    back.start()
    pump(one, other)
    back.join(10)


# ---- Debian's ------------------------------------------------------------------------------------


@contextmanager
def tinyproxy(found: str) -> Iterator[Proxy]:
    """Tinyproxy with a password."""
    with TemporaryDirectory() as folder:
        port = free_port()
        conf = Path(folder, "tinyproxy.conf")
        conf.write_text(
            f"Port {port}\nListen 127.0.0.1\nTimeout 10\nAllow 127.0.0.1\nMaxClients 20\n"
            f'BasicAuth {USER} {PASSWORD}\nLogFile "{folder}/log"\nLogLevel Error\n'
        )
        with running([found, "-d", "-c", str(conf)], port) as proxy:
            yield proxy


@contextmanager
def microsocks(found: str) -> Iterator[Proxy]:
    """Microsocks with a password."""
    port = free_port()
    words = [found, "-i", "127.0.0.1", "-p", str(port), "-u", USER, "-P", PASSWORD]
    with running(words, port) as proxy:
        yield proxy


@contextmanager
def running(words: list[str], port: int) -> Iterator[Proxy]:
    """A program that listens."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(words, **quiet) as process:  # type: ignore[call-overload]
        try:
            for _ in range(100):
                with closing(socket.socket()) as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.02)
            yield Proxy(port)
        finally:
            process.kill()


def free_port() -> int:
    """A port where nobody listens just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def kinds(program: str) -> list[str]:
    """Our own, and Debian's if it is installed."""
    return ["ours", program] if shutil.which(program) else ["ours"]


def http_proxy(kind: str) -> AbstractContextManager[Proxy]:
    """An HTTP proxy of a kind."""
    return listening(http) if kind == "ours" else tinyproxy(kind)


def socks_proxy(kind: str) -> AbstractContextManager[Proxy]:
    """A SOCKS proxy of a kind."""
    return listening(socks) if kind == "ours" else microsocks(kind)
