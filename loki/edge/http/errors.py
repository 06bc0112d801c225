"""Exception -> Problem: what failed between here and the server, and what would help."""

from __future__ import annotations

import re
import ssl
import time
from http.client import HTTPException, IncompleteRead, LineTooLong, RemoteDisconnected
from urllib.parse import unquote, urlsplit

import requests
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    InvalidHeader,
    NewConnectionError,
    ProxySchemeUnknown,
    ReadTimeoutError,
)

from loki.edge.http.certificates import UnusableFileError
from loki.edge.http.deadline import Deadline
from loki.edge.http.describe import describe_error, host_of, redact_line, root_cause
from loki.problems import Problem
from loki.records import Limits
from loki.redaction.redactor import Redactor

#: OpenSSL's verify codes that a bundle with the right issuer would cure.
UNKNOWN_ISSUER = (2, 18, 19, 20, 21, 27)


def problem_before_answer(
    error: Exception, url: str, limits: Limits, deadline: Deadline, proxy: str, redactor: Redactor
) -> Problem:
    """Return the Problem of a call that got no answer; ``proxy`` is the one in use, or empty."""
    redactor.add(*proxy_passwords(proxy))
    host, cause = host_of(url).partition("://")[2], root_cause(error)
    text = describe_error(cause, redactor)
    match error:
        case requests.exceptions.SSLError():
            return tls_problem(cause, text, host, limits, deadline)
        case requests.exceptions.InvalidURL() if proxy and is_proxy_address_error(
            proxy, error, cause
        ):
            return Problem("config", f"{proxy_name(proxy)!r} is no proxy: {text}")
        case requests.exceptions.ProxyError():
            return proxy_problem(cause, text, host, proxy, limits, deadline)
        case requests.exceptions.ConnectionError() if is_socks_failure(proxy, cause):
            return proxy_problem(cause, text, host, proxy, limits, deadline)
        case requests.exceptions.ConnectTimeout() | requests.exceptions.ReadTimeout():
            return timeout_problem(host, limits, deadline)
        case requests.exceptions.ConnectionError() | requests.exceptions.InvalidHeader():
            return connection_problem(cause, text, host, limits, deadline)
        case UnusableFileError():
            return Problem("config", str(error))
        case _:
            return Problem("config", f"cannot send to {host}: {text}")


def timeout_problem(host: str, limits: Limits, deadline: Deadline) -> Problem:
    """Return the Problem of a time limit that passed before an answer."""
    if not deadline.sent:
        message = f"no connection to {host} {expired_limit(limits, deadline)}; nothing was sent"
        return Problem("offline", message, retryable=True)
    quiet = f"sent nothing {expired_limit(limits, deadline)}; the request had been sent"
    stuck = f"took no more of the request {expired_limit(limits, deadline)}"
    message = f"{host} {quiet if deadline.sent_all else stuck}"
    return Problem("offline", message, sent=True, retryable=bool(limits.retry_after_send))


def connection_problem(
    cause: Exception, text: str, host: str, limits: Limits, deadline: Deadline
) -> Problem:
    """Return the Problem of a connection that failed or broke before an answer."""
    if isinstance(cause, NewConnectionError):
        return Problem("offline", f"no connection to {host}: {text}", retryable=True)
    if isinstance(cause, TimeoutError):
        return timeout_problem(host, limits, deadline)
    odd = isinstance(cause, (HTTPException, InvalidHeader))
    if odd and not isinstance(cause, RemoteDisconnected):
        return Problem("garbled", f"{host} does not speak HTTP: {text}", sent=True)
    message = f"{host} closed the connection before an answer: {text}"
    return Problem("offline", message, sent=deadline.sent, retryable=True)


def proxy_problem(
    cause: Exception, text: str, host: str, proxy: str, limits: Limits, deadline: Deadline
) -> Problem:
    """Return the Problem of a proxy that did not connect; nothing was sent."""
    name = proxy_name(proxy)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return tls_problem(cause, text, f"the proxy {name}", limits, deadline)
    late = isinstance(cause, (ConnectTimeoutError, TimeoutError))
    if late and not isinstance(cause, NewConnectionError):  # which is one of the former
        message = (
            f"no connection to {host} through the proxy {name} {expired_limit(limits, deadline)}"
        )
        return Problem("offline", f"{message}; nothing was sent", retryable=True)
    if re.search(r"failed: 40[17]\b|authentication", text):  # 401 is tinyproxy's
        return Problem("offline", f"the proxy {name} {WANTS_CREDENTIALS}: {text}")
    if "tunnel connection failed" in text or text.startswith("0x"):
        again = "403" not in text and not text.startswith("0x02")
        message = f"the proxy {name} does not reach {host}: {text}"
        return Problem("offline", message, retryable=again)
    return Problem("offline", f"no connection to the proxy {name}: {text}", retryable=True)


def is_socks_failure(proxy: str, cause: Exception) -> bool:
    """Return whether a SOCKS proxy failed to connect; urllib3 has no exception for it."""
    return proxy.lower().startswith("socks") and isinstance(cause, ConnectTimeoutError)


