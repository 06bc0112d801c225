"""Path of a token -> a token that is valid now, renewed by one process for all."""

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

from loki.edge.files import describe_os_error, write_private
from loki.edge.trust import (
    UntrustedFileError,
    make_private_folder,
    open_user_file,
    require_safe_folder,
)
from loki.problems import Problem, fail

LOCK_TIMEOUT = 60  # seconds for another process that is renewing the token
OUT_OF_TIME = "that was the time for everything (total timeout)"
SHARE, MARGIN = 0.1, 60.0  # renewed when this share of its life, or these seconds, are left
NEVER = 1e15  # seconds since the epoch: what is as large is no time


class Token(NamedTuple):
    """A bearer token; times in seconds since the epoch."""

    access: str
    refresh: str = ""
    obtained: float = 0.0
    expires: float | None = None  # None: unknown


#: The old token, None if there is none -> a new one from its source.
Renewal = Callable[[Token | None], Result[Token, Problem]]


#: Tokens that could not be written, by the file where they should be; they serve one Env.
Unwritten = dict[str, Token]


class LockedError(Exception):
    """Another process has held the lock of a token for too long."""


def valid_token(
    path: str, renew: Renewal, unwritten: Unwritten, refused: str = "", deadline: float = inf
) -> Result[Token, Problem]:
    """Return the token of a file; one that expires, or was refused, is renewed for all processes.

    Another process that renews it is waited for until ``deadline``, on the monotonic clock.
    """
    try:
        token = find_usable_token(path, unwritten, refused)
        if token is not None:
            return Success(token)
        with hold_lock(path, deadline):
            token = find_usable_token(path, unwritten, refused)  # maybe renewed meanwhile
            if token is not None:
                return Success(token)
            return renew(read_latest(path, unwritten)).map(
                lambda new: write_if_possible(path, new, unwritten)
            )
    except LockedError as error:
        if time.monotonic() >= deadline:
            return fail("offline", f"{error}; {OUT_OF_TIME}")
        return fail("busy", str(error))
    except UntrustedFileError as error:
        return fail("config", str(error))


def find_usable_token(path: str, unwritten: Unwritten, refused: str) -> Token | None:
    """Return the latest token of a file, None if there is none that may be used now."""
    token = read_latest(path, unwritten)
    return token if token is not None and is_valid(token, refused, time.time()) else None


def save_token(path: str, token: Token) -> Result[Token, Problem]:
    """Write the token of a new login."""
    try:
        with hold_lock(path):
            write(path, token)
    except LockedError as error:
        return fail("busy", str(error))
    except UntrustedFileError as error:
        return fail("config", str(error))
    except OSError as error:
        return fail("config", f"cannot write {path}: {describe_os_error(error)}")
    return Success(token)


def is_valid(token: Token, refused: str, now: float) -> bool:
    """Return whether a token may be used.

    >>> is_valid(Token("a", expires=100, obtained=0), "", 89), is_valid(Token("a"), "a", 0)
    (True, False)
    """
    if token.access == refused:
        return False
    if token.expires is None:
        return True
    return now < token.expires - min(MARGIN, SHARE * (token.expires - token.obtained))


# ---- the file ----------------------------------------------------------------------------------


@contextmanager
def hold_lock(path: str, deadline: float = inf) -> Iterator[None]:
    """Hold the lock of a token file, so that one process renews it; raise LockedError.

    The lock ends with its process, however that ends. Where a folder takes no lock it takes no
    token either: then there is nothing to share.
    """
    from filelock import FileLock, Timeout

    patience = max(0.0, min(LOCK_TIMEOUT, deadline - time.monotonic()))
    lock = FileLock(f"{path}.lock", timeout=patience, mode=0o600)
    try:
        make_private_folder(os.path.dirname(path))
        lock.acquire()
    except Timeout as timeout:
        message = f"another process has been renewing {path} for {patience:.0f} s"
        raise LockedError(message) from timeout
    except OSError:
        pass
    try:
        yield
    finally:
        lock.release()


def read_latest(path: str, unwritten: Unwritten) -> Token | None:
    """Return a file's token, or a newer one of this Env that could not be written there."""
    tokens = (read_token(path), unwritten.get(path))
    return max(filter(None, tokens), key=lambda token: token.obtained, default=None)


def read_token(path: str) -> Token | None:
    """Return the token of a file, None where there is none that can be read.

    Raise UntrustedFileError if another user may have put it there.
    """
    try:
        require_safe_folder(path)
        with open(path, encoding="utf-8", opener=open_user_file) as file:
            return from_json(json.load(file))
    except UntrustedFileError:
        raise
    except (OSError, ValueError, RecursionError):
        return None


def from_json(data: object) -> Token | None:
    """Return the token of the JSON that ``write`` wrote, None for other JSON.

    >>> from_json({"access": "a", "refresh": "b", "obtained": 1.0, "expires": None})
    Token(access='a', refresh='b', obtained=1.0, expires=None)
    >>> from_json({"access": "a"})
    >>> from_json({"access": "a", "refresh": "", "obtained": 0, "expires": 10**400})
    """
    match data:
        case {
            "access": str(access),
            "refresh": str(refresh),
            "obtained": int() | float() as obtained,
            "expires": int() | float() | None as expires,
        } if abs(obtained) < NEVER and (expires is None or abs(expires) < NEVER):
            return Token(access, refresh, obtained, expires)
    return None


def write(path: str, token: Token) -> None:
    """Write a token into a file, whole or not at all; raise OSError."""
    require_safe_folder(path)
    write_private(path, json.dumps(token._asdict()) + "\n")


def write_if_possible(path: str, token: Token, unwritten: Unwritten) -> Token:
    """Return a token after writing it; one that cannot be written still serves this Env."""
    try:
        write(path, token)
    except OSError as error:
        unwritten[path] = token
        effect = "the new token serves only this process"
        logging.getLogger("loki").warning(
            "cannot write %s: %s; %s", path, describe_os_error(error), effect
        )
    return token
