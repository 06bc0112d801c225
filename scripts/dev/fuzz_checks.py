"""What the checks of the quick fuzzer share: a marked secret, failures, rows of readers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mutate import Seed
from returns.result import Result, Success

from loki.problems import EXIT_CODES, Problem

SECRET = b"mArK7Zk9xWv2kRaM"
SHOWN = 8  # characters of it that nobody may see

Row = tuple[str, float, Sequence[Seed], Callable[[bytes], None], Sequence[bytes]]


def check_hidden(text: str) -> None:
    """Check that a text shows no part of the secret, in any case."""
    seen, secret = text.lower(), SECRET.decode().lower()
    if secret[:4] in seen or secret[-4:] in seen:
        for start in range(len(secret) - SHOWN + 1):
            assert secret[start : start + SHOWN] not in seen, f"a secret is shown: {text!r}"


def check_failure(result: Result[Any, Problem], place: str = "") -> None:
    """Check that a result is a success, or a Problem that begins with its place."""
    if not isinstance(result, Success):
        problem = result.failure()
        assert isinstance(problem, Problem) and problem.kind in EXIT_CODES
        assert problem.kind != "bug" and problem.message.startswith(place), problem.message


def text_of(data: bytes) -> str:
    """Return bytes as the text of a file; what is no UTF-8 becomes halves of surrogate pairs."""
    return data.decode("utf-8", "surrogateescape")
