"""Whether, when and how often to ask again: a pure matter of what was said and what time it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import formatdate
from math import isfinite
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.problems import Kind, Problem
from loki.records import Limits
from loki.stages.retry_policy import (
    FOREVER,
    LONGEST,
    delay,
    requested_wait,
    retry_delay,
    with_attempts,
    with_retry_advice,
)
from loki.wire import anthropic as anthropic_wire
from loki.wire import openai as openai_wire
from loki.wire.errors import read_error

NOW = 1_800_000_000.0
LIMITS = Limits(retries=3, max_wait=60)
RATE_LIMITS = (*openai_wire.RATE_LIMIT_HEADERS, *anthropic_wire.RATE_LIMIT_HEADERS)


def in_(seconds: float) -> str:
    """A time from now, as in RFC 3339."""
    return datetime.fromtimestamp(NOW + seconds, UTC).isoformat().replace("+00:00", "Z")


def openai(**buckets: tuple[str, str]) -> dict[str, str]:
    """The headers of OpenAI's limits: what remains, and when it is filled again."""
    return {
        f"x-ratelimit-{part}-{kind.replace('_', '-')}": value
        for kind, values in buckets.items()
        for part, value in zip(("remaining", "reset"), values, strict=True)
    }


def anthropic(**buckets: tuple[str, str]) -> dict[str, str]:
    """The headers of Anthropic's."""
    return {
        f"anthropic-ratelimit-{kind.replace('_', '-')}-{part}": value
        for kind, values in buckets.items()
        for part, value in zip(("remaining", "reset"), values, strict=True)
    }


INFO: Any = {"error": {"details": [{"@type": "x"}, {"@type": "RetryInfo", "retryDelay": "53.5s"}]}}

HINTS: list[tuple[str, dict[str, str], Any, float | None]] = [
    ("nothing", {}, None, None),
    ("milliseconds", {"retry-after-ms": "1500"}, None, 1.5),
    ("seconds", {"retry-after": "2"}, None, 2),
    ("fractions", {"retry-after": " 0.25 "}, None, 0.25),
    ("a date", {"retry-after": formatdate(NOW + 30, usegmt=True)}, None, 30),
    ("a date gone by", {"retry-after": formatdate(NOW - 30, usegmt=True)}, None, 0),
    ("milliseconds first", {"retry-after-ms": "100", "retry-after": "9"}, None, 0.1),
    ("no number", {"retry-after": "soon"}, None, None),
    ("below zero", {"retry-after": "-1"}, None, None),
    ("not finite", {"retry-after": "inf", "retry-after-ms": "nan"}, None, None),
    ("Gemini", {}, INFO, 53.5),
    ("Gemini, in a list", {}, [INFO], 53.5),
    ("the header before Gemini", {"retry-after": "1"}, INFO, 1),
    ("OpenAI", openai(requests=("0", "1s"), tokens=("9", "6m0s")), None, 1),
    ("OpenAI, both", openai(requests=("0", "1s"), tokens=("0", "6m0s")), None, 360),
    ("OpenAI, milliseconds", openai(tokens=("0", "20ms")), None, 0.02),
    ("OpenAI, a project", openai(project_tokens=("0", "1h1m1s")), None, 3661),
    ("OpenAI, not spent", openai(requests=("1", "1s"), tokens=("9", "6m0s")), None, None),
    ("Azure", openai(tokens=("0", "27")), None, 27),
    ("Azure, unknown", openai(tokens=("-1", "0")), None, None),
    ("Groq", openai(requests=("0", "2m59.56s"), tokens=("5", "7.66s")), None, 179.56),
    ("Anthropic", anthropic(requests=("0", in_(20)), tokens=("7", in_(50))), None, 20),
    (
        "Anthropic, latest",
        anthropic(input_tokens=("0", in_(9)), output_tokens=("0", in_(5))),
        None,
        9,
    ),
    ("Anthropic, gone by", anthropic(tokens=("0", in_(-5))), None, 0),
    ("retry-after first", {"retry-after": "3", **anthropic(tokens=("0", in_(50)))}, None, 3),
]


