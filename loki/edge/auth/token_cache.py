"""IMPURE. A file with a token -> a token that is good now, renewed by one process for all."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import NamedTuple

from returns.result import Result, Success

from loki.edge.files import reason, write_private
from loki.problems import Problem, fail

PATIENCE = 60  # seconds for another process that is renewing the token
LATE = "that was the time for everything (total timeout)"
SHARE, MARGIN = 0.1, 60.0  # renewed when this share of its life, or these seconds, are left


class Token(NamedTuple):
    """A bearer token; times in seconds since the epoch."""

    access: str
    refresh: str = ""
    obtained: float = 0.0
    expires: float | None = None  # None: nobody said


#: The token there was (None: there was none) -> a new one, from whoever gives them.
Renewal = Callable[[Token | None], Result[Token, Problem]]


#: Tokens that could not be written, by the file where they should be.
unwritten: dict[str, Token] = {}


class Contended(Exception):
    """Another process has held the lock for too long."""


def good(path: str, renew: Renewal, refused: str = "", end: float = inf) -> Result[Token, Problem]:
    """Return the token of a file; one that is old, or was refused, is renewed for all processes.

    Another process that renews it is waited for until ``end``, on the monotonic clock.
    """

    def usable() -> Token | None:
        """The newest token, if it may be used now."""
        token = newest(path)
        return token if token is not None and is_good(token, refused, time.time()) else None

    token = usable()
    if token is not None:
        return Success(token)
    try:
        with alone(path, end):
            token = usable()  # another process may have renewed it meanwhile
            if token is not None:
                return Success(token)
            return renew(newest(path)).map(lambda fresh: kept(path, fresh))
    except Contended as contended:
        is_late = time.monotonic() >= end
        return fail("offline", f"{contended}; {LATE}") if is_late else fail("busy", str(contended))


def put(path: str, token: Token) -> Result[Token, Problem]:
    """Write a token down that nobody renewed: a login."""
    try:
        with alone(path):
            write(path, token)
    except Contended as contended:
        return fail("busy", str(contended))
    except OSError as error:
        return fail("config", f"cannot write {path}: {reason(error)}")
    return Success(token)


def is_good(token: Token, refused: str, now: float) -> bool:
    """Whether a token may be used.

    >>> is_good(Token("a", expires=100, obtained=0), "", 89), is_good(Token("a"), "a", 0)
    (True, False)
    """
    if token.access == refused:
        return False
    if token.expires is None:
        return True
    return now < token.expires - min(MARGIN, SHARE * (token.expires - token.obtained))


# ---- the file ----------------------------------------------------------------------------------


@contextmanager
def alone(path: str, end: float = inf) -> Iterator[None]:
    """Work while no other process has the token in hand; raise Contended.

    The lock ends with its process, however that ends. Where a folder takes no lock it takes no
    token either: then there is nothing to share.
    """
    from filelock import FileLock, Timeout

    patience = max(0.0, min(PATIENCE, end - time.monotonic()))
    lock = FileLock(f"{path}.lock", timeout=patience, mode=0o600)
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        lock.acquire()
    except Timeout as timeout:
        words = f"another process has been renewing {path} for {patience:.0f} s"
        raise Contended(words) from timeout
    except OSError:
        pass
    try:
        yield
    finally:
        lock.release()


def newest(path: str) -> Token | None:
    """The token of a file, or a newer one of this process that could not be written there."""
    found = (read(path), unwritten.get(path))
    return max(filter(None, found), key=lambda token: token.obtained, default=None)


def read(path: str) -> Token | None:
    """The token of a file, None where there is none that can be read."""
    try:
        with open(path, encoding="utf-8") as file:
            return from_json(json.load(file))
    except (OSError, ValueError, RecursionError):
        return None


def from_json(held: object) -> Token | None:
    """A token by the shape it was written in.

    >>> from_json({"access": "a", "refresh": "b", "obtained": 1.0, "expires": None})
    Token(access='a', refresh='b', obtained=1.0, expires=None)
    >>> from_json({"access": "a"})
    """
    match held:
        case {
            "access": str(access),
            "refresh": str(refresh),
            "obtained": int() | float() as obtained,
            "expires": int() | float() | None as expires,
        }:
            return Token(access, refresh, obtained, expires)
    return None


def write(path: str, token: Token) -> None:
    """Write a token down, whole or not at all; raises OSError."""
    write_private(path, json.dumps(token._asdict()) + "\n")


def kept(path: str, token: Token) -> Token:
    """A token, written down if that can be; one that cannot still serves this process."""
    try:
        write(path, token)
    except OSError as error:
        unwritten[path] = token
        lost = "the new token serves only this process"
        logging.getLogger("loki").warning("cannot write %s: %s; %s", path, reason(error), lost)
    return token
