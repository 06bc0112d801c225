"""IMPURE. Request -> Opened: one attempt over the network, within its limits."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache, lru_cache, partial
from threading import local
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.utils import select_proxy
from returns.result import Failure, Result, Success
from urllib3.exceptions import HTTPError

from loki.edge.adapters import Swift, adapter, environment_proxies, own_proxy, verify
from loki.edge.proxies import wrong_proxy
from loki.edge.trip import Trip, on_its_way
from loki.edge.words import host_of, plain, root
from loki.problems import Kind, Problem, fail
from loki.records import Limits, Opened, Request
from loki.urls import mask_url
from loki.wire.chunked import Broken
from loki.wire.sse import LARGEST

if TYPE_CHECKING:
    pass

#: One attempt; the second argument is when to stop, on the monotonic clock.
Attempt = Callable[[Request, float], Result[Opened, Problem]]


def connected() -> Attempt:
    """One request over the network; every thread keeps connections open for its next one."""
    own = local()
    proxies_for = cache(environment_proxies)

    def attempt(request: Request, deadline: float) -> Result[Opened, Problem]:
        limits = request.draft.target.limits
        if deadline <= time.monotonic():
            return fail("offline", f"no answer within {limits.total:g} s (total timeout)")
        proxies = own_proxy(limits) or proxies_for(host_of(request.url))
        if not hasattr(own, "adapter"):
            own.adapter = cache(partial(adapter, kind=Swift))
        files = limits.ca_bundle, limits.client_cert, limits.client_key
        swift: Result[Swift, Problem] = own.adapter(*files)
        return swift.bind(lambda adapter: answer_of(adapter, request, proxies, deadline))

    return attempt


def answer_of(
    adapter: Swift, request: Request, proxies: dict[str, str], deadline: float
) -> Result[Opened, Problem]:
    """The answer to a request, once it has begun."""
    limits = request.draft.target.limits
    started = time.monotonic()
    trip = Trip(limits.idle or 0.001, deadline)
    before = on_its_way.set(trip)
    try:
        answer: Any = adapter.send(
            prepared(request),
            stream=True,
            timeout=(connect_within(limits, deadline - started), None),  # the trip has the rest
            proxies=proxies,
        )
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        from loki.edge.faults import no_answer

        proxy = select_proxy(request.url, proxies) or ""
        return Failure(no_answer(error, request.url, limits, trip, proxy))
    finally:
        on_its_way.reset(before)
    return Success(
        Opened(
            request=request,
            status=answer.status,
            headers=answer.headers,
            chunks=pieces(answer.chunks, limits, trip),
            close=answer.close,
            started=started,
        )
    )


def prepared(request: Request) -> requests.PreparedRequest:
    """The request for requests, as it is: nothing is looked for in the url or in ~/.netrc."""
    ready = requests.PreparedRequest()
    ready.url, host = prepared_url(request.url)
    ready.method, ready.body = "POST", request.content
    own = {*map(str.lower, request.headers)}
    ready.headers = {  # type: ignore[assignment]  # any mapping does
        **({} if "host" in own else {"Host": host}),
        **({} if "accept-encoding" in own else {"Accept-Encoding": "identity"}),
        **{name: value for name, value in request.headers.items() if name.lower() not in FRAMING},
        "Content-Length": str(len(request.content)),
    }
    return ready


FRAMING = ("content-length", "transfer-encoding")  # where the body ends is not a patch's to say


@lru_cache(256)
def prepared_url(url: str) -> tuple[str, str]:
    """An address as it travels, and the host in it; raises ValueError."""
    ready = requests.PreparedRequest()
    ready.prepare_url(url, None)
    parts = urlsplit(ready.url or "")
    usual = {"http": ":80", "https": ":443"}[parts.scheme]
    return ready.url or "", parts.netloc.rpartition("@")[2].removesuffix(usual)


def connect_within(limits: Limits, left: float) -> float:
    """Seconds to connect, as much as is left of the total."""
    return max(0.001, min(limits.connect or 0.001, left))


def pieces(chunks: Iterator[bytes], limits: Limits, trip: Trip) -> Iterator[Result[bytes, Problem]]:
    """The body as it comes, each piece at once; a failure comes last."""
    try:
        yield from map(Success, chunks)
    except (HTTPError, OSError, Broken) as error:
        from loki.edge.faults import broken

        yield Failure(broken(error, limits, trip))


# ---- a document that a user wants attached -------------------------------------------------------


def fetch(url: str, proxy: str | None = None) -> Result[bytes, Problem]:
    """A document that a user wants attached; a text in UTF-8, whatever it came in."""
    if wrong := wrong_proxy(proxy, url):
        return fail("config", wrong)
    shown = mask_url(url)
    try:
        answer = requests.get(
            url,
            timeout=(10, 60),
            stream=True,
            verify=verify(),
            proxies=own_proxy(Limits(proxy=proxy)),
            auth=lambda same: same,  # nor does it take one from ~/.netrc
        )
        with closing(answer):
            if answer.status_code >= 400:
                kind: Kind = "missing" if answer.status_code in (404, 410) else "input"
                return fail(kind, f"--file: {shown} answers {answer.status_code}")
            data = answer.raw.read(LARGEST + 1, decode_content=True)
    except (requests.RequestException, HTTPError, OSError) as error:
        return fail("offline", f"--file: cannot fetch {shown}: {plain(root(error))}")
    if len(data) > LARGEST:
        return fail("input", f"--file: {shown} is over {LARGEST >> 20} MiB")
    return Success(in_utf8(data, answer.headers.get("content-type", "")))


def in_utf8(data: bytes, content_type: str) -> bytes:
    r"""A text in UTF-8; what declares no charset, or a wrong one, as it is.

    >>> in_utf8(b"caf\xe9", "text/plain; charset=ISO-8859-1").decode()
    'café'
    """
    declared = re.search(r"(?i)charset=[\"' ]*([\w.:-]+)", content_type)
    if declared is None:
        return data
    try:
        return data.decode(declared[1]).encode()
    except (LookupError, UnicodeError):
        return data
