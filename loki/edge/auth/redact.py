"""IMPURE. Draft -> every secret that it carries; Problem -> the same without any of them."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from typing import TypeVar
from urllib.parse import unquote

from returns.result import Result

from loki.config.setting_names import SENSITIVE
from loki.edge.auth.redaction import redact
from loki.problems import Problem
from loki.providers import wire_of
from loki.records import Draft, Json, JsonObject, Request
from loki.urls import userinfo

A = TypeVar("A")


def carried(draft: Draft) -> Iterator[str]:
    """What nobody should see of a request: in its headers, its body, its address, its proxy."""
    places = (
        in_headers(draft.headers),
        in_body(draft.body, wire_of(draft.target).content_keys),
        in_url(draft.url),
        in_proxy(draft.target.limits.proxy or ""),
    )
    return chain.from_iterable(places)


def in_proxies(environ: Mapping[str, str]) -> Iterator[str]:
    """What nobody should see of the proxies that the environment names."""
    proxies = (value for name, value in environ.items() if name.lower().endswith("_proxy"))
    return chain.from_iterable(map(in_proxy, proxies))


def in_headers(headers: Mapping[str, str]) -> Iterator[str]:
    """The values of headers with telling names, with and without their scheme.

    >>> list(in_headers({"Authorization": "Basic dTpw", "Accept": "*/*"}))
    ['Basic dTpw', 'dTpw']
    """
    for name, value in headers.items():
        if SENSITIVE.search(name):
            yield value
            yield value.rpartition(" ")[2]


@lru_cache(256)
def in_url(url: str) -> tuple[str, ...]:
    """Return who goes there and with which password, as it is written and as it travels; and keys.

    >>> in_url("http://u:p%40@a.example/?key=k")
    ('u:p%40', 'p%40', 'p@', 'dTpwQA==', 'k')
    """
    keys = (value for name, value in QUERY.findall(url) if SENSITIVE.search(name) or is_sig(name))
    return (*in_userinfo(userinfo(url)), *keys)


#: Names and values of a query, also where an address is written so badly that it has none.
QUERY = re.compile(r"[?&#;]([^=?&#;]*)=([^&#]*)")


def is_sig(name: str) -> bool:
    """Return whether a parameter is a signature, as Azure's and Amazon's are named."""
    return "sig" in name.lower()


@lru_cache(256)
def in_proxy(proxy: str) -> tuple[str, ...]:
    """Return the same of a proxy, and the pieces of a password that should have been encoded.

    >>> in_proxy("http://u:p#q@a.example:3128")
    ('u:p#q', 'p#q', 'p#q', 'dTpwI3E=', 'u:p', 'q', 'p', 'q')
    """
    user = proxy.partition("://")[2].rpartition("@")[0] or proxy.rpartition("@")[0]
    whole = in_userinfo(user)
    torn = (piece for text in (user, *whole[1:2]) for piece in re.split("[][/?#@]", text))
    return (*whole, *(torn if re.search("[][/?#@]", user) else ()))


def in_userinfo(user: str) -> tuple[str, ...]:
    """Return what nobody should see of ``user:password``, and its form in a header."""
    if not user:
        return ()
    name, _, password = user.partition(":")
    plain = unquote(password)
    return user, password or name, plain, b64encode(f"{unquote(name)}:{plain}".encode()).decode()


def in_body(body: Json, content_keys: Collection[str]) -> Iterator[str]:
    """The texts under telling names, which only a patch puts there; not the user's own content.

    >>> list(in_body({"messages": [{"key": "no"}], "store": {"api_key": "k"}}, ["messages"]))
    ['k']
    """
    for name, value in body.items() if isinstance(body, dict) else ():
        if name in content_keys:
            continue
        if isinstance(value, str) and SENSITIVE.search(name):
            yield value
        yield from in_body(value, content_keys)


def in_secret(address: str) -> Iterator[str]:
    """The long pieces of an address that is a secret itself.

    >>> list(in_secret("https://a.example/hook/0123456789abcdef/v1"))
    ['0123456789abcdef']
    """
    return (piece for piece in address.split("/")[3:] if len(piece) >= LONG)


LONG = 16  # characters: what is shorter may be any word


def discreet(
    call: Callable[[Request], Result[A, Problem]],
) -> Callable[[Request], Result[A, Problem]]:
    """A call whose problems repeat no secret, whatever a server repeats."""
    return lambda request: call(request).alt(without_secrets)


def without_secrets(problem: Problem) -> Problem:
    """The same problem, fit to be shown."""
    return replace(
        problem,
        message=redact(problem.message),
        code=problem.code and redact(problem.code),
        request_id=problem.request_id and redact(problem.request_id),
    )


def redact_facts(told: JsonObject) -> JsonObject:
    """Return an answer in which what the server says beside its text repeats no secret."""
    return {
        name: redact(value) if name in FACTS and isinstance(value, str) else value
        for name, value in told.items()
    }


FACTS = ("finish_raw", "request_id")
