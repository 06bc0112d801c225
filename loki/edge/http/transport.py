"""IMPURE. Whom to trust and which way to go: the transport adapter of requests for all threads."""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from returns.result import Result, Success

from loki.edge.http.certificates import UnusableFileError, context
from loki.edge.http.dial import patient
from loki.problems import Problem, fail
from loki.records import Limits

if TYPE_CHECKING:
    from ssl import SSLContext

POOLS, KEPT = 32, 512  # servers, and connections to each, that are kept open


class Transport(HTTPAdapter):
    """An adapter whose connections keep deadlines and share one TLS context.

    To load the usual certificates takes 20 ms: once here, where requests does it for each
    connection. Any number of threads use one of these.
    """

    def __init__(self, *files: str | None) -> None:
        """Take the files of ``context``; raise UnusableFileError."""
        self.lock, self.files = Lock(), files
        self.made: SSLContext | None = None
        self.pools: dict[tuple[str | None, str], Any] = {}
        if any(files):
            self.context()  # so that a file is named even where the server speaks plain HTTP
        super().__init__(pool_connections=POOLS, pool_maxsize=KEPT)

    def context(self) -> SSLContext:
        """Return the TLS context, made when it is first needed; raise UnusableFileError."""
        with self.lock:
            if self.made is None:
                self.made = context(*self.files)
            return self.made

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the manager of pools, whose connections are to be patient."""
        super().init_poolmanager(*args, **kwargs)
        with_patience(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Return the same for a proxy; one that speaks TLS itself is always verified."""
        if proxy.lower().startswith("https:"):  # requests does not, where the server speaks HTTP
            kwargs["proxy_ssl_context"] = kwargs["ssl_context"] = self.context()
        with self.lock:
            is_new = proxy not in self.proxy_manager
            manager = super().proxy_manager_for(proxy, **kwargs)
            if is_new:
                with_patience(manager)
        return manager

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """Return which pool a request needs: behind TLS one with our own context."""
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
        """Return the pool for a request; to find it anew takes a tenth of a call."""
        way = request.url, repr(kwargs.get("proxies"))
        pool = self.pools.get(way)
        if pool is None:
            if len(self.pools) >= POOLS:
                self.pools.clear()
            pool = super().get_connection_with_tls_context(request, *args, **kwargs)
            self.pools[way] = pool
        return pool

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Return an answer without looking for cookies, which no API sets."""
        made = requests.Response()
        made.status_code, made.reason = resp.status, resp.reason
        made.headers = CaseInsensitiveDict(resp.headers)
        made.encoding = get_encoding_from_headers(made.headers)
        made.raw, made.request, made.url = resp, req, req.url or ""
        return made

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave it all to the context: requests would load its own bundle for each connection."""


def with_patience(manager: Any) -> None:
    """Give a manager of pools connections that keep deadlines."""
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: patient(pool) for scheme, pool in pools.items()}


class Transports:
    """One Transport for each set of files; a forked process has its own, as two cannot share."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.made: dict[tuple[object, ...], Result[Transport, Problem]] = {}

    def of(self, limits: Limits) -> Result[Transport, Problem]:
        """Return the transport for the certificates of a client."""
        files = limits.ca_bundle, limits.client_cert, limits.client_key
        key = os.getpid(), *files
        if made := self.made.get(key):
            return made
        with self.lock:
            if key not in self.made:
                self.made[key] = transport(*files)
            return self.made[key]


def transport(*files: str | None) -> Result[Transport, Problem]:
    """Return what sends requests; its connections trust these files besides the usual ones."""
    try:
        return Success(Transport(*files))
    except UnusableFileError as error:
        return fail("config", str(error))


# ---- proxies -------------------------------------------------------------------------------------


def own_proxy(limits: Limits) -> dict[str, str]:
    """Return the client's own proxy; an empty one keeps every other from being used.

    >>> own_proxy(Limits()), own_proxy(Limits(proxy="-"))
    ({}, {'http': '', 'https': ''})
    """
    proxy = "" if limits.proxy == "-" else limits.proxy
    return {} if proxy is None else {"http": proxy, "https": proxy}


def environment_proxies(host: str) -> dict[str, str]:
    """Return the proxies that the environment names for a host; to find them takes long."""
    return requests.utils.get_environ_proxies(host)
