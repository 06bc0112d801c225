"""Exceptions and addresses -> the few words of them that a message needs."""

from __future__ import annotations

from loki.edge.auth.redaction import redact


def host_of(url: str) -> str:
    """Return scheme, host and port.

    >>> host_of("https://u:p@api.example.com:8443/v1/chat")
    'https://api.example.com:8443'
    """
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.split('/')[0].rpartition('@')[2]}"


def root(error: Exception) -> Exception:
    """Return the innermost reason of a nest of exceptions."""
    inner = getattr(error, "reason", None) or next(
        (each for each in error.args if isinstance(each, Exception)), None
    )
    return root(inner) if isinstance(inner, Exception) else error


def plain(error: Exception) -> str:
    """Return an exception's reason in a few words, in lower case.

    Secrets are taken out first: nothing would know them again once they are cut.

    >>> plain(ConnectionRefusedError(111, "Connection refused"))
    'connection refused'
    """
    words = redact(str(getattr(error, "strerror", None) or error)).rpartition("] ")[2]
    words = words.rpartition("Failed to establish a new connection: ")[2].partition(" (_ssl.c")[0]
    return " ".join((words or type(error).__name__).split())[:300].strip(".()").lower()
