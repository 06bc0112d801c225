"""IMPURE. What each cloud's own package is given: a session, variables, a file for its token."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from threading import RLock

import requests
from toolz import itemfilter, keyfilter

from loki.edge.files import directory
from loki.edge.http.describe import host_of, plain, root
from loki.edge.http.transport import Transport, own_proxy, verify
from loki.edge.secrets import redact
from loki.records import Client, Limits

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
    session.verify = verify()
    if limits.ca_bundle:
        session.mount("https://", Transport(limits.ca_bundle))
    if limits.proxy is not None:
        session.trust_env = False
        session.proxies = own_proxy(limits)
    return session


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
    line = redact(" ".join(said.split()))[:300].removesuffix(".")
    return f"{type(error).__name__}: {line}" if isinstance(error, BARE) else line


#: Exceptions whose words say little without their name.
BARE = (KeyError, TypeError, AttributeError)
