"""Draft -> the secrets in it; Problem, answer -> the same without any known secret."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import chain
from typing import TypeVar
from urllib.parse import unquote

from returns.result import Result

from loki.config.setting_names import is_sensitive
from loki.json_text import Json, JsonObject
from loki.problems import Problem
from loki.providers import wire_of
from loki.record import replace
from loki.records import Draft, Patch, Request
from loki.redaction.redactor import Redactor
from loki.urls import userinfo

A = TypeVar("A")


def secrets_in_draft(draft: Draft) -> Iterator[str]:
    """Yield the secrets in a draft's headers, body, address and proxy."""
    places = (
        secrets_in_headers(draft.headers),
        secrets_in_body(draft.body, wire_of(draft.target).content_keys),
        secrets_in_url(draft.url),
        secrets_in_proxy(draft.target.limits.proxy or ""),
    )
    return chain.from_iterable(places)


def secrets_in_patch(patch: Patch) -> Iterator[str]:
    """Yield the secrets in a patch that was given on the command line or in a file.

    >>> list(secrets_in_patch(Patch(body={"api_key": "k"}, headers={"X-Api-Key": None})))
    ['k']
    """
    headers = {name: value for name, value in patch.headers.items() if value is not None}
    yield from secrets_in_headers(headers)
    yield from secrets_in_body(patch.body, ())
    yield from secrets_in_url(patch.url or "")


