"""A real HTTP server on loopback whose answers a test writes, byte by byte if it likes."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

Step = bytes | float | type[ConnectionResetError]  # bytes to send, or seconds to wait
Script = Sequence[Step] | None  # None: close without a word
CLOSE = b""  # the step after which the connection is closed
RESET = ConnectionResetError  # the step that breaks it off


@dataclass
class Asked:
    """A request as the server saw it."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """Answers one script after the other, the last one for ever."""

    scripts: list[Script | Callable[[Asked], Script]]
    asked: list[Asked] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)  # a client went away
    port: int = 0
    guests: int = 0  # connections so far
    times: list[float] = field(default_factory=list)
    tls: ssl.SSLContext | None = None

    @property
    def address(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def accept(self, connection: socket.socket) -> None:
        """Serve a connection, behind TLS if there is any."""
        self.guests += 1
        if self.tls is None:
            self.serve(connection)
            return
        safe = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        try:
            safe.do_handshake()
        except OSError:  # the client does not trust us, or we want to see its certificate
            with safe, suppress(OSError):
                safe.settimeout(1)
                socket.socket.recv(safe, 65536)  # an alert is lost where something is unread
            return
        self.serve(safe)

    def serve(self, connection: socket.socket) -> None:
        with connection:
            while (asked := read_request(connection)) is not None:
                self.times.append(time.monotonic())
                script = self.scripts[min(len(self.asked), len(self.scripts) - 1)]
                self.asked.append(asked)
                steps = script(asked) if callable(script) else script
                if steps is None or not self.play(connection, steps):
                    return

    def play(self, connection: socket.socket, steps: Sequence[Step]) -> bool:
        try:
            for step in steps:
                if isinstance(step, type):
                    at_once = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
                    return False
                if isinstance(step, bytes):
                    connection.sendall(step)
                elif self.gone(connection, step):
                    raise BrokenPipeError
        except OSError:
            self.closed.set()
            return False
        return CLOSE not in steps

    def gone(self, connection: socket.socket, seconds: float) -> bool:
        """Wait; whether the client closed its end meanwhile, which TLS does not show."""
        if isinstance(connection, ssl.SSLSocket):
            time.sleep(seconds)
            return False
        connection.settimeout(seconds)
        try:
            return connection.recv(1, socket.MSG_PEEK) == b""
        except TimeoutError:
            return False
        finally:
            connection.settimeout(None)


def read_request(connection: socket.socket) -> Asked | None:
    """One request, None at the end of a connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            piece = connection.recv(65536)
        except OSError:
            return None
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    return Asked(line, headers, body)


@contextmanager
def serving(
    *scripts: Script | Callable[[Asked], Script], tls: ssl.SSLContext | None = None
) -> Iterator[Server]:
    """A server that plays some scripts, for the length of a block."""
    server = Server(list(scripts), tls=tls)
    with attended(server.accept) as server.port:
        yield server


@contextmanager
def attended(attend: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port whose every connection is attended to in a thread, for the length of a block."""

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=attend, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield int(listener.getsockname()[1])
        finally:  # a thread that is left in accept() takes connections of the next server
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            accepting.join(1)


@contextmanager
def deaf() -> Iterator[int]:
    """A port that answers no knock: others wait at the door already."""
    with socket.socket() as door, socket.socket() as first, socket.socket() as second:
        door.bind(("127.0.0.1", 0))
        door.listen(0)
        for guest in (first, second):
            guest.setblocking(False)
            guest.connect_ex(door.getsockname())
        yield int(door.getsockname()[1])


# ---- answers -----------------------------------------------------------------------------------


def plain(body: Any, status: int = 200, headers: str = "") -> list[Step]:
    """A whole answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "" if isinstance(body, bytes) else "content-type: application/json\r\n"
    head = f"HTTP/1.1 {status} X\r\n{kind}content-length: {len(data)}\r\n{headers}\r\n"
    return [head.encode("utf-8", "surrogateescape") + data]


def reply(text: str = "Hello.", finish: str = "stop") -> Any:
    """A chat completion."""
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": usage}


def delta(text: str | None = None, finish: str | None = None, **more: Any) -> bytes:
    """A frame of a stream."""
    words = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": {**words, **more}, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


COUNTED = (
    b'data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}\n\n'
)
DONE = b"data: [DONE]\n\n"


def chunk(data: bytes) -> bytes:
    """A chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def streamed(*steps: Step, end: bool = True) -> list[Step]:
    """A chunked stream of frames and pauses."""
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    body = [chunk(step) if isinstance(step, bytes) else step for step in steps]
    return [head, *body, *([b"0\r\n\r\n"] if end else [])]


ANSWER = streamed(delta("Hel"), delta("lo."), delta(None, "stop"), COUNTED, DONE)