@pytest.mark.parametrize(
    ("headers", "body", "wait"), [h[1:] for h in HINTS], ids=[h[0] for h in HINTS]
)
def test_what_a_server_asks_is_read(headers: dict[str, str], body: Any, wait: float | None) -> None:
    asked = requested_wait(headers, body, NOW, RATE_LIMITS)
    assert asked == (wait if wait is None else pytest.approx(wait))
    problem = with_retry_advice(
        Problem("busy", "Later.", retryable=True), headers, body, NOW, RATE_LIMITS
    )
    assert problem.retry_at == (None if wait is None else pytest.approx(NOW + wait))


@given(attempt=st.integers(1, 3), chance=st.floats(0, 1))
def test_the_backoff_grows_with_full_jitter(attempt: int, chance: float) -> None:
    wait = retry_delay(Problem("offline", "Down.", retryable=True), attempt, LIMITS, chance)
    assert wait is not None and wait <= LONGEST
    assert wait == pytest.approx(chance * 0.5 * 2 ** (attempt - 1))


@pytest.mark.parametrize(
    ("problem", "attempt", "left", "wait"),
    [
        (Problem("busy", "", retryable=True, retry_after=60.0), 1, 999.0, 60.0),
        (Problem("busy", "", retryable=True, retry_after=60.1), 1, 999.0, None),  # over max_wait
        (
            Problem("busy", "", retryable=True, retry_after=5.0),
            1,
            4.0,
            None,
        ),  # over the time for everything
        (Problem("busy", "", retryable=True, retry_after=5.0), 4, 999.0, None),  # no retries left
        (Problem("busy", "", retryable=False, retry_after=5.0), 1, 999.0, None),
        (Problem("busy", "", retryable=True, retry_after=0.0), 2, 999.0, 0.5),  # no hint: backoff
        (Problem("auth", ""), 1, 999.0, None),
    ],
)
def test_waits_end_where_the_user_says(
    problem: Problem, attempt: int, left: float, wait: float | None
) -> None:
    assert retry_delay(problem, attempt, LIMITS, 0.5, left) == wait


@pytest.mark.parametrize(
    ("kind", "again", "wish", "expected"),
    [
        ("busy", True, "false", False),
        ("input", False, "true", True),
        ("input", False, "TRUE", True),
        ("busy", True, "perhaps", True),
        ("quota", False, "true", False),  # asking again never brings credit
    ],
)
def test_x_should_retry_has_the_word(kind: Kind, again: bool, wish: str, expected: bool) -> None:
    problem = Problem(kind, "", retryable=again)
    assert with_retry_advice(problem, {"x-should-retry": wish}, None, NOW).retryable is expected


@pytest.mark.parametrize(
    ("problem", "attempts", "kind", "message"),
    [
        (Problem("offline", "Down."), 1, "offline", "Down."),
        (Problem("offline", "Down.", retryable=True), 4, "offline", "Down. (after 4 attempts)"),
        (
            Problem("offline", "Down.", retryable=True, retry_after=90.0, retry_at=NOW),
            1,
            "busy",
            "Down. (the server asks to wait 90 s, until noon)",
        ),
        (
            Problem("busy", "Later.", retryable=True, retry_after=9.0, retry_at=NOW),
            4,
            "busy",
            "Later. (after 4 attempts; the server asks to wait 9 s, until noon)",
        ),
    ],
)
def test_giving_up_says_what_it_took_and_when_to_come_back(
    problem: Problem, attempts: int, kind: str, message: str
) -> None:
    last = with_attempts(problem, attempts, LIMITS, lambda moment: "noon")
    assert (last.kind, last.message, last.attempts) == (kind, message, attempts)


def error(message: str = "x", **more: Any) -> Any:
    """A refusal in the shape that most use."""
    return {"error": {"message": message, **more}}


def detail(**violation: Any) -> list[Any]:
    """A detail of Google's."""
    return [{"violations": [violation]}]


