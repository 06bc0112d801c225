"""Exception -> Problem: what went wrong on the way, and whose fault it is."""

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

from loki.edge.auth import redaction
from loki.edge.auth.redaction import redact
from loki.edge.http.certificates import UnusableFileError
from loki.edge.http.deadline import Clock
from loki.edge.http.describe import host_of, plain, root
from loki.problems import Problem
from loki.records import Limits

#: Reasons for which a certificate is not trusted that another bundle could cure (OpenSSL's codes).
UNKNOWN_ISSUER = (2, 18, 19, 20, 21, 27)


def no_answer(error: Exception, url: str, limits: Limits, clock: Clock, proxy: str) -> Problem:
    """Why no answer began; ``proxy`` is the address of the one that was used, if any."""
    host, cause = host_of(url).partition("://")[2], root(error)
    match error:
        case requests.exceptions.SSLError():
            return untrusted(cause, host, limits, clock)
        case requests.exceptions.InvalidURL() if proxy and is_about(proxy, error, cause):
            return Problem("config", f"{proxy_name(proxy)!r} is no proxy: {plain(cause)}")
        case requests.exceptions.ProxyError():
            return by_proxy(cause, host, proxy, limits, clock)
        case requests.exceptions.ConnectionError() if by_socks(proxy, cause):
            return by_proxy(cause, host, proxy, limits, clock)
        case requests.exceptions.ConnectTimeout() | requests.exceptions.ReadTimeout():
            return too_late(host, limits, clock)
        case requests.exceptions.ConnectionError() | requests.exceptions.InvalidHeader():
            return unconnected(cause, host, limits, clock)
        case UnusableFileError():
            return Problem("config", str(error))
        case _:
            return Problem("config", f"cannot send to {host}: {plain(cause)}")


def too_late(host: str, limits: Limits, clock: Clock) -> Problem:
    """A time limit that ended the waiting for an answer."""
    if not clock.sent:
        message = f"no connection to {host} {patience(limits, clock)}; nothing was sent"
        return Problem("offline", message, again=True)
    quiet = f"sent nothing {patience(limits, clock)}; the request had been sent"
    stuck = f"took no more of the request {patience(limits, clock)}"
    message = f"{host} {quiet if clock.taken else stuck}"
    return Problem("offline", message, sent=True, again=bool(limits.retry_after_send))


def unconnected(cause: Exception, host: str, limits: Limits, clock: Clock) -> Problem:
    """A connection that did not come about, or did not last."""
    if isinstance(cause, NewConnectionError):
        return Problem("offline", f"no connection to {host}: {plain(cause)}", again=True)
    if isinstance(cause, TimeoutError):
        return too_late(host, limits, clock)
    odd = isinstance(cause, (HTTPException, InvalidHeader))
    if odd and not isinstance(cause, RemoteDisconnected):
        return Problem("garbled", f"{host} does not speak HTTP: {plain(cause)}", sent=True)
    message = f"{host} closed the connection before an answer: {plain(cause)}"
    return Problem("offline", message, sent=clock.sent, again=True)


def by_proxy(cause: Exception, host: str, proxy: str, limits: Limits, clock: Clock) -> Problem:
    """What a proxy did not do; the request did not get through."""
    name, words = proxy_name(proxy), plain(cause)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return untrusted(cause, f"the proxy {name}", limits, clock)
    late = isinstance(cause, (ConnectTimeoutError, TimeoutError))
    if late and not isinstance(cause, NewConnectionError):  # which is one of the former
        message = f"no connection to {host} through the proxy {name} {patience(limits, clock)}"
        return Problem("offline", f"{message}; nothing was sent", again=True)
    if re.search(r"failed: 40[17]\b|authentication", words):  # 401 is tinyproxy's
        return Problem("offline", f"the proxy {name} {DENIED}: {words}")
    if "tunnel connection failed" in words or words.startswith("0x"):
        again = "403" not in words and not words.startswith("0x02")
        message = f"the proxy {name} does not reach {host}: {words}"
        return Problem("offline", message, again=again)
    return Problem("offline", f"no connection to the proxy {name}: {words}", again=True)


def by_socks(proxy: str, cause: Exception) -> bool:
    """Whether it is a SOCKS proxy that let no connection come about; urllib3 does not say so."""
    return proxy.lower().startswith("socks") and isinstance(cause, ConnectTimeoutError)


