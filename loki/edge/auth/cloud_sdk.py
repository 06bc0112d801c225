"""Help for the clouds' own packages: a session, variables, a time limit, a file for a token."""

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

from loki.edge.files import directory
from loki.edge.http.deadline import Deadline, TimeLeft, deadline_of
from loki.edge.http.describe import describe_error, host_of, root_cause
from loki.edge.http.transport import Transport, own_proxy
from loki.records import Client, Limits
from loki.redaction.redactor import Redactor

A = TypeVar("A")
Environ = Mapping[str, str]

CONNECT, READ = 10.0, 30.0  # seconds, for servers that issue tokens

#: Exceptions of packages over a file whose shape they did not expect.
UNEXPECTED = (ValueError, KeyError, TypeError, AttributeError)


def token_cache_file(kind: str, client: Client, source: bytes, environ: Environ) -> str:
    """Return the path for a client's token; another source of credentials is another path."""
    name = re.sub(r"[^\w.-]", "_", client.name)
    digest = sha256(source).hexdigest()[:16]
    return f"{directory('cache', environ)}/{kind}/{name}-{digest}.json"


def session_for(limits: Limits) -> requests.Session:
    """Return a session with the client's limits, certificates and proxy, without ~/.netrc.

    Raise OSError.
    """
    session = requests.Session()
    session.auth = lambda request: request
    adapter = DeadlineAdapter(deadline_of(limits), limits.ca_bundle)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    if limits.proxy is not None:
        session.trust_env = False
        session.proxies = own_proxy(limits)
    return session


class DeadlineAdapter(Transport):
    """An adapter for packages that set a timeout for each request, and no limit for them all."""

    def __init__(self, deadline: float, ca_bundle: str | None) -> None:
        """Take the end of all requests, on the monotonic clock; raise UnusableFileError."""
        self.end = deadline
        super().__init__(ca_bundle)

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, *, timeout: Any = None, **named: Any
    ) -> requests.Response:
        """Send a request; raise the exceptions of requests."""
        connect, idle = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        clock = Deadline(idle or READ, self.end)
        left = min(connect or CONNECT, self.end - time.monotonic())
        seconds = TimeLeft(left, clock), TimeLeft(clock.idle, clock)
        return super().send(request, timeout=seconds, **named)


def run_within(deadline: float, work: Callable[[], A]) -> A:
    """Return the result of some work; raise TimeoutError at ``deadline``, on the monotonic clock.

    It is for packages that take no limit for everything: work that is late goes on in its thread.
    """
    if deadline == inf:
        return work()
    outcome: list[Callable[[], A]] = []

    def run() -> None:
        try:
            result = work()
            outcome.append(lambda: result)
        except BaseException as error:
            outcome.append(partial(raise_error, error))

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(max(0.0, deadline - time.monotonic()))
    if not outcome:
        raise TimeoutError("the time for everything is over (total timeout)")
    return outcome.pop()()


def raise_error(error: BaseException) -> Any:
    """Raise an exception of another thread."""
    raise error


@contextmanager
def patched_environ(environ: Environ, prefixes: tuple[str, ...]) -> Iterator[None]:
    """Put our variables with some prefixes into os.environ while packages read them there."""
    with PATCHING:
        ours: Environ = keyfilter(lambda name: name.startswith(prefixes), environ)
        theirs: Environ = keyfilter(lambda name: name.startswith(prefixes), os.environ)
        try:
            replace_variables(theirs, ours)
            yield
        finally:
            replace_variables(ours, theirs)


def replace_variables(old: Environ, new: Environ) -> None:
    """Replace variables in os.environ; only those that differ are touched."""
    for name in old.keys() - new.keys():
        os.environ.pop(name, None)
    os.environ.update(itemfilter(lambda item: old.get(item[0]) != item[1], new))


#: One thread at a time patches os.environ.
PATCHING = RLock()


@contextmanager
def quiet_logging(package: str) -> Iterator[None]:
    """Keep a package's log off stderr, unless logging is configured."""
    import logging

    logger, handler = logging.getLogger(package), logging.NullHandler()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def describe_unreachable(error: Exception, redactor: Redactor) -> str:
    """Return which server could not be reached, and why."""
    request = getattr(next(iter(error.args), None), "request", None)
    host = host_of(str(request.url)).partition("://")[2] if request else "its server"
    return f"no connection to {host}: {describe_error(root_cause(error), redactor)}"


def describe_sdk_error(error: Exception, redactor: Redactor) -> str:
    """Return the message of a package's exception, on one line and without secrets."""
    text = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    line = " ".join(redactor.redact(text).split())[:300].removesuffix(".")
    return f"{type(error).__name__}: {line}" if isinstance(error, TERSE) else line


#: Exceptions whose message says little without their name.
TERSE = (KeyError, TypeError, AttributeError)
