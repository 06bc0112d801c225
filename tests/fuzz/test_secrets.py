"""Addresses, proxies and patches typed wrong, and what servers repeat: no secret is ever shown."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

from hypothesis import assume, example, given
from hypothesis import strategies as st
from returns.result import Success

from loki.config.patches import read_patch
from loki.edge.auth.find_secrets import secrets_in_body, secrets_in_proxy, secrets_in_url
from loki.redaction.redactor import Redactor
from loki.redaction.spellings import encoded_spellings
from loki.urls import find_proxy_fault, find_url_fault, is_url, mask_proxy, mask_url

TYPED = "mArK7Zk9xWv2kRaM"
HALVES = (TYPED[:8], TYPED[8:])

#: What may stand between the halves of a password, where nobody encoded it.
BETWEEN = st.sampled_from(["", "#", "/", "?", "@", "[", "]", "%", ":", "%2F", "\\", "&", "=", "é"])
SCHEMES = st.sampled_from(
    [
        "http://",
        "https://",
        "socks5://",
        "socks5h://",
        "htp://",
        "http:/",
        "http//",
        "http:",
        "://",
        "",
    ]
)
HOSTS = st.sampled_from(
    ["a.example", "h:99999", "h:x", "", ":3128", "[::1", "[::1]:80", "127.0.0.1:9/", "h/p?q", " h"]
)
USERS = st.sampled_from(["u:", "", ":", "u%40x:", "u:p:", "ü:"])


def hidden(text: str) -> None:
    """Check that a text shows no half of the secret, in any case."""
    for half in HALVES:
        assert half.lower() not in text.lower(), text


@given(scheme=SCHEMES, user=USERS, between=BETWEEN, host=HOSTS)
def test_no_proxy_shows_its_password(scheme: str, user: str, between: str, host: str) -> None:
    proxy = f"{scheme}{user}{between.join(HALVES)}@{host}"
    redactor = Redactor()
    redactor.add(*secrets_in_proxy(proxy))
    hidden(redactor.redact(find_proxy_fault(proxy)))
    hidden(redactor.redact(mask_proxy(proxy)))


QUERIES = st.sampled_from(
    [
        "?key=SECRET",
        "?a=b&api_key=SECRET",
        "#token=SECRET",
        ";sig=SECRET",
        "?key=SECRET#",
        "&pass=SECRET",
    ]
)


@given(scheme=SCHEMES, user=USERS, between=BETWEEN, host=HOSTS, query=QUERIES | st.just(""))
@example(scheme="http://", user="", between="#", host="a.example", query="")
def test_no_address_shows_its_password_or_key(
    scheme: str, user: str, between: str, host: str, query: str
) -> None:
    assume(user or between not in ("/", "\\"))  # that is a host and a path
    redactor = Redactor()
    for url in (
        f"{scheme}{user}{between.join(HALVES)}@{host}",
        f"{scheme}{host}/v1{query.replace('SECRET', TYPED)}",
    ):
        redactor.add(*secrets_in_url(url))
        shown = mask_url(url) if is_url(url) else find_url_fault(url)
        hidden(redactor.redact(shown))


JSON: Any = st.recursive(
    st.none() | st.integers() | st.just("plain"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["url", "a", "body", "headers", "tools"]), inner)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from(["api_key", "X-Api-Key", "token", "client_secret", "Cookie", "password"])


@given(around=JSON, name=NAMES, listed=st.booleans(), place=st.integers(0, 20))
def test_a_key_deep_in_a_patch_is_known(around: Any, name: str, listed: bool, place: int) -> None:
    leaf = {name: [TYPED] if listed else TYPED}
    holders = [each for each in walk({"body": around}) if isinstance(each, (dict, list))]
    holder = holders[place % len(holders)]
    if isinstance(holder, dict):
        holder["inside"] = leaf
    else:
        holder.append(leaf)
    patch = {"body": around if isinstance(around, dict) else {"inside": around, **leaf}}
    assert TYPED in {*secrets_in_body(patch["body"], ())} or TYPED not in json.dumps(patch)
    result = read_patch(patch, "--patch")
    assert isinstance(result, Success)
    hidden(repr(result.unwrap()))


def walk(value: Any) -> list[Any]:
    """Return a JSON value and all within it."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(each for child in inner for each in walk(child))]


# ---- what a server repeats -----------------------------------------------------------------------


def coloured(text: str) -> str:
    """Return a text with a control sequence inside."""
    return f"{text[:5]}\x1b[31m{text[5:]}"


ENCODERS: list[Callable[[str], str]] = [
    str, str.lower, str.upper, json.dumps, repr, html.escape, lambda text: quote(text, safe=""),
    lambda text: text.encode().decode("latin-1"),
    lambda text: "\u200b".join(text), lambda text: f"{text[:7]}\r\n\t{text[7:]}",
    coloured,
]  # fmt: skip
LAST: list[Callable[[bytes], bytes]] = [
    base64.b64encode, base64.urlsafe_b64encode, base64.b32encode, lambda data: data.hex().encode(),
]  # fmt: skip
PLAIN = st.text("abcdefghijkXYZ0123456789-_.~", min_size=12, max_size=40)


@given(
    secret=PLAIN,
    encoders=st.lists(st.sampled_from(ENCODERS), max_size=2),
    around=st.tuples(st.text(max_size=9), st.text(max_size=9)),
)
@example(secret="sk-0123456789ab", encoders=[str.upper, json.dumps], around=("…", "…"))
def test_what_a_server_repeats_shows_no_secret(
    secret: str, encoders: list[Callable[[str], str]], around: tuple[str, str]
) -> None:
    redactor = Redactor()
    redactor.add(secret)
    text = secret
    for encode in sorted(encoders, key=lambda each: each is coloured):  # a torn sequence is seen
        text = encode(text)
    before, after = (each.encode("utf-8", "replace").decode() for each in around)
    shown = redactor.redact(f"{before}|{text}|{after}")
    assert "***" in shown
    seen = re.sub(
        r"\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|\\[ntr]|\[31m|[^!-~]", "", unquote(unquote(shown))
    )
    assert secret.lower() not in seen.lower()


@given(
    secret=PLAIN,
    encode=st.sampled_from(LAST),
    around=st.tuples(st.binary(max_size=9), st.binary(max_size=9)),
)
def test_nothing_that_is_encoded_shows_a_secret(
    secret: str, encode: Callable[[bytes], bytes], around: tuple[bytes, bytes]
) -> None:
    redactor = Redactor()
    redactor.add(secret)
    text = encode(around[0] + secret.encode() + around[1]).decode()
    shown = redactor.redact(text)
    assert "***" in shown and len(shown) < len(text)
    parts = (each.decode().lower() for each in encoded_spellings(secret.encode()))
    assert not any(part in shown.lower() for part in parts if len(part) > 12)


@given(
    secrets=st.lists(st.text(min_size=4, max_size=12), max_size=4),
    text=st.text(max_size=40),
    size=st.integers(0, 12),
)
def test_any_text_is_redacted_without_a_crash_and_twice_is_once(
    secrets: list[str], text: str, size: int
) -> None:
    redactor = Redactor()
    redactor.add(*secrets)
    for secret in secrets:
        shown = redactor.redact(f"{text}{secret}{text} {secret[:size]}… {text}")
        assert secret not in shown or secret in "***"
