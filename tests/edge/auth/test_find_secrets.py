"""Secrets of a request, wherever they stand; and facts of an answer that repeat one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from returns.result import Failure
from support import request, target

from loki.edge.auth.find_secrets import (
    keys_in_query,
    long_path_segments,
    redact_reply_facts,
    secrets_in_body,
    secrets_in_draft,
    secrets_in_patch,
    secrets_in_proxies,
    with_redaction,
)
from loki.problems import Problem
from loki.records import Draft, Patch
from loki.redaction.redactor import Redactor

KEY = "sk-0123456789"
PROXY = "http://u:proxypass@proxy.example:3128"


def test_every_part_of_a_draft_is_searched() -> None:
    place = target({"type": "openai"})
    place = replace(place, limits=replace(place.limits, proxy=PROXY))
    body: dict[str, Any] = {"api_key": "in-body", "messages": [{"token": "user's word"}]}
    draft = Draft(place, "https://a.example/?key=in-query", {"X-Api-Key": "in-header"}, body)
    found = {*secrets_in_draft(draft)}
    assert found >= {"in-body", "in-query", "in-header", "proxypass"}
    assert "user's word" not in found


def test_every_part_of_a_patch_is_searched() -> None:
    patch = Patch(
        url="https://u:in-url@a.example/", body={"secret": "in-body"}, headers={"Cookie": "a=b"}
    )
    assert {*secrets_in_patch(patch)} >= {"in-url", "in-body", "a=b"}


@pytest.mark.parametrize(
    ("environ", "is_found"),
    [
        ({"HTTPS_PROXY": PROXY}, True),
        ({"all_proxy": PROXY}, True),
        ({"PROXY_OF_OTHERS": PROXY}, False),
    ],
)
def test_proxies_are_variables_that_end_so(environ: dict[str, str], is_found: bool) -> None:
    assert ("proxypass" in secrets_in_proxies(environ)) is is_found


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/?alt=sse&access_token=t1&x=1", ("t1",)),
        ("https://a.example/?X-Amz-Signature=s1&sig=s2", ("s1", "s2")),
        ("a.example;key=k1#token=t2", ("k1", "t2")),
        ("https://a.example/key=path", ()),
    ],
)
def test_a_query_has_keys_and_signatures(url: str, expected: tuple[str, ...]) -> None:
    assert keys_in_query(url) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"tools": [{"authorization_token": "t", "api_key": "a word"}]}, ["t"]),
        ({"tools": [{"password": 12345678}]}, []),
        ({"deep": [[{"Authorization": "Bearer abc"}]]}, ["Bearer abc", "abc"]),
        ({"stop_token_ids": [50256], "max_tokens": 9, "token": 1234}, ["1234"]),
    ],
)
def test_a_body_has_secrets_by_name_and_in_the_user_s_words_only_headers(
    body: dict[str, Any], expected: list[str]
) -> None:
    assert list(secrets_in_body(body, ["tools"])) == expected


def test_only_long_pieces_of_a_path_are_secret() -> None:
    url = f"https://a-long-name-of-a-host.example/{'a' * 16}/{'b' * 15}"
    assert list(long_path_segments(url)) == ["a" * 16]


def test_a_problem_shows_no_secret_in_any_text_of_it() -> None:
    problem = Problem("auth", f"bad {KEY}", code=f"c {KEY}", request_id=f"r {KEY}", status=401)
    call = with_redaction(lambda request: Failure(problem), Redactor(KEY))
    shown = call(request({"type": "openai"})).failure()
    assert (shown.message, shown.code, shown.request_id) == ("bad ***", "c ***", "r ***")
    assert (shown.kind, shown.status) == ("auth", 401)


def test_facts_of_a_server_are_redacted_and_the_text_is_left_as_it_is() -> None:
    reply = {"text": KEY, "request_id": KEY, "finish_raw": None, "cost": 1}
    shown = redact_reply_facts(reply, Redactor(KEY))
    assert shown == {"text": KEY, "request_id": "***", "finish_raw": None, "cost": 1}
