"""Refusals: kind, sentence, code and request id, from any of the shapes that providers use."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.problems import EXIT_CODES
from loki.wire.errors import (
    CODES,
    REQUEST_IDS,
    STATUSES,
    is_out_of_credit,
    kind_of,
    read_code_and_message,
    read_error,
)

SENTENCES: list[tuple[Any, str | None, str]] = [
    ({"error": {"message": "No.", "code": "c", "type": "t"}}, "c", "No."),
    ({"error": {"message": "No.", "code": None, "type": "t"}}, "t", "No."),
    ({"error": {"message": "No.", "code": 400}}, None, "No."),
    ({"error": {"message": "No.", "code": "400", "status": "BAD"}}, "BAD", "No."),
    ([{"error": {"message": "No.", "status": "BAD"}}], "BAD", "No."),
    ({"errors": [{"message": "No.", "code": "c"}]}, "c", "No."),
    ({"error": "No."}, None, "No."),
    ({"message": "No.", "__type": "ThrottlingException"}, "ThrottlingException", "No."),
    ({"Message": "No."}, None, "No."),
    ({"detail": "No."}, None, "No."),
    ({"detail": {"message": "No.", "code": "c"}}, "c", "No."),
    ({"detail": [{"loc": ["body", "n", 0], "msg": "No."}]}, None, "body.n.0: No."),
    (
        {"error": {"message": "Provider error", "metadata": {"raw": "too long"}}},
        None,
        "Provider error: too long",
    ),
    (
        {"error": {"message": "No.", "type": "x", "code": "insufficient_quota"}},
        "insufficient_quota",
        "No.",
    ),
    ({"error": {}}, None, ""),
    ({"error": {"message": 7}}, None, ""),
    ({}, None, ""),
    ([], None, ""),
    (None, None, ""),
    ("No.", None, ""),
]


@pytest.mark.parametrize(("expected", "code", "sentence"), SENTENCES)
def test_the_sentence_and_the_code_are_found(
    expected: Any, code: str | None, sentence: str
) -> None:
    assert read_code_and_message(expected) == (code, sentence)


KINDS: list[tuple[int | None, str | None, str]] = [
    (400, None, "input"),
    (418, None, "input"),
    (301, None, "config"),
    (500, None, "offline"),
    (599, "odd", "offline"),
    (None, None, "offline"),
    (429, "insufficient_quota", "quota"),
    (400, "model_not_found", "config"),
    (200, "content_filter", "refused"),
    (403, "odd", "auth"),
]


@pytest.mark.parametrize(("status", "code", "kind"), KINDS)
def test_a_code_that_is_known_goes_before_the_status(
    status: int | None, code: str | None, kind: str
) -> None:
    assert kind_of(status, code) == kind


def test_every_kind_in_the_tables_has_an_exit_code() -> None:
    assert {*CODES.values(), *STATUSES.values()} <= EXIT_CODES.keys()


@pytest.mark.parametrize("header", REQUEST_IDS)
def test_the_request_id_is_found_in_every_header(header: str) -> None:
    assert read_error(500, {header: "req-1"}, b"").request_id == "req-1"


def test_the_request_id_may_stand_in_the_body() -> None:
    body = b'{"error": {"message": "No."}, "request_id": "req-2"}'
    assert read_error(400, {}, body).request_id == "req-2"
    assert read_error(400, {"request-id": "req-1"}, body).request_id == "req-1"


AGAIN = {400: False, 401: False, 404: False, 407: False, 408: True, 429: True, 500: True, 529: True}


@pytest.mark.parametrize("status", AGAIN)
def test_what_may_pass_is_worth_another_try(status: int) -> None:
    problem = read_error(status, {}, b"{}")
    assert problem.retryable is AGAIN[status] and problem.sent and problem.status == status


SHOWN: list[tuple[int, dict[str, str], bytes, str]] = [
    (500, {}, b"", "HTTP 500: an answer without a reason"),
    (502, {}, b"<html><body>Bad gateway</body></html>", "HTTP 502: "),
    (307, {"location": "https://b.example/"}, b"", "redirected to https://b.example/, which is"),
    (302, {}, b"", "redirected to nowhere"),
    (407, {}, b'{"error": "No."}', "the proxy wants a user name and a password"),
    (400, {}, b'{"error": "No."}', "No."),
    (400, {}, b"[" * 100_000, "HTTP 400: ["),
]


@pytest.mark.parametrize(("status", "headers", "body", "start"), SHOWN)
def test_what_is_shown_is_the_provider_s_sentence_or_what_else_there_is(
    status: int, headers: dict[str, str], body: bytes, start: str
) -> None:
    problem = read_error(status, headers, body)
    assert problem.message.startswith(start) and len(problem.message) < 600


CREDIT: list[tuple[int, str, bool]] = [
    (400, "Your credit balance is too low to access the API.", True),
    (403, "You have run out of credits", True),
    (402, "Insufficient account balance", True),
    (429, "Rate limit exceeded: free-models-per-day", True),
    (429, "Too many requests.", False),
    (500, "Your credit balance is too low", False),
    (401, "no credits", False),
]


@pytest.mark.parametrize(("status", "sentence", "is_spent"), CREDIT)
def test_an_account_out_of_credit_is_told_from_a_rate_limit(
    status: int, sentence: str, is_spent: bool
) -> None:
    assert is_out_of_credit(status, sentence) is is_spent
    body = json.dumps({"error": {"message": sentence}}).encode()
    assert (read_error(status, {}, body).kind == "quota") is (is_spent or status == 402)


def test_amazon_s_word_comes_in_a_header() -> None:
    headers = {"x-amzn-errortype": "ThrottlingException:http://a.example/"}
    problem = read_error(400, headers, b'{"message": "Slow."}')
    assert (problem.kind, problem.code) == ("busy", "ThrottlingException")


@given(st.integers(300, 599), st.binary(max_size=60))
def test_no_body_is_too_odd_to_be_told(status: int, body: bytes) -> None:
    problem = read_error(status, {}, body)
    assert problem.message and problem.kind in EXIT_CODES


def test_an_endless_refusal_is_told_in_short() -> None:
    long = "a" * 100_000
    body = json.dumps({"error": {"message": long, "code": long}}).encode()
    problem = read_error(400, {"x-request-id": long}, body)
    texts = (problem.message, problem.code or "", problem.request_id or "")
    assert [*map(len, texts)] == [2001, 201, 201] and all(text.endswith("…") for text in texts)
    moved = read_error(302, {"location": f"https://a.example/{long}"}, b"")
    assert len(moved.message) == 2001 and moved.kind == "config"


@pytest.mark.parametrize("status", [101, 199])
def test_an_answer_that_only_announces_another_is_garbled(status: int) -> None:
    assert read_error(status, {}, b"").kind == "garbled"