def is_about(proxy: str, error: Exception, cause: Exception) -> bool:
    """Whether it is a proxy's address that makes no sense."""
    kinds = (requests.exceptions.InvalidProxyURL, ProxySchemeUnknown)
    return isinstance(error, kinds) or isinstance(cause, kinds) or proxy in str(cause)


DENIED = "wants a user name and a password, or others than these, in its address"


def untrusted(cause: Exception, host: str, limits: Limits, clock: Clock) -> Problem:
    """A connection that TLS did not let happen."""
    words = plain(cause)
    if isinstance(cause, ssl.SSLCertVerificationError):
        notes = [note for note in getattr(cause, "__notes__", ()) if note]
        issuer = f"; it was issued by {notes[0]!r}" if notes else ""
        cure = f": if you trust it, set {CURE}" if cause.verify_code in UNKNOWN_ISSUER else ""
        told = f"the certificate of {host} is not trusted: {words}{issuer}{cure}"
        return Problem("offline", told)
    if isinstance(cause, ssl.SSLEOFError):
        message = f"{host} closed the connection before an answer: {words}"
        return Problem("offline", message, sent=clock.sent, again=True)
    if any(hint in words for hint in DEMANDS) and not limits.client_cert:
        words += "; it may want a certificate of yours: extra.client_cert and extra.client_key"
    if "wrong version number" in words:
        words += "; is it http:// there, not https://?"
    return Problem("offline", f"no TLS connection to {host}: {words}", sent=clock.sent)


CURE = "extra.ca_bundle to the file of its issuer's certificate"
#: What servers say that want to see a certificate.
DEMANDS = ("certificate required", "handshake failure", "bad certificate", "certificate unknown")


def broken(error: Exception, limits: Limits, clock: Clock) -> Problem:
    """An answer that broke off."""
    if isinstance(error, (ReadTimeoutError, TimeoutError)):
        quiet = f"nothing came {patience(limits, clock)} in the middle of the answer"
        if time.monotonic() >= clock.end:
            quiet = f"the answer was not whole {patience(limits, clock)}"
        return Problem("offline", quiet, sent=True, again=bool(limits.retry_after_send))
    if isinstance(error, DecodeError):
        return Problem("garbled", f"the answer cannot be unpacked: {plain(error)}", sent=True)
    return Problem("garbled", f"the answer broke off: {damage(root(error))}", sent=True, again=True)


def damage(cause: Exception) -> str:
    """Return what is wrong with a body that is not as HTTP wants it.

    >>> import urllib3
    >>> damage(IncompleteRead(b""))
    'the connection ended before the last chunk'
    >>> damage(urllib3.exceptions.IncompleteRead(3, 5))
    'the connection ended 5 bytes before the answer did'
    """
    match cause:
        case IncompleteRead(__context__=IncompleteRead() as inner):
            return damage(inner)
        case IncompleteRead(__context__=ValueError() as odd) if not str(odd).endswith("b''"):
            return f"no chunk begins with {redact(str(odd).rpartition(': ')[2])[:60]}"
        case LineTooLong():
            return f"no chunk begins with a line like this: {plain(cause)}"
        case IncompleteRead(expected=int(left)):
            return f"the connection ended {left:,} bytes before the answer did"
        case IncompleteRead():
            return "the connection ended before the last chunk"
    return plain(cause)


# ---- words -------------------------------------------------------------------------------------


def patience(limits: Limits, clock: Clock) -> str:
    """Which of the limits ended the waiting."""
    if time.monotonic() + 0.05 >= clock.end:
        return f"within {limits.total:g} s for everything (total timeout)"
    if not clock.sent:
        return f"within {limits.connect:g} s (connect timeout)"
    return f"for {limits.idle:g} s (idle timeout)"


def proxy_name(proxy: str) -> str:
    """A proxy's address without its credentials, which are never printed from now on.

    >>> proxy_name("http://user:pass%21@proxy.example:3128/")
    'http://proxy.example:3128'
    """
    try:
        password = urlsplit(proxy).password
    except ValueError:
        password = None
    if password:
        redaction.add(password, unquote(password))
    scheme, found, _ = proxy.rpartition("@")[0].partition("://") if "@" in proxy else ("", "", "")
    bare = proxy.rpartition("@")[2].rstrip("/")
    return f"{scheme}://{bare}" if found else bare