LOW = "Your credit balance is too low to access the API."
CURRENT = "You exceeded your current quota, please check your plan and billing details."
TEAM = "Your team has either used all available credits or reached its monthly limit."
SPENT = "personal-team-blocked:spending-limit"
LIMIT = {"error_code": "enforced_spend_limit_reached"}
TRIAL = "You are using a Trial key, which is limited to"

#: What providers say to those who have nothing left, and to those who only were too fast.
CREDIT: list[tuple[int, Any, str]] = [
    (429, error("Check your plan.", type="insufficient_quota"), "quota"),
    (429, error(type="requests", code="rate_limit_exceeded"), "busy"),
    (400, error(LOW, type="invalid_request_error"), "quota"),
    (400, error("Your prompt is too long.", type="invalid_request_error"), "input"),
    (429, error(type="rate_limit_error", details=LIMIT), "quota"),
    (429, error("Too fast.", type="rate_limit_error"), "busy"),
    (402, error("Insufficient Balance", code="invalid_request_error"), "quota"),
    (429, error(CURRENT, status="RESOURCE_EXHAUSTED", **INFO["error"]), "busy"),
    (429, error(status="RESOURCE_EXHAUSTED", details=detail(quotaId="ManyPerDay")), "quota"),
    (403, error(status="PERMISSION_DENIED", details=[{"reason": "BILLING_DISABLED"}]), "quota"),
    (403, {"code": SPENT, "error": "No subscription."}, "quota"),
    (429, {"code": "x", "error": TEAM}, "quota"),
    (429, {"message": "Too many tokens per day, please wait before trying again."}, "quota"),
    (429, {"message": "Too many tokens, please wait before trying again."}, "busy"),
    (429, {"message": f"{TRIAL} 1000 API calls / month."}, "quota"),
    (429, {"message": f"{TRIAL} 20 API calls / minute."}, "busy"),
    (429, error(code="1113"), "quota"),
    (403, error(code="insufficient_user_quota"), "quota"),
    (403, error("Not for you."), "auth"),
]


@pytest.mark.parametrize(("status", "body", "kind"), CREDIT)
def test_out_of_credit_is_told_from_too_fast(status: int, body: Any, kind: str) -> None:
    problem = read_error(status, {}, json.dumps(body).encode())
    assert problem.kind == kind and problem.retryable is (kind == "busy")


# ---- whatever they write -------------------------------------------------------------------------

DATES = r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,6} [0-9]{1,3}:[0-9]{2}:[0-9]{2}"
WORDS = (
    st.text(max_size=60)
    | st.from_regex(DATES + " ?[-+A-Z0-9]{0,9}")
    | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T?[0-9:.]{0,12}[-+Z0-9:]{0,9}")
    | st.from_regex(r"([0-9]{1,20}(\.[0-9]{0,20})?(ms|s|m|h|d|us|ns)?){1,4}")
)
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=9) | st.just("9s"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "details", "retryDelay", "x"]), inner, max_size=3
        )
    ),
    max_leaves=9,
)
NAMES = st.sampled_from(
    [
        "retry-after",
        "retry-after-ms",
        "x-should-retry",
        *openai(tokens=("", "")),
        *anthropic(requests=("", "")),
    ]
)


@given(headers=st.dictionaries(NAMES, WORDS | st.just("0")), body=JSON)
def test_no_hint_is_a_crash_or_a_wait_without_end(headers: dict[str, str], body: Any) -> None:
    problem = with_retry_advice(
        Problem("busy", "Later.", retryable=True), headers, body, NOW, RATE_LIMITS
    )
    assert problem.retry_after is None or 0 <= problem.retry_after <= FOREVER
    wait = retry_delay(problem, 1, LIMITS, 1.0)
    assert wait is None or (isfinite(wait) and 0 <= wait <= 60)


@given(text=WORDS)
def test_no_time_is_a_crash(text: str) -> None:
    read = delay(text, NOW)
    assert read is None or read >= 0


def test_a_pattern_does_not_hang() -> None:
    for text in ("9" * 100_000 + "x", "1m" * 50_000 + "x", " " * 100_000, "1." * 50_000):
        assert delay(text, NOW) is None