def is_proxy_address_error(proxy: str, error: Exception, cause: Exception) -> bool:
    """Return whether an error is about the address of the proxy."""
    kinds = (requests.exceptions.InvalidProxyURL, ProxySchemeUnknown)
    return isinstance(error, kinds) or isinstance(cause, kinds) or proxy in str(cause)


WANTS_CREDENTIALS = "wants a user name and a password, or others than these, in its address"


def tls_problem(
    cause: Exception, text: str, host: str, limits: Limits, deadline: Deadline
) -> Problem:
    """Return the Problem of a TLS handshake that failed."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        notes = [note for note in getattr(cause, "__notes__", ()) if note]
        issuer = f"; it was issued by {notes[0]!r}" if notes else ""
        cure = (
            f": if you trust it, set {BUNDLE_HINT}" if cause.verify_code in UNKNOWN_ISSUER else ""
        )
        message = f"the certificate of {host} is not trusted: {text}{issuer}{cure}"
        return Problem("offline", message)
    if isinstance(cause, ssl.SSLEOFError):
        message = f"{host} closed the connection before an answer: {text}"
        return Problem("offline", message, sent=deadline.sent, retryable=True)
    if any(hint in text for hint in CLIENT_CERTIFICATE_WORDS) and not limits.client_cert:
        text += "; it may want a certificate of yours: extra.client_cert and extra.client_key"
    if "wrong version number" in text:
        text += "; is it http:// there, not https://?"
    return Problem("offline", f"no TLS connection to {host}: {text}", sent=deadline.sent)


BUNDLE_HINT = "extra.ca_bundle to the file of its issuer's certificate"
#: Alerts of servers that want a client certificate.
CLIENT_CERTIFICATE_WORDS = (
    "certificate required",
    "handshake failure",
    "bad certificate",
    "certificate unknown",
)


def problem_within_answer(
    error: Exception, limits: Limits, deadline: Deadline, redactor: Redactor
) -> Problem:
    """Return the Problem of an answer that broke off."""
    if isinstance(error, (ReadTimeoutError, TimeoutError)):
        quiet = f"nothing came {expired_limit(limits, deadline)} in the middle of the answer"
        if time.monotonic() >= deadline.end:
            quiet = f"the answer was not whole {expired_limit(limits, deadline)}"
        return Problem("offline", quiet, sent=True, retryable=bool(limits.retry_after_send))
    if isinstance(error, DecodeError):
        why = describe_error(error, redactor)
        return Problem("garbled", f"the answer cannot be unpacked: {why}", sent=True)
    why = describe_damage(root_cause(error), redactor)
    return Problem("garbled", f"the answer broke off: {why}", sent=True, retryable=True)


def describe_damage(cause: Exception, redactor: Redactor) -> str:
    """Return what is wrong with a body that breaks HTTP's framing.

    >>> import urllib3
    >>> describe_damage(IncompleteRead(b""), Redactor())
    'the connection ended before the last chunk'
    >>> describe_damage(urllib3.exceptions.IncompleteRead(3, 5), Redactor())
    'the connection ended 5 bytes before the answer did'
    """
    match cause:
        case IncompleteRead(__context__=IncompleteRead() as inner):
            return describe_damage(inner, redactor)
        case IncompleteRead(__context__=ValueError() as odd) if not str(odd).endswith("b''"):
            line = str(odd).rpartition(": ")[2].removesuffix("'").removesuffix(r"\r\n")
            return f"no chunk begins with {redact_line(line, redactor)[:60]}'"
        case LineTooLong():
            return f"no chunk begins with a line like this: {describe_error(cause, redactor)}"
        case IncompleteRead(expected=int(left)):
            return f"the connection ended {left:,} bytes before the answer did"
        case IncompleteRead():
            return "the connection ended before the last chunk"
    return describe_error(cause, redactor)


# ---- texts for messages -------------------------------------------------------------------------


def expired_limit(limits: Limits, deadline: Deadline) -> str:
    """Return which time limit has passed, as a phrase for a message."""
    if time.monotonic() + 0.05 >= deadline.end:
        return f"within {limits.total:g} s for everything (total timeout)"
    if not deadline.sent:
        return f"within {limits.connect:g} s (connect timeout)"
    return f"for {limits.idle:g} s (idle timeout)"


def proxy_name(proxy: str) -> str:
    """Return a proxy's address without its credentials.

    >>> proxy_name("http://user:pass%21@proxy.example:3128/")
    'http://proxy.example:3128'
    """
    scheme, separator, _ = (
        proxy.rpartition("@")[0].partition("://") if "@" in proxy else ("", "", "")
    )
    bare = proxy.rpartition("@")[2].rstrip("/")
    return f"{scheme}://{bare}" if separator else bare


def proxy_passwords(proxy: str) -> tuple[str, ...]:
    """Return the password in a proxy's address, as written and as sent; () where there is none.

    >>> proxy_passwords("http://user:pass%21@proxy.example:3128/")
    ('pass%21', 'pass!')
    """
    try:
        password = urlsplit(proxy).password
    except ValueError:
        password = None
    return (password, unquote(password)) if password else ()
