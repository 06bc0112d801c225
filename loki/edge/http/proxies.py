"""Check the proxy for a URL before anything is sent through it."""

from __future__ import annotations

import os

from loki.urls import find_proxy_fault, is_url


def explain_bad_proxy(own: str | None, url: str) -> str:
    """Return what is wrong with the proxy for a URL, empty if nothing is or there is none.

    ``own`` is the client's, of the configuration or ``--proxy``: empty or "-" for none, None for
    the environment's.
    """
    if own is not None:
        return find_proxy_fault(own) if is_url(url) and own not in ("", "-") else ""
    return explain_bad_variable(url)


def explain_bad_variable(url: str) -> str:
    """Return what is wrong with the environment's proxy for a URL, empty if nothing is."""
    if not is_url(url):
        return ""  # which is reported later
    scheme = url.partition("://")[0].lower()
    names = (f"{scheme}_proxy", "all_proxy")
    given = {name: value for name, value in os.environ.items() if name.lower() in names and value}
    wrong = {
        value: f"{name}: {why}" for name, value in given.items() if (why := find_proxy_fault(value))
    }
    return wrong.get(environment_proxy(url), "") if wrong else ""


def environment_proxy(url: str) -> str:
    """Return the proxy that the environment names for a url, as requests reads it."""
    from requests.utils import get_environ_proxies, select_proxy

    return select_proxy(url, get_environ_proxies(url)) or ""
