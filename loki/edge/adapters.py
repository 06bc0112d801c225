"""IMPURE. A prepared request -> an answer that has begun: whom to trust, and connections kept.

These are transport adapters of requests, which connects, through proxies and TLS too. Over a
connection that is open a request and its answer take the short way.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Literal
from weakref import finalize

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy
from returns.result import Result, Success

from loki.edge.arrival import Arrival
from loki.edge.connection import LARGE, Punctual, punctual
from loki.edge.words import host_of, plain
from loki.problems import Problem, fail
from loki.records import Limits

if TYPE_CHECKING:
    from ssl import SSLContext

#: What the environment may name instead of the usual certificates.
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


class Trusting(HTTPAdapter):
    """An adapter with certificates besides the usual ones, also where a proxy is between."""

    def __init__(
        self,
        ca_bundle: str | None = None,
        client_cert: str | None = None,
        client_key: str | None = None,
    ) -> None:
        """Raises OSError for files that are not there or not what they should be."""
        named = ca_bundle or client_cert
        self.context = context(ca_bundle, client_cert, client_key) if named else None
        super().__init__(pool_connections=POOLS, pool_maxsize=2)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Give the pool the TLS context, if there is one."""
        if self.context is not None:
            kwargs["ssl_context"] = self.context
        super().init_poolmanager(*args, **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """The same for the pool behind a proxy; one that speaks TLS itself is always verified."""
        if self.context is not None:
            kwargs["ssl_context"] = self.context
        if proxy.lower().startswith("https:"):  # requests does not, where the server speaks HTTP
            kwargs["proxy_ssl_context"] = self.context or context()
            kwargs["ssl_context"] = kwargs["proxy_ssl_context"]  # urllib3 before 2.8 takes this one
        return super().proxy_manager_for(proxy, **kwargs)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Prepare a pool as requests does, but have a proxy's certificate verified too.

        urllib3 before 2.8 asks the pool, which requests sets by the server: none for HTTP.
        """
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
        if not url.lower().startswith("https:"):
            conn.cert_reqs = "CERT_REQUIRED"

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """The pool for a request, with connections that are in time."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = punctual(pool.ConnectionCls)
        return pool


class Swift(Trusting):
    """The same for one thread: a connection that is open is used again at once."""

    def __init__(self, *files: str | None) -> None:
        self.idle: dict[tuple[str, str], Punctual] = {}
        finalize(self, put_down, self.idle)
        super().__init__(*files)

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, *, proxies: dict[str, str], **named: Any
    ) -> Any:
        """Send a request; raises as requests does."""
        key = host_of(request.url or ""), repr(proxies)
        connection = self.open(key)
        if connection is not None:
            answer: Any = exchange(connection, *self.said(request, connection, proxies))
        else:
            answer = super().send(request, proxies=proxies, verify=verify(), **named)
        answer.keep = partial(self.keep, key)
        return answer if isinstance(answer, Arrival) else MadeUp(answer)

    def open(self, key: tuple[str, str]) -> Punctual | None:
        """Return the kept connection, unless it has ended or anything waits on it."""
        connection = self.idle.pop(key, None)
        if connection is None or connection.is_quiet():
            return connection
        connection.close()
        return None

    def said(
        self, request: requests.PreparedRequest, connection: Punctual, proxies: dict[str, str]
    ) -> tuple[Any, ...]:
        """What goes over a connection; a proxy that reads it wants the whole address, and more."""
        proxy = proxies and select_proxy(request.url or "", proxies)
        if not proxy or connection.proxy_is_tunneling:
            return request.method, request.path_url, request.body, request.headers
        headers = {**request.headers, **self.proxy_headers(proxy)}
        return request.method, self.request_url(request, proxies), request.body, headers

    def keep(self, key: tuple[str, str], connection: Punctual) -> None:
        """Keep a quiet connection for the next request; the one that waits longest has to go."""
        if not connection.is_quiet():
            connection.close()
            return
        if before := self.idle.pop(key, None):
            before.close()
        while len(self.idle) >= POOLS:
            self.idle.pop(next(iter(self.idle))).close()
        self.idle[key] = connection

    def build_response(self, req: Any, resp: Any) -> Any:
        """The answer as it came."""
        return resp if isinstance(resp, Arrival) else super().build_response(req, resp)


