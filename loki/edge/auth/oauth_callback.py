"""Redirect address -> a listener there; and the first answer, from a browser or pasted."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from errno import EADDRINUSE
from functools import partial
from http.server import BaseHTTPRequestHandler
from queue import Empty, SimpleQueue
from socketserver import ThreadingTCPServer
from threading import Thread
from typing import IO
from urllib.parse import parse_qs, urlsplit, urlunsplit

from returns.result import Result, Success

from loki.edge.files import describe_os_error
from loki.problems import Problem, fail

#: The queue of answers; None: standard input has ended.
Answers = SimpleQueue[str | None]

PAGE = b"""<!doctype html><meta charset=utf-8><title>loki: done</title>
<p>Done: loki has the answer. Whether it is good, the terminal says; this window can be closed."""
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Length": str(len(PAGE)),
    "Content-Security-Policy": "default-src 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}


class Server(ThreadingTCPServer):
    """A threaded listener: an idle connection that a browser opened early blocks nobody."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128  # pages of others may ask too, and must not keep the answer out

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: a connection that breaks is the browser's affair."""


def listen(redirect_uri: str, state: str, answers: Answers) -> Result[str, Problem]:
    """Listen at an address of this machine; return the address with the port that was free.

    Whatever is not the answer to the login with this state is refused, and waited for no less.
    """
    parts = urlsplit(redirect_uri)
    host = parts.hostname or ""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server_class = type("FamilyServer", (Server,), {"address_family": family})
    address = ("127.0.0.1" if host == "localhost" else host, parts.port or 0)
    make = partial(server_class, address, make_handler(parts.path or "/", state, answers.put))
    try:
        server = retry_while_in_use(make)
    except OSError as error:
        return fail(
            "config", f"cannot listen on {address[0]}:{address[1]}: {describe_os_error(error)}"
        )
    Thread(target=server.serve_forever, daemon=True).start()
    shown = f"[{host}]" if ":" in host else host
    return Success(urlunsplit(parts._replace(netloc=f"{shown}:{server.server_address[1]}")))


def retry_while_in_use(make: Callable[[], Server]) -> Server:
    """Make a listener; a login that has just ended may hold its port a moment longer."""
    for _ in range(TRIES):
        try:
            return make()
        except OSError as error:
            if error.errno != EADDRINUSE:
                raise
            time.sleep(PAUSE)
    return make()


TRIES, PAUSE = 10, 0.1  # seconds between two tries


def make_handler(path: str, state: str, put: Callable[[str], None]) -> type[BaseHTTPRequestHandler]:
    """Return a handler that puts the address of the answer to a login, and refuses all others."""

    class RedirectHandler(BaseHTTPRequestHandler):
        """One request; its address is the answer."""

        timeout = 60
        server_version, sys_version = "loki", ""

        def do_GET(self) -> None:
            """Answer the browser first, for the program may end at once."""
            if status := self.refusal():
                self.send_error(status)
                return
            self.send_response(200)
            for name, value in HEADERS.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(PAGE)
            put(self.path)

        def refusal(self) -> int:
            """Return the status for what is not the answer, 0 for the answer."""
            asked, _, query = self.path.partition("?")
            port = self.connection.getsockname()[1]
            if not is_own_host(self.headers.get_all("Host", []), port):
                return 421  # another name for this machine: a page that rebinds its own (RFC 9110)
            if asked != path or not query:
                return 404
            return 0 if is_callback(query, state) else 400

        def log_message(self, *args: object) -> None:
            """Log nothing: a request line holds the code."""

    return RedirectHandler


def is_own_host(hosts: list[str], port: int) -> bool:
    """Return whether a request names this listener, once and by an address of this machine.

    >>> is_own_host(["127.0.0.1:99"], 99), is_own_host(["a.example:99"], 99), is_own_host([], 99)
    (True, False, False)
    """
    ends = ("", ":80") if port == 80 else (f":{port}",)
    names = {f"{name}{end}" for name in ("127.0.0.1", "localhost", "[::1]") for end in ends}
    return len(hosts) == 1 and hosts[0].lower() in names


def is_callback(query: str, state: str) -> bool:
    """Return whether a query has the state of a login, and one code or one error.

    >>> is_callback("code=a&state=s", "s"), is_callback("code=a&code=b&state=s", "s")
    (True, False)
    >>> is_callback("x=1", "s"), is_callback("code=a&state=t", "s")
    (False, False)
    >>> is_callback("code=a&state=s", "")
    False
    """
    try:
        fields = parse_qs(query, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return False
    ends = [*fields.get("code", []), *fields.get("error", [])]
    return bool(state) and fields.get("state") == [state] and len(ends) == 1


def read_pasted(stream: IO[str] | None, answers: Answers) -> None:
    """Put the first line of a stream that is not blank into the queue, in a thread."""

    def read() -> None:
        try:
            lines = filter(None, map(str.strip, stream or ()))
            answers.put(next(lines, None))
        except (OSError, ValueError):  # closed, or no text
            answers.put(None)

    Thread(target=read, daemon=True).start()


def wait_for_answer(answers: Answers, is_listening: bool, patience: float) -> Result[str, Problem]:
    """Wait some seconds for the first answer and return it.

    The end of standard input is no answer while a browser may still send one.
    """
    try:
        answer = answers.get(timeout=patience)
        if answer is None and is_listening:
            answer = answers.get(timeout=patience)
    except Empty:
        return fail("auth", f"no answer came within {patience:g} s")
    if answer is None:
        return fail("auth", "no code was given: standard input has ended")
    return Success(answer)
