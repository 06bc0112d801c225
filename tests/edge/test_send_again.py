"""When a refused request is sent again with another token, and when the reader may come back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from returns.result import Result, Success
from servers import plain, reply, serving
from support import request

from loki.edge.send import make_opener
from loki.problems import Problem
from loki.records import Draft, Limits, Request, Target
from loki.redaction.redactor import Redactor

LOCAL = {"type": "openai-compatible", "name": "local"}


def request_to(address: str, retries: int = 0) -> Request:
    """Return a request that a server gets, with limits of its own."""
    made = request({**LOCAL, "api_base": address})
    wanted = Limits(connect=2, idle=5, total=10, retries=retries, max_wait=1)
    target: Target = replace(made.draft.target, limits=wanted)
    draft: Draft = replace(made.draft, target=target)
    return replace(made, draft=draft, url=f"{address}/chat/completions")


def renewing(log: list[Request]) -> Callable[[Request], Result[Request, Problem]]:
    """Return a renewal of tokens that keeps a log of what it was asked for."""

    def renew(refused: Request) -> Result[Request, Problem]:
        log.append(refused)
        return Success(replace(refused, headers={**refused.headers, "Authorization": "Bearer new"}))

    return renew


@pytest.mark.parametrize("status", [400, 402, 403, 404, 407, 418, 422, 500])
def test_no_token_is_renewed_for_another_status_than_401(status: int) -> None:
    log: list[Request] = []
    with serving(plain({"error": {"message": "No."}}, status), plain(reply())) as server:
        problem = make_opener(Redactor(), renewing(log))(request_to(server.address)).failure()
    assert (problem.status, log, len(server.asked)) == (status, [], 1)


def test_a_token_that_is_refused_with_401_is_renewed_once() -> None:
    log: list[Request] = []
    with serving(plain({"error": {"message": "Who?"}}, 401), plain(reply())) as server:
        opened = make_opener(Redactor(), renewing(log))(request_to(server.address)).unwrap()
        opened.close()
    assert (opened.attempts, len(log)) == (2, 1)
    assert server.asked[1].headers["authorization"] == "Bearer new"


def test_a_new_token_that_is_refused_too_is_the_end() -> None:
    log: list[Request] = []
    with serving(plain({"error": {"message": "Who?"}}, 401)) as server:
        problem = make_opener(Redactor(), renewing(log))(request_to(server.address)).failure()
    assert (problem.kind, len(log), len(server.asked)) == ("auth", 1, 2)


def wait_message(seconds: int) -> tuple[str, float]:
    """Return what a caller is told if the server asks for such a wait, and when that was."""
    busy = plain({"error": {"message": "Later."}}, 429, f"retry-after: {seconds}\r\n")
    with serving(busy) as server:
        before = time.time()
        problem = make_opener(Redactor())(request_to(server.address, retries=3)).failure()
    assert problem.retry_at is not None and 0 <= problem.retry_at - seconds - before < 60
    return problem.message, problem.retry_at


def test_a_time_on_another_day_is_told_with_its_day() -> None:
    message, moment = wait_message(3 * 86400)
    assert time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment)) in message


def test_a_time_of_today_is_told_without_the_day() -> None:
    message, moment = wait_message(2)
    day = time.strftime("%Y-%m-%d", time.localtime(moment))
    assert time.strftime("%H:%M:%S", time.localtime(moment)) in message
    if day == time.strftime("%Y-%m-%d"):  # two seconds before midnight it is another day
        assert day not in message
