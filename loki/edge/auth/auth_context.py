"""What credentials are looked up with, and what was learnt on the way: AuthContext."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from returns.result import Result

from loki.edge.stdin import Opener, is_pipe, read_file, within_patience
from loki.problems import Problem
from loki.redaction.redactor import Redactor

if TYPE_CHECKING:
    from loki.edge.auth.token_cache import Token


class AuthContext:
    """The variables of an Env, the redactor that learns its secrets, and the tokens it holds."""

    def __init__(self, environ: Mapping[str, str], redactor: Redactor) -> None:
        """Start without any token."""
        self.environ = environ
        self.redactor = redactor
        self.issued: set[str] = set()  # tokens that can be renewed
        self.unwritten: dict[str, Token] = {}  # by the file where they could not be written
        self.chains: dict[object, Any] = {}  # botocore's credentials, which renew themselves
        self.vault_keys: dict[object, Result[bytes, Problem]] = {}  # each takes long to derive
        self.piped: dict[str, bytes] = {}  # what pipes gave, by path: they give it once
        self.pipe_lock = Lock()  # of many threads one reads it

    def read_file(self, path: str, deadline: float, opener: Opener | None = None) -> bytes:
        """Return what is in a file, of a pipe the same each time; raise TimeoutError or OSError."""
        if not is_pipe(path):
            return read_file(path, opener)
        until = within_patience(deadline)
        if not self.pipe_lock.acquire(timeout=max(0.0, until - monotonic())):
            raise TimeoutError
        try:
            if path not in self.piped:
                self.piped[path] = read_file(path, opener, until)
            return self.piped[path]
        finally:
            self.pipe_lock.release()