def secrets_in_proxies(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the secrets in the addresses of proxies that the environment names."""
    proxies = (value for name, value in environ.items() if name.lower().endswith("_proxy"))
    return chain.from_iterable(map(secrets_in_proxy, proxies))


def secrets_in_headers(headers: Mapping[str, str]) -> Iterator[str]:
    """Yield the values of headers with sensitive names, with and without their scheme.

    >>> list(secrets_in_headers({"Authorization": "Basic dTpw", "Accept": "*/*"}))
    ['Basic dTpw', 'dTpw']
    """
    for name, value in headers.items():
        if is_sensitive(name):
            yield from with_bare_token(value)


def secrets_in_url(url: str) -> tuple[str, ...]:
    """Return user and password of an address, as written and as sent, and keys in its query.

    >>> secrets_in_url("http://u:p%40@a.example/?key=k")
    ('u:p%40', 'p%40', 'p@', 'dTpwQA==', 'k')
    """
    return (*secrets_in_userinfo(userinfo(url)), *keys_in_query(url))


def keys_in_query(url: str) -> tuple[str, ...]:
    """Return the keys in the query of an address."""
    pairs = re.findall(QUERY, url) if "=" in url else ()
    return tuple(value for name, value in pairs if is_sensitive(name) or is_signature(name))


#: Names and values of a query, also where an address is written so badly that it has none.
QUERY = r"[?&#;]([^=?&#;]*)=([^&#]*)"


def is_signature(name: str) -> bool:
    """Return whether a parameter is a signature, as Azure's and Amazon's are named."""
    return "sig" in name.lower()


def secrets_in_proxy(proxy: str) -> tuple[str, ...]:
    """Return the same of a proxy, and the pieces of a password that should have been encoded.

    >>> secrets_in_proxy("http://u:p#q@a.example:3128")
    ('u:p#q', 'p#q', 'p#q', 'dTpwI3E=', 'u:p', 'q', 'p', 'q')
    """
    user = proxy.partition("://")[2].rpartition("@")[0] or proxy.rpartition("@")[0]
    whole = secrets_in_userinfo(user)
    torn = (piece for text in (user, *whole[1:2]) for piece in re.split("[][/?#@]", text))
    return (*whole, *(torn if re.search("[][/?#@]", user) else ()), *keys_in_query(proxy))


def secrets_in_userinfo(user: str) -> tuple[str, ...]:
    """Return ``user:password``, the password alone, and both as a header carries them."""
    if not user:
        return ()
    name, _, password = user.partition(":")
    decoded = unquote(password)
    basic = b64encode(f"{unquote(name)}:{decoded}".encode()).decode()
    return user, password or name, decoded, basic


def secrets_in_body(
    body: Json, content_keys: Collection[str], is_secret: Callable[[str], bool] = is_sensitive
) -> Iterator[str]:
    """Yield the texts under sensitive names, which only a patch or a server's tool puts there.

    Under ``content_keys`` are the user's own words, where only a header is sensitive.

    >>> list(secrets_in_body({"messages": [{"key": "no"}], "a": [{"api_key": "k"}]}, ["messages"]))
    ['k']
    >>> list(secrets_in_body({"tools": [{"headers": {"Authorization": "Bearer t"}}]}, ["tools"]))
    ['Bearer t', 't']
    >>> list(secrets_in_body({"api_keys": ["k", "l"], "schema": {"key": {"type": "string"}}}, []))
    ['k', 'l']
    >>> list(secrets_in_body({"password": 12345678, "max_tokens": 9, "secret": True}, []))
    ['12345678']
    """
    if isinstance(body, list):
        for item in body:
            yield from secrets_in_body(item, content_keys, is_secret)
    for name, value in body.items() if isinstance(body, dict) else ():
        within = is_authorization if name in content_keys else is_secret
        if within(name):
            texts = (*texts_in(value), *numbers_in(name, value))
            yield from chain.from_iterable(map(with_bare_token, texts))
        yield from secrets_in_body(value, content_keys, within)


def is_authorization(name: str) -> bool:
    """Return whether a name, among the user's own words, is that of a credential.

    A tool that runs at the provider (MCP) has one.
    """
    return name.lower() in ("authorization", "authorization_token", "x-api-key")


def texts_in(value: Json) -> list[str]:
    """Return a text, or those of a list, as a list."""
    texts = value if isinstance(value, list) else [value]
    return [text for text in texts if isinstance(text, str)]


def numbers_in(name: str, value: Json) -> list[str]:
    """Return numbers that are secrets by their name, as JSON writes them: no count of tokens is.

    >>> numbers_in("api_key", [1234, 5.5]), numbers_in("stop_token_ids", [1]), numbers_in("key", [])
    (['1234', '5.5'], [], [])
    """
    numbers = value if isinstance(value, list) else [value]
    is_secret = re.search(SECRET_NUMBER, name) is not None
    return [str(each) for each in numbers if is_secret and type(each) in (int, float)]


#: Names of secrets that can be numbers; max_tokens, budget_tokens, token_ids are none.
SECRET_NUMBER = (
    r"(?i)(pass(word|wd|phrase|code)?|secret|credentials?|cookie|signature|auth(orization)?"
    r"|keys?|token)$"
)


def with_bare_token(text: str) -> tuple[str, ...]:
    """Return the value of a header as it is, and without its scheme if it has one."""
    return (text, text.rpartition(" ")[2]) if " " in text else (text,)


def long_path_segments(address: str) -> Iterator[str]:
    """Yield path segments of 16 or more characters of a URL that is a secret itself (webhooks).

    >>> list(long_path_segments("https://a.example/hook/0123456789abcdef/v1"))
    ['0123456789abcdef']
    """
    return (piece for piece in address.split("/")[3:] if len(piece) >= LONG)


LONG = 16  # characters: what is shorter may be any word


def with_redaction(
    call: Callable[[Request], Result[A, Problem]], redactor: Redactor
) -> Callable[[Request], Result[A, Problem]]:
    """Wrap a call so that its problems show no known secret, whatever a server repeats."""
    return lambda request: call(request).alt(lambda problem: redact_problem(problem, redactor))


def redact_problem(problem: Problem, redactor: Redactor) -> Problem:
    """Return the problem without any known secret."""
    redact = redactor.redact
    return replace(
        problem,
        message=redact(problem.message),
        code=problem.code and redact(problem.code),
        request_id=problem.request_id and redact(problem.request_id),
    )


def redact_reply_facts(reply: JsonObject, redactor: Redactor) -> JsonObject:
    """Return an answer whose facts, which a server wrote, show no known secret."""
    return {
        name: redactor.redact(value) if name in FACTS and isinstance(value, str) else value
        for name, value in reply.items()
    }


FACTS = ("finish_raw", "request_id")
