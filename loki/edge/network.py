"""IMPURE. Request -> Opened: one attempt over the network, its limits, and what went wrong."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from returns.result import Failure, Result, Success
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError

from loki.problems import Kind, Problem, fail
from loki.records import Limits, Opened, Request
from loki.wire.chunked import Broken, join

#: One attempt; the second argument is when to stop, on the monotonic clock.
Attempt = Callable[[Request, float], Result[Opened, Problem]]

PIECE = 65536  # bytes read at once
LARGEST = 64 * 2**20  # bytes of an answer in one piece


def connected() -> Attempt:
    """One request over the network; connections are kept open for the next one."""
    adapter_for = cache(Trusting)
    proxies_for = cache(environment_proxies)

    def attempt(request: Request, deadline: float) -> Result[Opened, Problem]:
        limits = request.draft.target.limits
        adapter = adapter_for(limits.ca_bundle)
        started = time.monotonic()
        if deadline <= started:
            return fail("offline", f"no answer within {limits.total:g} s")
        try:
            answer = adapter.send(
                prepared(request),
                stream=True,
                timeout=times(limits, deadline - started),
                verify=verify(),
                cert=certificate(limits),
                proxies=own_proxy(limits) or proxies_for(host_of(request.url)),
            )
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            return Failure(no_answer(error, request, deadline))
        return Success(
            Opened(
                request=request,
                status=answer.status_code,
                headers={name.lower(): value for name, value in answer.headers.items()},
                chunks=pieces(answer, request, deadline),
                close=answer.close,
                started=started,
            )
        )

    return attempt


class Trusting(HTTPAdapter):
    """An adapter that trusts a bundle of certificates besides the usual ones."""

    def __init__(self, ca_bundle: str | None) -> None:
        self.ca_bundle = ca_bundle
        super().__init__(pool_maxsize=16)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Give the pool a TLS context of its own if there is a bundle to add."""
        if self.ca_bundle:
            import ssl

            kwargs["ssl_context"] = ssl.create_default_context()
            kwargs["ssl_context"].load_verify_locations(self.ca_bundle)
        super().init_poolmanager(*args, **kwargs)


def prepared(request: Request) -> requests.PreparedRequest:
    """The request for requests; ``auth`` keeps it from taking a password out of the url."""
    ready = requests.PreparedRequest()
    ready.prepare(
        method="POST",
        url=request.url,
        headers=dict(request.headers),
        data=request.content,
        auth=lambda same: same,
    )
    return ready


def times(limits: Limits, left: float) -> tuple[float, float]:
    """Seconds to connect, and seconds between two bytes, as much as is left of the total."""
    connect = limits.connect or 0.001
    idle = limits.idle or 0.001
    return min(connect, left), min(idle, left)


def verify() -> bool | str:
    """The certificates to trust: the environment's bundle, else the usual one."""
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    return next((os.environ[name] for name in names if os.environ.get(name)), True)


def certificate(limits: Limits) -> str | tuple[str, str] | None:
    """The client's own certificate, with its key if that is in another file."""
    if limits.client_cert and limits.client_key:
        return limits.client_cert, limits.client_key
    return limits.client_cert


def own_proxy(limits: Limits) -> dict[str, str]:
    """The client's own proxy; an empty one keeps every other from being used."""
    proxy = "" if limits.proxy == "-" else limits.proxy
    return {} if proxy is None else {"http": proxy, "https": proxy}


def environment_proxies(host: str) -> dict[str, str]:
    """The proxies that the environment names for a host; looked up once, for it takes long."""
    return requests.utils.get_environ_proxies(host)


def host_of(url: str) -> str:
    """Scheme, host and port.

    >>> host_of("https://u:p@api.example.com:8443/v1/chat")
    'https://api.example.com:8443'
    """
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.split('/')[0].rpartition('@')[2]}"


def pieces(
    answer: requests.Response, request: Request, deadline: float
) -> Iterator[Result[bytes, Problem]]:
    """The body as it comes, each piece at once; a failure comes last."""
    limits = request.draft.target.limits
    try:
        for piece in arriving(answer):
            yield Success(piece)
            if time.monotonic() > deadline:
                late = f"the answer was not whole within {limits.total:g} s"
                yield fail("offline", late, sent=True)
                return
    except (HTTPError, OSError, Broken) as error:
        yield Failure(broken(error, limits, deadline))


