"""Addresses as they may be shown: neither a good one nor a bad one ever shows its secret."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.urls import (
    find_proxy_fault,
    find_url_fault,
    is_url,
    mask_malformed_url,
    mask_proxy,
    mask_url,
)

ADDRESSES = {
    "https://a.example": True,
    "http://[::1]:8080/v1": True,
    "http://u:p@a.example:65535": True,
    "HTTP://a.example": True,
    "ftp://a.example": False,
    "a.example": False,
    "http://": False,
    "http://a.example:x": False,
    "http://a.example:65536": False,
    "http://[::1": False,
    "": False,
}


@pytest.mark.parametrize("url", ADDRESSES)
def test_an_address_has_a_scheme_and_a_host_and_a_port_that_can_be(url: str) -> None:
    assert is_url(url) is ADDRESSES[url]
    assert (find_url_fault(url) == "") is ADDRESSES[url]


MASKED = {
    "https://a.example/v1": "https://a.example/v1",
    "https://u:p@a.example/v1": "https://***@a.example/v1",
    "https://u@a.example": "https://***@a.example",
    "https://a.example/m@1": "https://a.example/m@1",
    "https://a.example/?API_KEY=abc": "https://a.example/?API_KEY=***",
    "https://a.example/?a=1&access_token=abc#x": "https://a.example/?a=1&access_token=***#x",
    "https://a.example/?alt=sse": "https://a.example/?alt=sse",
}


@pytest.mark.parametrize("url", MASKED)
def test_what_is_secret_in_an_address_is_masked(url: str) -> None:
    assert mask_url(url) == MASKED[url]


PROXIES = {
    "http://a.example:3128": "",
    "a.example": "",
    "http://u:p@a.example": "",
    "http://u:p@": "'http://***@' is no proxy: it names no host",
    "http://u:p/q@a.example": "'http://***@a.example' is no proxy: a '/' in its password has to be"
    " written %2F",
    "a.example:99999": "'a.example' is no proxy: its port is no number up to 65535",
    "a.example:port": "'a.example' is no proxy: its port is no number up to 65535",
}


@pytest.mark.parametrize("proxy", PROXIES)
def test_what_is_wrong_with_a_proxy_is_said(proxy: str) -> None:
    assert find_proxy_fault(proxy) == PROXIES[proxy]


SECRET = "Zq7xKp2mVt9w"
SPOILED = st.sampled_from(["", "/", "#", "?", ":", "@", "%", " ", "[", "]", "\\"])


@given(SPOILED, SPOILED, st.sampled_from(["http", "https", "htp", "socks5", ""]))
def test_a_password_is_never_shown_however_badly_it_is_written(
    before: str, after: str, scheme: str
) -> None:
    start = f"{scheme}://" if scheme else ""
    url = f"{start}user:{before}{SECRET}{after}@a.example:3128"
    shown = [mask_proxy(url), find_proxy_fault(url), mask_malformed_url(url), find_url_fault(url)]
    assert not [each for each in shown if SECRET in each]
    if is_url(url) and "@" in urlsplit(url).netloc:  # else the password is a path, in form
        assert SECRET not in mask_url(url)
