"""Addresses as they may be shown, and what is wrong with one: neither ever shows a secret."""

from __future__ import annotations

import re
from urllib.parse import urlsplit


def userinfo(url: str) -> str:
    """Return what stands before the host, ``user:password``, however badly it is written.

    >>> userinfo("https://u:p@a.example/models/m@1"), userinfo("http://u:p/q@a.example")
    ('u:p', 'u:p/q')
    """
    if is_url(url):
        return urlsplit(url).netloc.rpartition("@")[0]
    return (url.partition("://")[2] or url).rpartition("@")[0]


def is_url(url: str) -> bool:
    """Return whether it is an http or https address with a host and a possible port.

    A colon with nothing after it is no port: what follows may be a password that begins with ``/``.
    Nor is an ``@`` behind ``#``, or alone behind ``?``: what is before it may be a password.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # which may be none
    except ValueError:
        return False
    is_torn = "@" in parts.fragment or ("@" in parts.query and "=" not in parts.query)
    has_host = bool(parts.hostname) and not parts.netloc.endswith(":")
    return parts.scheme in ("http", "https") and has_host and not is_torn


def mask_url(url: str) -> str:
    """Return an address without the secrets that some put into it.

    >>> mask_url("https://u:p@host/x?key=abc&alt=sse")
    'https://***@host/x?key=***&alt=sse'
    """
    user = userinfo(url)
    bare = url.replace(f"{user}@", "***@", 1) if user else url
    return re.sub(SECRET, r"\1***", bare)


SECRET = r"(?i)([?&#;][^=?&#;]*(?:key|token|secret|sig|pass)[^=?&#;]*=)[^&#]*"


def mask_proxy(proxy: str) -> str:
    """Return the same of a proxy, which has a password more often than a path.

    >>> mask_proxy("http://u:p/q@host:3128"), mask_proxy("u:p@host:3128"), mask_proxy("host:3128")
    ('http://***@host:3128', '***@host:3128', 'host:3128')
    >>> mask_proxy("u:p@h://q@host:3128")
    '***@host:3128'
    """
    scheme, separator, address = split_scheme(proxy)
    user, at, host = address.rpartition("@")
    if not at and not has_port(host):  # the host is missing, and this is the password
        host = f"{host.partition(':')[0]}:***"
    return re.sub(SECRET, r"\1***", f"{scheme}{separator}{'***@' if at else ''}{host}")


# ---- what is wrong -------------------------------------------------------------------------------


def find_url_fault(url: str) -> str:
    """Return why a request cannot go there, empty if it can.

    >>> find_url_fault("api.example.com/v1")
    "'api.example.com/v1' is not an http or https address"
    """
    return "" if is_url(url) else f"{mask_malformed_url(url)!r} is not an http or https address"


def mask_malformed_url(url: str) -> str:
    """Return so much of an address that is none as cannot be a secret.

    >>> mask_malformed_url("htp://u:p/q@a.example/v1/x?k=v"), mask_malformed_url("sk0123456789")
    ('htp://***@a.example/v1/x?***', '***')
    """
    scheme, separator, address = url.partition("://")
    user, at, bare = (address if separator else url).rpartition("@")
    path, *query = re.split("[?#;]", bare, maxsplit=1)
    shown = "".join("***" if is_like_a_key(piece) else piece for piece in re.split(PIECES, path))
    start = f"{scheme}{separator}" if separator and not is_like_a_key(scheme) else ""
    return f"{start}{'***@' if at else ''}{shown}{f'{bare[len(path)]}***' if query else ''}"


PIECES = "([/:.=&])"


def mask_keys(text: str) -> str:
    """Return a text in which no word may be a key.

    >>> mask_keys("Bearer sk-0123456789"), mask_keys("in 30 minutes"), mask_keys("9" * 20)
    ('Bearer ***', 'in 30 minutes', '99999999999999999999')
    """
    words = re.split(r"([\s/:.,;=&]+)", text)
    return "".join(
        "***" if is_like_a_key(word) and not word.isdecimal() else word for word in words
    )


def is_like_a_key(piece: str) -> bool:
    """Return whether a part of an address may be a key: long, or letters and digits mixed."""
    mixed = re.search(r"\d", piece) and re.search(r"[^\W\d]", piece)
    return len(piece) >= (8 if mixed else 16)


def find_proxy_fault(proxy: str) -> str:
    """Return why an address cannot be a proxy's, empty if it can; of a scheme nothing is said.

    >>> find_proxy_fault("http://u:p#q@a.example:3128")
    "'http://***@a.example:3128' is no proxy: a '#' in its password has to be written %23"
    >>> find_proxy_fault("http://u:p@"), find_proxy_fault("a.example:3128")
    ("'http://***@' is no proxy: it names no host", '')
    >>> find_proxy_fault("http://u:p@a.example:99999")
    "'http://***@a.example' is no proxy: its port is no number up to 65535"
    """
    scheme, separator, address = split_scheme(proxy)
    user, at, host = address.rpartition("@")
    odd = next((character for character in "/?#[]" if character in user), "")
    if odd:
        how = f"a {odd!r} in its password has to be written %{ord(odd):02X}"
        return f"{mask_proxy(proxy)!r} is no proxy: {how}"
    name = re.match(r"\[[^]]*\]|[^:/?#]*", host)
    shown = f"{scheme}{separator}{'***@' if at else ''}{name[0] if name else ''}"
    if not name or not name[0]:
        return f"{shown!r} is no proxy: it names no host"
    return "" if has_port(host) else f"{shown!r} is no proxy: its port is no number up to 65535"


def split_scheme(address: str) -> tuple[str, str, str]:
    """Return scheme, separator and the rest; what stands before ``://`` may be a password too.

    >>> split_scheme("http://a"), split_scheme("u:p@://h")
    (('http', '://', 'a'), ('', '', 'u:p@://h'))
    """
    has_scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", address) is not None
    return address.partition("://") if has_scheme else ("", "", address)


def has_port(host: str) -> bool:
    """Return whether what follows a host is a possible port, or none."""
    try:
        return (urlsplit(f"//{host}").port or 1) > 0
    except ValueError:
        return False


def may_carry_secrets(url: str) -> bool:
    """Return whether a request to an address is encrypted, or stays on this machine.

    >>> may_carry_secrets("https://a.example/token"), may_carry_secrets("http://[::1]:8/t"), may_carry_secrets("http://a.example")
    (True, True, False)
    """
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.scheme == "https" or is_loopback(url))
    except ValueError:
        return False


def is_loopback(url: str) -> bool:
    """Return whether an address is in plain http and on this machine.

    >>> is_loopback("http://127.0.0.1:9999/cb"), is_loopback("https://a.example/cb")
    (True, False)
    """
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
