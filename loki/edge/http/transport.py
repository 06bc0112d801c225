"""The transport adapter of requests that all threads share: trust, pools and proxies."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from returns.result import Result, Success

from loki.edge.http.certificates import UnusableFileError, ssl_context
from loki.edge.http.connection import with_deadlines
from loki.problems import Problem, fail
from loki.records import Limits

if TYPE_CHECKING:
    from ssl import SSLContext

MAX_POOLS, MAX_CONNECTIONS = 32, 512  # servers, and connections to each, that are kept open


class Transport(HTTPAdapter):
    """An adapter whose connections keep deadlines and share one TLS context.

    To load the usual certificates takes 20 ms: once here, where requests does it for each
    connection. Any number of threads use one of these.
    """

    def __init__(self, *files: str | None) -> None:
        """Take the arguments of ``ssl_context``; raise UnusableFileError."""
        self.lock, self.files = Lock(), files
        self.tls: SSLContext | None = None
        self.found: dict[tuple[str, str | None, str], Any] = {}  # by URL and proxies
        if any(files):
            self.context()  # so that a file is named even where the server speaks plain HTTP
        super().__init__(pool_connections=MAX_POOLS, pool_maxsize=MAX_CONNECTIONS)

    def context(self) -> SSLContext:
        """Return the shared TLS context, made on first use; raise UnusableFileError."""
        with self.lock:
            if self.tls is None:
                self.tls = ssl_context(*self.files)
            return self.tls

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pool manager, whose connections keep deadlines."""
        super().init_poolmanager(*args, **kwargs)
        keep_deadlines(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Return the pool manager of a proxy; a proxy behind TLS is always verified."""
        if proxy.lower().startswith("https:"):  # requests does not, where the server speaks HTTP
            kwargs["proxy_ssl_context"] = kwargs["ssl_context"] = self.context()
        with self.lock:
            is_new = proxy not in self.proxy_manager
            manager = super().proxy_manager_for(proxy, **kwargs)
            if is_new:
                keep_deadlines(manager)
        return manager

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """Return the attributes of the pool for a request: https uses our TLS context."""
        host: Any
        pool: Any
        host, pool = super().build_connection_pool_key_attributes(request, True)
        pool.pop("ssl_context", None)  # that of requests < 2.33, where the server speaks HTTP
        if host["scheme"] == "https":
            pool["ssl_context"] = self.context()
        return host, pool

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> Any:
        """Return the pool for a request."""
        find = partial(super().get_connection_with_tls_context, request, *args, **kwargs)
        return self.find_once("pool", request, kwargs.get("proxies"), find)

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        """Return what the first line of a request names."""
        find = partial(super().request_url, request, proxies)
        return str(self.find_once("url", request, proxies, find))

    def find_once(
        self,
        what: str,
        request: requests.PreparedRequest,
        proxies: Any,
        find: Callable[[], Any],
    ) -> Any:
        """Return what was found for the same URL before: to find it takes a tenth of a call."""
        key = what, request.url, repr(proxies)
        known = self.found.get(key)
        if known is None:
            if len(self.found) >= 2 * MAX_POOLS:
                self.found.clear()
            known = self.found[key] = find()
        return known

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Return the Response without extracting cookies, which no API sets."""
        response = requests.Response()
        response.status_code, response.reason = resp.status, resp.reason
        response.headers = CaseInsensitiveDict(resp.headers)
        response.encoding = get_encoding_from_headers(response.headers)
        response.raw, response.request, response.url = resp, req, req.url or ""
        return response

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Do nothing: requests would load its own bundle for each connection."""


def keep_deadlines(manager: Any) -> None:
    """Make the connections of a pool manager keep deadlines."""
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {
        scheme: with_deadlines(pool) for scheme, pool in pools.items()
    }


class Transports:
    """A Transport for each set of certificate files; a forked process gets its own."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.transports: dict[tuple[object, ...], Result[Transport, Problem]] = {}

    def get(self, limits: Limits) -> Result[Transport, Problem]:
        """Return the transport for a client's certificate files."""
        files = limits.ca_bundle, limits.client_cert, limits.client_key
        key = os.getpid(), *files
        if known := self.transports.get(key):
            return known
        with self.lock:
            if key not in self.transports:
                self.transports[key] = make_transport(*files)
            return self.transports[key]


def make_transport(*files: str | None) -> Result[Transport, Problem]:
    """Return a Transport that trusts these certificate files besides the default bundle."""
    try:
        return Success(Transport(*files))
    except UnusableFileError as error:
        return fail("config", str(error))


# ---- proxies -------------------------------------------------------------------------------------


def own_proxy(limits: Limits) -> dict[str, str]:
    """Return the client's own proxy by scheme; an empty one switches off the environment's.

    >>> own_proxy(Limits()), own_proxy(Limits(proxy="-"))
    ({}, {'http': '', 'https': ''})
    """
    proxy = "" if limits.proxy == "-" else limits.proxy
    return {} if proxy is None else {"http": proxy, "https": proxy}


def environment_proxies(host: str) -> dict[str, str]:
    """Return the environment's proxies for a host, by scheme; slow, so cache the result."""
    return requests.utils.get_environ_proxies(host)
