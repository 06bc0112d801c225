"""5. Draft -> Request: the exact bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from returns.result import Result, Success

from loki.json_text import compact_strict
from loki.problems import Problem, fail
from loki.providers import provider_of
from loki.records import Draft, Request
from loki.urls import find_url_fault


def build(now: Callable[[], float]) -> Callable[[Draft], Result[Request, Problem]]:
    """Write a request down; ``now`` (seconds since the epoch) is for those that are signed."""

    def stage(draft: Draft) -> Result[Request, Problem]:
        try:
            content = b"" if draft.method == "GET" else compact_strict(draft.body).encode()
        except UnicodeEncodeError as error:
            return fail("input", f"the prompt is not valid Unicode: {error.reason}")
        except (ValueError, RecursionError) as error:
            return fail("input", f"the request is not JSON: {error}")
        reason = find_url_fault(draft.url)
        headers = draft.headers if reason else sign(draft, content, now())
        if reason := reason or explain_bad_header(headers):
            return fail("config", f"client {draft.target.client.name!r}: {reason}")
        return Success(Request(draft, draft.url, headers, content))

    return stage


def sign(draft: Draft, content: bytes, now: float) -> Mapping[str, str]:
    """Return the headers, with a signature of these very bytes where the provider wants one."""
    service = provider_of(draft.target.client)
    settled = {*map(str.lower, draft.headers), *draft.dropped}  # a patch may prove it otherwise
    if service is None or service.sign is None or not draft.credentials:
        return draft.headers
    if "authorization" in settled:
        return draft.headers
    return service.sign(draft.method, draft.url, draft.headers, content, draft.credentials, now)


def explain_bad_header(headers: Mapping[str, str]) -> str:
    """Return what is wrong with a header, empty if nothing is; its value may be a secret."""
    return next(filter(None, map(header_fault, headers, headers.values())), "")


@lru_cache(256)  # most are the same in every request; values are not kept: some are secrets
def is_header_name(name: str) -> bool:
    """Return whether a header may have a name, as RFC 9110 has it."""
    return re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) is not None


def header_fault(name: str, value: str) -> str:
    """Return what is wrong with one header, empty if nothing is."""
    if not is_header_name(name):
        return f"{name!r} is not the name of a header"
    if re.search(r"[\r\n\0]", value) or not value.isascii():
        return f"the value of header {name} has a line break or a character outside ASCII"
    return ""
