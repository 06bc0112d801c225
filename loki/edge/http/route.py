"""Request -> whether there is a way to send it: address, proxy, TLS files; nobody is connected."""

from __future__ import annotations

from math import inf

import requests
from requests.exceptions import InvalidURL
from requests.utils import select_proxy
from returns.result import Failure, Result, Success
from urllib3.exceptions import HTTPError, LocationValueError

from loki.edge.http.attempt import preparer
from loki.edge.http.deadline import Deadline
from loki.edge.http.describe import host_of
from loki.edge.http.errors import problem_before_answer
from loki.edge.http.transport import Transport, environment_proxies, own_proxy
from loki.problems import Problem
from loki.records import Request
from loki.redaction.redactor import Redactor


def check_route(
    transport: Transport, request: Request, redactor: Redactor
) -> Result[Request, Problem]:
    """Return the request; fail as sending it would before it connects to anybody."""
    limits = request.draft.target.limits
    proxies = own_proxy(limits) or environment_proxies(host_of(request.url))
    try:
        prepared = preparer()(request)
        find_pool(transport, prepared, proxies)
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        proxy = select_proxy(request.url, proxies) or ""
        clock = Deadline(1.0, inf)
        return Failure(problem_before_answer(error, request.url, limits, clock, proxy, redactor))
    return Success(request)


def find_pool(
    transport: Transport, request: requests.PreparedRequest, proxies: dict[str, str]
) -> None:
    """Find the pool of connections for a request; raise as the adapter's ``send`` does."""
    try:
        transport.get_connection_with_tls_context(request, True, proxies=proxies)
    except LocationValueError as error:
        raise InvalidURL(error, request=request) from error
    transport.request_url(request, proxies)
