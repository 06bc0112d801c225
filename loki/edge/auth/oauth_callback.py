"""IMPURE. Redirect address -> a listener there; and the first answer, from a browser or pasted."""

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

#: Where answers arrive; None: standard input has ended.
Answers = SimpleQueue[str | None]

PAGE = b"""<!doctype html><meta charset=utf-8><title>loki</title>
<p>loki has the answer. Whether it is good, the terminal says; this window can be closed."""


class Server(ThreadingTCPServer):
    """A listener; a connection that a browser opens ahead of time and leaves quiet harms nobody."""

    allow_reuse_address = True
    daemon_threads = True


def listen(redirect_uri: str, answers: Answers) -> Result[str, Problem]:
    """Listen at an address of this machine; the address, with the port that was free."""
    parts = urlsplit(redirect_uri)
    host = parts.hostname or ""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind = type("Here", (Server,), {"address_family": family})
    place = ("127.0.0.1" if host == "localhost" else host, parts.port or 0)
    make = partial(kind, place, handler(parts.path or "/", answers.put))
    try:
        server = patiently(make)
    except OSError as error:
        return fail("config", f"cannot listen on {place[0]}:{place[1]}: {reason(error)}")
    Thread(target=server.serve_forever, daemon=True).start()
    shown = f"[{host}]" if ":" in host else host
    return Success(urlunsplit(parts._replace(netloc=f"{shown}:{server.server_address[1]}")))


def patiently(make: Callable[[], Server]) -> Server:
    """A listener; a login that has just ended may hold its port a moment longer."""
    for _ in range(TRIES):
        try:
            return make()
        except OSError as error:
            if error.errno != EADDRINUSE:
                raise
            time.sleep(PAUSE)
    return make()


TRIES, PAUSE = 10, 0.1  # seconds between two


def handler(path: str, put: Callable[[str], None]) -> type[BaseHTTPRequestHandler]:
    """What takes a browser's request for a path, and leaves others be."""

    class Redirected(BaseHTTPRequestHandler):
        """One request; its address is the answer."""

        timeout = 60
        server_version, sys_version = "loki", ""

        def do_GET(self) -> None:
            """Thank the browser first, for the program may end at once."""
            here = urlsplit(self.path)
            if (here.path or "/") != path or not here.query:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(PAGE)))
            self.send_header("Referrer-Policy", "no-referrer")
            self.end_headers()
            self.wfile.write(PAGE)
            put(self.path)

        def log_message(self, *words: object) -> None:
            """Keep quiet: a request line holds the code."""

    return Redirected


def pasted(stream: IO[str] | None, answers: Answers) -> None:
    """Take a line of standard input for an answer, as soon as there is one."""

    def read() -> None:
        lines = filter(None, map(str.strip, stream or ()))
        try:
            answers.put(next(lines, None))
        except (OSError, ValueError):  # closed, or no text
            answers.put(None)

    Thread(target=read, daemon=True).start()


def first(answers: Answers, is_listening: bool, patience: float) -> Result[str, Problem]:
    """The first answer; the end of standard input is none while a browser may still come."""
    try:
        answer = answers.get(timeout=patience)
        if answer is None and is_listening:
            answer = answers.get(timeout=patience)
    except Empty:
        return fail("auth", f"no answer came within {patience:g} s")
    if answer is None:
        return fail("auth", "no code was given: standard input has ended")
    return Success(answer)
