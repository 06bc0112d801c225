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
from urllib.parse import urlsplit, urlunsplit

from returns.result import Result, Success

from loki.edge.files import reason
from loki.problems import Problem, fail

#: The queue of answers; None: standard input has ended.
Answers = SimpleQueue[str | None]

PAGE = b"""<!doctype html><meta charset=utf-8><title>loki</title>
<p>loki has the answer. Whether it is good, the terminal says; this window can be closed."""


class Server(ThreadingTCPServer):
    """A threaded listener: an idle connection that a browser opened early blocks nobody."""

    allow_reuse_address = True
    daemon_threads = True


def listen(redirect_uri: str, answers: Answers) -> Result[str, Problem]:
    """Listen at an address of this machine; return the address with the port that was free."""
    parts = urlsplit(redirect_uri)
    host = parts.hostname or ""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server_class = type("FamilyServer", (Server,), {"address_family": family})
    address = ("127.0.0.1" if host == "localhost" else host, parts.port or 0)
    make = partial(server_class, address, handler(parts.path or "/", answers.put))
    try:
        server = retry_while_in_use(make)
    except OSError as error:
        return fail("config", f"cannot listen on {address[0]}:{address[1]}: {reason(error)}")
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


def handler(path: str, put: Callable[[str], None]) -> type[BaseHTTPRequestHandler]:
    """Return a handler that puts the query of a request for a path, and answers 404 to others."""

    class RedirectHandler(BaseHTTPRequestHandler):
        """One request; its address is the answer."""

        timeout = 60
        server_version, sys_version = "loki", ""

        def do_GET(self) -> None:
            """Answer the browser first, for the program may end at once."""
            target = urlsplit(self.path)
            if (target.path or "/") != path or not target.query:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(PAGE)))
            self.send_header("Referrer-Policy", "no-referrer")
            self.end_headers()
            self.wfile.write(PAGE)
            put(self.path)

        def log_message(self, *args: object) -> None:
            """Log nothing: a request line holds the code."""

    return RedirectHandler


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
