"""IMPURE. What each cloud's own package is given: a session, variables, a file for its token."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from math import inf
from threading import RLock, Thread
from typing import Any, TypeVar

import requests
from toolz import itemfilter, keyfilter

from loki.edge.auth.redaction import redact
from loki.edge.files import directory
from loki.edge.http.deadline import Clock, Seconds, end_of
from loki.edge.http.describe import host_of, plain, root
from loki.edge.http.transport import Transport, own_proxy
from loki.records import Client, Limits

A = TypeVar("A")
Environ = Mapping[str, str]

CONNECT, READ = 10.0, 30.0  # seconds, for those who give tokens

#: What packages raise over a file whose shape they did not expect.
ODD = (ValueError, KeyError, TypeError, AttributeError)


def token_file(kind: str, client: Client, source: bytes, environ: Environ) -> str:
    """The file for a client's token; another source is another file."""
    name = re.sub(r"[^\w.-]", "_", client.name)
    digest = sha256(source).hexdigest()[:16]
    return f"{directory('cache', environ)}/{kind}/{name}-{digest}.json"


def session_for(limits: Limits) -> requests.Session:
    """Requests that go the way of the client's own, without ~/.netrc; raises OSError."""
    session = requests.Session()
    session.auth = lambda same: same
    bounded = Bounded(end_of(limits), limits.ca_bundle)
    session.mount("http://", bounded)
    session.mount("https://", bounded)
    if limits.proxy is not None:
        session.trust_env = False
        session.proxies = own_proxy(limits)
    return session


class Bounded(Transport):
    """An adapter for packages that give a timeout with each request, and no time for them all."""

    def __init__(self, end: float, ca_bundle: str | None) -> None:
        """Take when all has to be over, on the monotonic clock; raise UnusableFileError."""
        self.end = end
        super().__init__(ca_bundle)

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, *, timeout: Any = None, **named: Any
    ) -> requests.Response:
        """Send a request; raise as requests does."""
        connect, idle = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        clock = Clock(idle or READ, self.end)
        left = min(connect or CONNECT, self.end - time.monotonic())
        seconds = Seconds(left, clock), Seconds(clock.idle, clock)
        return super().send(request, timeout=seconds, **named)


def within(end: float, work: Callable[[], A]) -> A:
    """Return what some work returns; raise TimeoutError at ``end``, on the monotonic clock.

    It is for packages that can be told no time for everything: one that is late is left to itself.
    """
    if end == inf:
        return work()
    found: list[Callable[[], A]] = []

    def run() -> None:
        try:
            made = work()
            found.append(lambda: made)
        except BaseException as error:
            found.append(partial(throw, error))

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(max(0.0, end - time.monotonic()))
    if not found:
        raise TimeoutError("the time for everything is over (total timeout)")
    return found[0]()


def throw(error: BaseException) -> Any:
    """Raise an exception that another thread met."""
    raise error


@contextmanager
def lent(environ: Environ, starts: tuple[str, ...]) -> Iterator[None]:
    """Let packages that read os.environ see ours; only what differs is put there, for a while."""
    with LENDING:
        ours: Environ = keyfilter(lambda name: name.startswith(starts), environ)
        theirs: Environ = keyfilter(lambda name: name.startswith(starts), os.environ)
        try:
            swap(theirs, ours)
            yield
        finally:
            swap(ours, theirs)


def swap(old: Environ, new: Environ) -> None:
    """Put other variables into os.environ."""
    for name in old.keys() - new.keys():
        os.environ.pop(name, None)
    os.environ.update(itemfilter(lambda item: old.get(item[0]) != item[1], new))


#: One at a time lends.
LENDING = RLock()


@contextmanager
def silent(package: str) -> Iterator[None]:
    """Keep a package's log off stderr, unless somebody has asked for it."""
    import logging

    logger, nowhere = logging.getLogger(package), logging.NullHandler()
    logger.addHandler(nowhere)
    try:
        yield
    finally:
        logger.removeHandler(nowhere)


def out_of_reach(error: Exception) -> str:
    """Whose server could not be asked, and why."""
    request = getattr(next(iter(error.args), None), "request", None)
    host = host_of(str(request.url)).partition("://")[2] if request else "its server"
    return f"no connection to {host}: {plain(root(error))}"


def words(error: Exception) -> str:
    """What an exception of a package's says, on one line and without secrets."""
    said = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    line = " ".join(redact(said).split())[:300].removesuffix(".")
    return f"{type(error).__name__}: {line}" if isinstance(error, BARE) else line


#: Exceptions whose words say little without their name.
BARE = (KeyError, TypeError, AttributeError)
