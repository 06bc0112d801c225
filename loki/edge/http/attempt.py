"""Request -> OpenResponse: one attempt over the network, within its limits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, lru_cache, partial
from http.client import IncompleteRead
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
from requests.utils import select_proxy
from returns.result import Failure, Result, Success
from urllib3.exceptions import HTTPError

from loki.edge.http.deadline import Deadline
from loki.edge.http.describe import host_of, root_cause
from loki.edge.http.transport import Transport, Transports, environment_proxies, own_proxy
from loki.problems import Problem, fail
from loki.records import Limits, Request
from loki.redaction.redactor import Redactor
from loki.replies import OpenResponse

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

#: One attempt; the second argument is when to stop, on the monotonic clock.
Attempt = Callable[[Request, float], Result[OpenResponse, Problem]]

#: Makes of a request what ``requests`` sends; may raise ValueError.
Prepare = Callable[[Request], requests.PreparedRequest]

PIECE = 65536  # bytes of an answer at once
UNPACKED_PIECE = 2**20  # bytes of a packed answer at once, of which urllib3 < 2.6 makes copies
LATE = 0.001  # seconds to wait for the end of an answer that nobody listens to any more


def connect(
    redactor: Redactor,
    on_idle: Callable[[], None] | None = None,
    prepare: Prepare | None = None,
) -> Attempt:
    """Return a function that sends a request once; all threads share its connections.

    ``on_idle`` is called four times a second while nothing comes; what it raises ends the wait.
    ``prepare`` makes what is sent of a request, where it is more than its own bytes.
    """
    transports, prepare = Transports(), prepare or preparer()
    proxies_for = cache(environment_proxies)

    def attempt(request: Request, deadline: float) -> Result[OpenResponse, Problem]:
        limits = request.draft.target.limits
        if deadline <= time.monotonic():
            return fail("offline", f"no answer within {limits.total:g} s (total timeout)")
        proxies = own_proxy(limits) or proxies_for(host_of(request.url))
        clock = Deadline(limits.idle or 0.001, deadline, on_idle)
        return transports.get(limits).bind(
            lambda transport: open_response(transport, request, proxies, clock, redactor, prepare)
        )

    return attempt


def open_response(
    transport: Transport,
    request: Request,
    proxies: dict[str, str],
    deadline: Deadline,
    redactor: Redactor,
    prepare: Prepare | None = None,
) -> Result[OpenResponse, Problem]:
    """Send a request, and return the answer once it has begun."""
    limits = request.draft.target.limits
    started = time.monotonic()
    try:
        answer = transport.send(
            (prepare or preparer())(request),
            stream=True,
            timeout=deadline.timeouts(limits.connect or 0),
            proxies=proxies,
        )
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        from loki.edge.http.errors import problem_before_answer

        proxy = select_proxy(request.url, proxies) or ""
        return Failure(problem_before_answer(error, request.url, limits, deadline, proxy, redactor))
    pieces = read_pieces(answer.raw)
    return Success(
        OpenResponse(
            request=request,
            status=answer.status_code,
            headers={name.lower(): value for name, value in answer.headers.items()},
            chunks=as_results(pieces, limits, deadline, redactor),
            close=partial(release, answer, pieces, deadline),
            started=started,
        )
    )


def preparer() -> Prepare:
    """Return what makes of a request what requests sends; it remembers how addresses are sent."""
    return partial(prepare_request, lru_cache(256)(prepare_url))


def prepare_request(
    prepare_url: Callable[[str], tuple[str, str]], request: Request
) -> requests.PreparedRequest:
    """Return the request as requests sends it; no credentials are looked up in ~/.netrc."""
    prepared = requests.PreparedRequest()
    prepared.url, host = prepare_url(request.url)
    prepared.method, prepared.body = request.draft.method, request.content or None
    given = {*map(str.lower, request.headers)}
    prepared.headers = {  # type: ignore[assignment]  # any mapping does
        **({} if "host" in given else {"Host": host}),
        **({} if "accept-encoding" in given else {"Accept-Encoding": "identity"}),
        **{name: value for name, value in request.headers.items() if name.lower() not in FRAMING},
        **({} if request.draft.method == "GET" else {"Content-Length": str(len(request.content))}),
    }
    return prepared


#: Headers that say where the body ends: a patch cannot change them.
FRAMING = ("content-length", "transfer-encoding")


def prepare_url(url: str) -> tuple[str, str]:
    """Return a URL as it is sent, and its Host header; raise ValueError."""
    prepared = requests.PreparedRequest()
    prepared.prepare_url(url, None)
    parts = urlsplit(prepared.url or "")
    usual = {"http": ":80", "https": ":443"}[parts.scheme]
    return prepared.url or "", parts.netloc.rpartition("@")[2].removesuffix(usual)


def read_pieces(raw: BaseHTTPResponse) -> Iterator[bytes]:
    """Yield the body as it comes, decompressed; raise HTTPError or OSError."""
    is_packed = raw.headers.get("content-encoding", "identity") != "identity"
    most = UNPACKED_PIECE if is_packed else PIECE
    try:
        while piece := raw.read1(most, decode_content=is_packed):
            yield piece
    except HTTPError as error:
        cause = root_cause(error)
        if isinstance(cause, IncompleteRead) and isinstance(cause.partial, bytes) and cause.partial:
            yield cause.partial
        raise


def as_results(
    pieces: Iterator[bytes], limits: Limits, deadline: Deadline, redactor: Redactor
) -> Iterator[Result[bytes, Problem]]:
    """Yield each piece of the body as a Result; a failure comes last."""
    try:
        yield from map(Success, pieces)
    except (HTTPError, OSError) as error:
        from loki.edge.http.errors import problem_within_answer

        yield Failure(problem_within_answer(error, limits, deadline, redactor))


def release(answer: requests.Response, pieces: Iterator[bytes], deadline: Deadline) -> None:
    """Release the connection: it is reused if the end of the body has already come, else closed."""
    deadline.idle, deadline.on_idle = LATE, None
    with suppress(HTTPError, OSError):
        next(pieces, None)
    answer.close()
