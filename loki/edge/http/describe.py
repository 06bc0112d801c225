"""Exceptions and URLs -> the short texts that messages show of them."""

from __future__ import annotations

from http.client import HTTPException

from loki.redaction.redactor import Redactor


def host_of(url: str) -> str:
    """Return scheme, host and port of a URL.

    >>> host_of("https://u:p@api.example.com:8443/v1/chat")
    'https://api.example.com:8443'
    """
    scheme, _, tail = url.partition("://")
    return f"{scheme}://{tail.split('/')[0].rpartition('@')[2]}"


def root_cause(error: Exception) -> Exception:
    """Return the innermost cause of nested exceptions of requests and urllib3."""
    inner = getattr(error, "reason", None) or next(
        (value for value in error.args if isinstance(value, Exception)), None
    )
    return root_cause(inner) if isinstance(inner, Exception) else error


def describe_error(error: Exception, redactor: Redactor) -> str:
    """Return the text of an exception, shortened, in lower case.

    Secrets are redacted first: once cut they would not be recognised.

    >>> describe_error(ConnectionRefusedError(111, "Connection refused"), Redactor())
    'connection refused'
    """
    text = error_text(error)
    is_line = isinstance(error, HTTPException)
    return shorten(redact_line(text, redactor) if is_line else redactor.redact(text), error)


def error_text(error: Exception) -> str:
    """Return the whole text of an exception."""
    return str(getattr(error, "strerror", None) or error)


def shorten(text: str, error: Exception) -> str:
    """Return the text of an exception, in which no secret can be, shortened, in lower case."""
    text = text.rpartition("] ")[2]
    text = text.rpartition("Failed to establish a new connection: ")[2].partition(" (_ssl.c")[0]
    return " ".join((text or type(error).__name__).split())[:300].strip(".()").lower()


def redact_line(line: str, redactor: Redactor) -> str:
    """Return a line of a server without any secret, also one that the next line would go on with.

    >>> redact_line("no sk-012345", Redactor("sk-0123456789"))
    'no ***'
    """
    return redactor.redact(f"{line}…").removesuffix("…")
