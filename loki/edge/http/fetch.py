"""URL -> the bytes of a document that a user wants attached."""

from __future__ import annotations

import re
import time
from contextlib import closing
from math import inf

import requests
from returns.result import Result, Success
from urllib3.exceptions import HTTPError

from loki.edge.auth.find_secrets import secrets_in_proxy, secrets_in_url
from loki.edge.http.deadline import Deadline
from loki.edge.http.describe import describe_error, host_of, root_cause
from loki.edge.http.proxies import explain_bad_proxy
from loki.edge.http.transport import environment_proxies, make_transport, own_proxy
from loki.problems import Kind, Problem, fail
from loki.records import Limits
from loki.redaction.redactor import Redactor
from loki.urls import find_url_fault, mask_url
from loki.wire.sse import MAX_EVENT_BYTES

CONNECT, IDLE = 10.0, 60.0  # seconds


def fetch(
    url: str, redactor: Redactor, proxy: str | None = None, deadline: float = inf
) -> Result[bytes, Problem]:
    """Return a document, text recoded to UTF-8; ``deadline`` is on the monotonic clock."""
    redactor.add(*secrets_in_url(url), *secrets_in_proxy(proxy or ""))
    if wrong := find_url_fault(url):
        return fail("input", f"--file: {wrong}")
    if wrong := explain_bad_proxy(proxy, url):
        return fail("config", wrong)
    return make_transport().bind(
        lambda adapter: fetch_through(adapter, url, proxy, Deadline(IDLE, deadline), redactor)
    )


def fetch_through(
    adapter: requests.adapters.HTTPAdapter,
    url: str,
    proxy: str | None,
    deadline: Deadline,
    redactor: Redactor,
) -> Result[bytes, Problem]:
    """Return a document through an adapter; redirects are followed."""
    shown = mask_url(url)
    try:
        with closing(requests.Session()) as session:
            session.mount("http://", adapter)
            session.mount("https://", adapter)
            session.auth = lambda same: same  # so that ~/.netrc is not read
            session.trust_env = False
            answer = session.get(
                url,
                timeout=deadline.timeouts(CONNECT),
                stream=True,
                proxies=own_proxy(Limits(proxy=proxy)) or environment_proxies(host_of(url)),
            )
            with closing(answer):
                return read_document(answer, shown)
    except (requests.RequestException, HTTPError, OSError) as error:
        is_late = time.monotonic() >= deadline.end
        why = (
            "the time for everything is over (total timeout)"
            if is_late
            else describe_error(root_cause(error), redactor)
        )
        return fail("offline", f"--file: cannot fetch {shown}: {why}")


def read_document(answer: requests.Response, shown: str) -> Result[bytes, Problem]:
    """Return the body of a response up to the size limit; raise HTTPError or OSError."""
    if answer.status_code >= 400:
        kind: Kind = "missing" if answer.status_code in (404, 410) else "input"
        return fail(kind, f"--file: {shown} answers {answer.status_code}")
    data = answer.raw.read(MAX_EVENT_BYTES + 1, decode_content=True)
    if len(data) > MAX_EVENT_BYTES:
        return fail("input", f"--file: {shown} is over {MAX_EVENT_BYTES >> 20} MiB")
    return Success(to_utf8(data, answer.headers.get("content-type", "")))


def to_utf8(data: bytes, content_type: str) -> bytes:
    r"""Return text in UTF-8; unchanged if no charset, or a wrong one, is declared.

    >>> to_utf8(b"caf\xe9", "text/plain; charset=ISO-8859-1").decode()
    'café'
    """
    declared = re.search(r"(?i)charset=[\"' ]*([\w.:-]+)", content_type)
    if declared is None:
        return data
    try:
        return data.decode(declared[1]).encode()
    except (LookupError, UnicodeError):
        return data
