"""How a client authenticates: who needs a key, who may go without one, what a refusal names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from loki.config.build_config import build_config
from loki.edge.auth.auth_method import (
    check_credential,
    describe_credential,
    extra_oauth_headers,
    may_go_without,
    needs_key,
)
from loki.providers import provider_of
from loki.providers.base import Provider
from loki.records import Ask, Client, Dialect, Draft, Limits, Model, Target

OWN = {"type": "openai-compatible", "name": "mine", "api_base": "http://127.0.0.1:9"}
GROQ = {"type": "openai-compatible", "name": "groq"}
GROQ_MOVED = {**GROQ, "api_base": "https://elsewhere.example"}
OPENAI = {"type": "openai"}


def configured(
    entry: Mapping[str, Any], environ: Mapping[str, str] | None = None
) -> tuple[Client, Provider]:
    """Return a configured client and its provider."""
    config = build_config({"clients": [dict(entry)]}, "config.yaml", environ or {}).unwrap()
    service = provider_of(config.clients[0])
    assert service is not None
    return config.clients[0], service


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({**OPENAI, "api_base": "http://127.0.0.1:9"}, True),
        (OPENAI, True),
        (GROQ, True),
        (GROQ_MOVED, False),
        (OWN, False),
    ],
    ids=["openai elsewhere", "openai", "hosted", "a known name elsewhere", "own server"],
)
def test_only_who_is_hosted_needs_a_key(entry: dict[str, str], expected: bool) -> None:
    assert needs_key(*configured(entry)) is expected


HOSTED: Mapping[str, Any] = {"url": "https://api.groq.com/openai/v1/chat/completions"}


@pytest.mark.parametrize(
    ("entry", "changes", "expected"),
    [
        (GROQ, {}, False),
        (GROQ, {"method": "GET"}, True),
        (GROQ, {"headers": {"AUTHORIZATION": "Bearer k"}}, True),
        (GROQ, {"dropped": frozenset({"authorization"})}, True),
        (GROQ, {"headers": {"x-title": "a"}}, False),
        (GROQ, {"url": "http://127.0.0.1:9/chat"}, True),
        (OWN, {}, True),
        (OPENAI, {"method": "GET"}, False),
    ],
)
def test_a_request_leaves_without_a_credential_only_where_it_may(
    entry: dict[str, str], changes: dict[str, Any], expected: bool
) -> None:
    client, service = configured(entry)
    target = Target(Ask(), client, Model("m", "m"), Dialect(), Limits())
    draft = replace(Draft(target, HOSTED["url"], {}, {}), **changes)
    assert may_go_without(draft, service) is expected


@pytest.mark.parametrize(
    ("entry", "environ", "end"),
    [
        ({"type": "openai"}, {}, "; client 'openai'"),
        (OPENAI, {"OPENAI_API_KEY": "k"}, "; client 'openai', api_key from OPENAI_API_KEY"),
        (
            {**OPENAI, "api_key": "k…"},
            {},
            "; client 'openai', api_key from config.yaml clients[0].api_key",
        ),
    ],
    ids=["none", "variable", "literal"],
)
def test_a_refused_credential_is_named_by_its_place(
    entry: dict[str, str], environ: dict[str, str], end: str
) -> None:
    client, _ = configured(entry, environ)
    assert describe_credential(client) == end
    assert check_credential(client)("sk-good").unwrap() == "sk-good"
    for secret in ("sk-…", "sk-1\nX-Other: 2"):
        problem = check_credential(client)(secret).failure()
        assert (problem.kind, problem.message.endswith(end)) == ("config", True)
        assert secret not in problem.message


REQUEST_HEADERS = {"X-Team": "a", "X-Gone": None, "authorization": "Basic dTpw"}


@pytest.mark.parametrize(("auth", "expected"), [("oauth", {"X-Team": "a"}), (None, {})])
def test_headers_of_a_login_go_along_with_its_token_alone(
    auth: str | None, expected: dict[str, str]
) -> None:
    oauth = {"client_id": "me", "request_headers": REQUEST_HEADERS}
    client, service = configured({**OPENAI, **({"auth": auth} if auth else {})})
    assert extra_oauth_headers(replace(client, oauth=oauth), service) == expected
