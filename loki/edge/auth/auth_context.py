"""What credentials are looked up with, and what was learnt on the way: AuthContext."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from returns.result import Result

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