def exchange(connection: Punctual, *request: Any) -> Arrival:
    """Send a request over a connection that is open; raises as requests does."""
    try:
        with suppress(BrokenPipeError, ConnectionResetError):  # it may have said why
            connection.request(*request)
    except OSError as error:
        connection.close()
        raise requests.ConnectionError(error) from error
    try:
        answer: Arrival = connection.getresponse()
    except (OSError, HTTPException) as error:
        connection.close()
        late = isinstance(error, TimeoutError)
        raise (requests.ReadTimeout if late else requests.ConnectionError)(error) from error
    except BaseException:
        connection.close()
        raise
    return answer


def put_down(idle: dict[tuple[str, str], Punctual]) -> None:
    """Close connections that nobody will use again."""
    for connection in idle.values():
        connection.close()


class MadeUp:
    """An answer that the package ``responses`` made up for a user's test, as an Arrival."""

    def __init__(self, answer: requests.Response) -> None:
        self.status, self.close = answer.status_code, answer.close
        self.headers = {name.lower(): value for name, value in answer.headers.items()}
        self.chunks = answer.iter_content(LARGE)


POOLS = 32  # servers that an adapter keeps connections to


def adapter(
    ca_bundle: str | None,
    client_cert: str | None,
    client_key: str | None,
    kind: type[Trusting] = Trusting,
) -> Result[Trusting, Problem]:
    """What sends requests; its connections trust these files besides the usual ones."""
    try:
        return Success(kind(ca_bundle, client_cert, client_key))
    except OSError as error:
        return fail("config", str(error))


def context(
    ca_bundle: str | None = None, client_cert: str | None = None, client_key: str | None = None
) -> SSLContext:
    """TLS with the usual trust and more; raises OSError that says which file is no good."""
    from urllib3.util.ssl_ import create_urllib3_context

    made = create_urllib3_context()
    usual = verify()
    trust(made, "the usual certificates", DEFAULT_CA_BUNDLE_PATH if usual is True else usual)
    if ca_bundle:
        trust(made, "extra.ca_bundle", ca_bundle)
    if client_cert:
        key = client_key and os.path.expanduser(client_key)
        try:  # with a password, so that nobody is asked for one at the terminal
            made.load_cert_chain(os.path.expanduser(client_cert), key, password="")
        except OSError as error:  # ssl.SSLError is one
            names = " with ".join(filter(None, (client_cert, client_key)))
            raise OSError(f"extra.client_cert: cannot use {names}: {plain(error)}") from error
    return made


def trust(made: SSLContext, setting: str, path: str) -> None:
    """Trust what is in a file or a folder; raises OSError."""
    place = os.path.expanduser(path)
    try:
        if os.path.isdir(place):
            made.load_verify_locations(capath=place)
        else:
            made.load_verify_locations(cafile=place)
    except OSError as error:
        raise OSError(f"{setting}: cannot use {path}: {plain(error)}") from error


def verify() -> Literal[True] | str:
    """The certificates to trust: the environment's bundle, else the usual one."""
    return next((os.environ[name] for name in BUNDLES if os.environ.get(name)), True)


def own_proxy(limits: Limits) -> dict[str, str]:
    """The client's own proxy; an empty one keeps every other from being used."""
    proxy = "" if limits.proxy == "-" else limits.proxy
    return {} if proxy is None else {"http": proxy, "https": proxy}


def environment_proxies(host: str) -> dict[str, str]:
    """The proxies that the environment names for a host; looked up once, for it takes long."""
    return requests.utils.get_environ_proxies(host)
