"""Configurations, addresses and what is shown of them, for the quick fuzzer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fuzz_checks import SECRET, Row, check_failure, check_hidden
from mutate import NOISE, Seed, scan
from returns.result import Success
from support import ROOT

from loki.config.build_config import build_config
from loki.config.parse_config import find_complaints, parse_config
from loki.config.prompt_file import read_prompt_file
from loki.edge.auth.find_secrets import secrets_in_proxy, secrets_in_url
from loki.redaction.redactor import Redactor
from loki.urls import find_proxy_fault, find_url_fault, is_url, mask_proxy, mask_url

# ---- configurations ------------------------------------------------------------------------------

CONFIGS = [path.read_bytes() for path in sorted((ROOT / "tests/config/files").glob("*.yaml"))]
SMALL = b"""model: x:m
clients:
  - type: openai-compatible
    name: x
    api_base: https://u:mArK7Zk9xWv2kRaM@a.example/v1
    api_key: mArK7Zk9xWv2kRaM
    extra: {proxy: 'http://u:mArK7Zk9xWv2kRaM@h:1', max_retries: 3}
    patch:
      chat_completions:
        '.*': {body: {a: 1}, headers: {X-Api-Key: mArK7Zk9xWv2kRaM}}
    models:
      - name: m
        input_price: 1.5
"""
YAML = (
    *(b"  ", b"\n", b"- ", b": ", b"'", b'"', b"{", b"}", b"[", b"]", b"|", b">", b"? ", b"%"),
    *(b"!!python/object:os.system x", b"<<: *a", b"\t", b"---\n", b"#", b"\0", b"&a ", b"*a"),
    b"\xef\xbb\xbf",
    *(b"null", b"~", b".inf", b".nan", b"1e999", b"0x10", b"2026-01-01", b"{{K}}", b"9" * 5000),
)  # fmt: skip
PROMPT = (
    b"#!/usr/bin/env -S loki-pipe -T\n---\n"
    b"model: x:m\nstop: [a, b]\nschema: {type: object}\n---\nHi {{ input }}\n"
)


def check_config(data: bytes) -> None:
    """Check that a configuration is read or refused, with its place."""
    text = data.decode("utf-8", "replace")
    result = parse_config(text, "it")
    check_failure(result, "it:")
    if isinstance(result, Success):
        check_failure(build_config(result.unwrap(), "it", {}))


def check_config_secrets(data: bytes) -> None:
    """Check the same of a configuration with secrets, of which no complaint shows any."""
    check_config(data)
    for complaint in find_complaints(data.decode("utf-8", "replace"))[1]:
        check_hidden(complaint.message)


def check_prompt_file(data: bytes) -> None:
    """Check that a prompt file is read or refused."""
    check_failure(read_prompt_file(data.decode("utf-8", "replace"), "it"), "it:")


# ---- addresses and what is shown -----------------------------------------------------------------

PROXIES = [
    *(b"http://u:SECRET@127.0.0.1:9", b"socks5h://SECRET:p@h:1", b"https://u%40x:SECRET@[::1]:80/"),
    *(b"u:SECRET@h:1", b"http://SECRET@h", b"//u:SECRET@h:1"),
]
ADDRESSES = [
    *(b"https://u:SECRET@a.example/v1?a=b", b"https://a.example:1/v1?key=SECRET&x=1#f"),
    *(b"https://a.example/p?api_key=SECRET", b"http://SECRET@h/"),
]
URL_WORDS = (
    *(
        b"#",
        b"/",
        b"?",
        b"@",
        b"[",
        b"]",
        b"%",
        b":",
        b"\\",
        b"&",
        b"=",
        b";",
        b" ",
        b"//",
        b"http",
    ),
    *(b"\xc3\xa9", b"99999", b"x", b"%2F", b"..", b"\n", b"htp", b"://", b"::1"),
)


def check_proxy(data: bytes) -> None:
    """Check that no text about a proxy shows its password."""
    check_shown(data, secrets_in_proxy, (find_proxy_fault, mask_proxy))


def check_address(data: bytes) -> None:
    """Check that no text about an address shows its password or key."""
    check_shown(
        data, secrets_in_url, (lambda url: mask_url(url) if is_url(url) else find_url_fault(url),)
    )


def check_shown(
    data: bytes,
    find: Callable[[str], Sequence[str]],
    show: Sequence[Callable[[str], str]],
) -> None:
    """Check that texts about an address show no secret that stands in it where secrets stand."""
    given = data.decode("utf-8", "replace")
    redactor = Redactor()
    redactor.add(*find(given))
    for each in show:
        shown = redactor.redact(each(given))
        if is_in_place(given):
            check_hidden(shown)


def is_in_place(given: str) -> bool:
    """Return whether the secret is whole, and still a password or a key."""
    before, found, after = given.partition(SECRET.decode())
    secret = SECRET.decode().lower()
    again = any(secret[at : at + 4] in (before + after).lower() for at in range(len(secret) - 3))
    user = before.rpartition("://")[2]
    is_password = after.startswith("@") and not set(user) & set("/?#\\")
    is_password = is_password or before.endswith(("?key=", "&key=", "?api_key="))
    return bool(found) and is_password and not again


def check_redaction(data: bytes) -> None:
    """Check that a text in which a secret stands is redacted, and that twice is once."""
    redactor = Redactor()
    redactor.add(SECRET.decode())
    text = data.decode("utf-8", "surrogateescape")
    shown = redactor.redact(text)
    assert SECRET.decode() not in shown
    if SECRET not in data:
        redactor.redact(shown)


ECHOES = [
    b'{"error": {"message": "Incorrect API key: ' + SECRET + b'"}}', SECRET, b"Bearer " + SECRET,
    b"%6d%41rK7Zk9xWv2kRaM bUFySzdaazl4V3Yya1JhTQ==", b"mArK7Zk9\\u0078Wv2kRaM &#109;ArK7Z...",
]  # fmt: skip


def with_secret(texts: Sequence[bytes]) -> list[Seed]:
    """Return texts with the secret in its place, as seeds without places."""
    return [Seed(text.replace(b"SECRET", SECRET)) for text in texts]


SETTINGS: tuple[Row, ...] = (
    ("configuration", 0.02, [*map(scan, CONFIGS)], check_config, YAML),
    ("small configuration", 0.1, [scan(SMALL), Seed(SMALL)], check_config_secrets, YAML),
    ("prompt file", 0.3, [Seed(PROMPT), scan(PROMPT)], check_prompt_file, YAML),
    ("proxy", 1, with_secret(PROXIES), check_proxy, URL_WORDS),
    ("address", 1, with_secret(ADDRESSES), check_address, URL_WORDS),
    ("redaction", 1, with_secret(ECHOES), check_redaction, NOISE),
)  # fmt: skip