def arriving(answer: requests.Response) -> Iterator[bytes]:
    """The body as it arrives; a plain chunked one straight from the connection, in few pieces."""
    raw = answer.raw
    connection = getattr(getattr(raw, "_original_response", None), "fp", None)
    if raw.chunked and connection is not None and "content-encoding" not in answer.headers:
        return join(iter(lambda: connection.read1(PIECE), b""))
    return iter(lambda: raw.read1(PIECE, decode_content=True), b"")


def fetch(url: str) -> Result[bytes, Problem]:
    """A document that a user wants attached."""
    try:
        answer = requests.get(url, timeout=(10, 60), stream=True, verify=verify())
        with closing(answer):
            if answer.status_code >= 400:
                kind: Kind = "missing" if answer.status_code in (404, 410) else "input"
                return fail(kind, f"--file: {url} answers {answer.status_code}")
            data = answer.raw.read(LARGEST + 1, decode_content=True)
    except (requests.RequestException, HTTPError, OSError) as error:
        return fail("offline", f"--file: cannot fetch {url}: {plain(root(error))}")
    if len(data) > LARGEST:
        return fail("input", f"--file: {url} is over {LARGEST >> 20} MiB")
    return Success(data)


# ---- what went wrong ---------------------------------------------------------------------------


def broken(error: Exception, limits: Limits, deadline: float) -> Problem:
    """An answer that broke off."""
    if isinstance(error, (ReadTimeoutError, TimeoutError)):
        quiet = f"nothing came {patience(limits, deadline)} in the middle of the answer"
        return Problem("offline", quiet, sent=True)
    return Problem("garbled", f"the answer broke off: {plain(error)}", sent=True)


def no_answer(error: Exception, request: Request, deadline: float) -> Problem:
    """Why no answer began, and whether the request had left."""
    limits = request.draft.target.limits
    host = host_of(request.url).partition("://")[2]
    cause = root(error)
    match error:
        case requests.exceptions.ProxyError():
            return Problem(
                "offline", f"the proxy for {host} does not help: {plain(cause)}", again=True
            )
        case requests.exceptions.SSLError():
            how = "; a private authority goes into extra.ca_bundle"
            return Problem("offline", f"no trusted connection to {host}: {plain(cause)}{how}")
        case requests.exceptions.ConnectTimeout():
            return Problem(
                "offline", f"no connection to {host} within {limits.connect:g} s", again=True
            )
        case requests.exceptions.ReadTimeout():
            waited = patience(limits, deadline)
            quiet = f"{host} sent nothing {waited}; the request had been sent"
            return Problem("offline", quiet, sent=True, again=bool(limits.retry_after_send))
        case requests.exceptions.ConnectionError() if isinstance(cause, NewConnectionError):
            return Problem("offline", f"no connection to {host}: {plain(cause)}", again=True)
        case requests.exceptions.ConnectionError():
            gone = f"{host} closed the connection before an answer: {plain(cause)}"
            return Problem("offline", gone, sent=True, again=True)
        case _:
            return Problem("config", f"cannot send to {host}: {plain(cause)}")


def patience(limits: Limits, deadline: float) -> str:
    """Which of the limits ended the waiting."""
    if time.monotonic() + 0.05 >= deadline:
        return f"within {limits.total:g} s for everything"
    return f"for {limits.idle:g} s"


def root(error: Exception) -> Exception:
    """The innermost reason of a nest of exceptions."""
    inner = getattr(error, "reason", None) or next(
        (each for each in error.args if isinstance(each, Exception)), None
    )
    return root(inner) if isinstance(inner, Exception) else error


def plain(error: Exception) -> str:
    """An exception's reason in a few words.

    >>> plain(ConnectionRefusedError(111, "Connection refused"))
    'connection refused'
    """
    words = str(getattr(error, "strerror", None) or error).rpartition("] ")[2]
    return " ".join((words or type(error).__name__).split())[:300].removesuffix(".").lower()
