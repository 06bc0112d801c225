"""Keys by botocore's chain: what it is given, and why there are none, in words that help."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    HTTPClientError,
    NoCredentialsError,
    ProfileNotFound,
    UnauthorizedSSOTokenError,
)
from support import config

from loki.edge.auth.aws import ADVICE, proxies_of, to_problem
from loki.records import Limits
from loki.redaction.redactor import Redactor

(CLIENT,) = config({"type": "bedrock", "name": "aws", "region": "us-east-1"}).clients

PROXIES: list[tuple[str | None, dict[str, str] | None]] = [
    (None, None),
    ("-", {}),
    ("", {}),
    ("http://p.example:1", {"http": "http://p.example:1", "https": "http://p.example:1"}),
    ("socks5://p.example:1", None),
]


@pytest.mark.parametrize(("proxy", "expected"), PROXIES)
def test_botocore_is_given_the_client_s_own_proxy_if_it_knows_its_kind(
    proxy: str | None, expected: dict[str, str] | None
) -> None:
    assert proxies_of(Limits(proxy=proxy)) == expected


WHY: list[tuple[Exception, str, str]] = [
    (NoCredentialsError(), "auth", f"client 'aws' has no AWS credentials: {ADVICE}"),
    (UnauthorizedSSOTokenError(), "auth", "; run `aws sso login --profile dev`"),
    (TimeoutError("too late"), "offline", "client 'aws': no AWS credentials: too late"),
    (ConnectTimeoutError(endpoint_url="http://a"), "offline", "client 'aws': no AWS credentials: "),
    (HTTPClientError(error="reset"), "offline", "client 'aws': no AWS credentials: "),
    (ProfileNotFound(profile="dev"), "auth", "client 'aws': no AWS credentials by profile 'dev': "),
    (KeyError("x"), "auth", "client 'aws': no AWS credentials by profile 'dev': KeyError: x"),
]


@pytest.mark.parametrize(("error", "kind", "words"), WHY)
def test_why_there_are_no_keys_is_said_with_what_may_help(
    error: Exception, kind: str, words: str
) -> None:
    problem = to_problem(error, CLIENT, "dev", Redactor())
    assert problem.kind == kind and words in problem.message and not problem.sent
