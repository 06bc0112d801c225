"""IMPURE. Draft -> every secret that it carries; Problem -> the same without any of them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from returns.result import Result

from loki.config.setting_names import SENSITIVE
from loki.edge.auth.secrets import in_json, redact
from loki.problems import Problem
from loki.records import Draft, Json, Request

A = TypeVar("A")

#: The parts of a body that are the user's own words.
ASKED = ("messages", "contents", "input", "tools", "system", "systemInstruction", "toolConfig")


def carried(draft: Draft) -> Iterator[str]:
    """What nobody should see of a request: in its headers, its body, its address, its proxy."""
    places = (
        in_headers(draft.headers),
        in_body(draft.body),
        in_url(draft.url),
        in_url(draft.target.limits.proxy or ""),
    )
    return (form for place in places for secret in place for form in forms(secret))


def in_proxies(environ: Mapping[str, str]) -> Iterator[str]:
    """What nobody should see of the proxies that the environment names."""
    proxies = (value for name, value in environ.items() if name.lower().endswith("_proxy"))
    return (form for proxy in proxies for secret in in_url(proxy) for form in forms(secret))


@lru_cache(256)
def forms(secret: str) -> set[str]:
    r"""A secret as others may repeat it: in Python's words, in JSON that stands in JSON.

    >>> sorted(forms('a"b')), forms("abc")
    (['a"b', 'a\\\\\\"b'], {'abc'})
    """
    return {secret, repr(secret)[1:-1], in_json(in_json(secret))}


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
    """Who goes there and with which password, as it is written and as it travels; and its keys.

    >>> in_url("http://u:p%40@a.example/?key=k")
    ('u:p%40', 'p%40', 'p@', 'dTpwQA==', 'k')
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return ()
    user, at, _ = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    plain = unquote(password)
    travels = b64encode(f"{unquote(name)}:{plain}".encode()).decode()
    keys = (
        value
        for name, value in parse_qsl(parts.query)
        if SENSITIVE.search(name) or "sig" in name.lower()
    )
    return (*((user, password or name, plain, travels) if at else ()), *keys)


def in_body(body: Json) -> Iterator[str]:
    """The texts under telling names, which only a patch puts there.

    >>> list(in_body({"messages": [{"key": "no"}], "store": {"api_key": "k"}}))
    ['k']
    """
    for name, value in body.items() if isinstance(body, dict) else ():
        if name in ASKED:
            continue
        if isinstance(value, str) and SENSITIVE.search(name):
            yield value
        yield from in_body(value)


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
