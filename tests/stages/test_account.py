"""A reply has its cost, a failure what it cost, and each call its entry in the ledger."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from returns.result import Failure, Result, Success
from support import request as request_to
from support import response

from loki.problems import Problem
from loki.records import CachedResponse, Request
from loki.replies import Reply
from loki.stages.account import Entry, account, add_cost_to_problem, build_entry
from loki.stages.parse import parse
from loki.usage import Usage

CLIENT = {"type": "openai", "models": [{"name": "m", "input_price": 1, "output_price": 2}]}
ANSWER = b"""{"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000000, "completion_tokens": 500000}}"""
TOLD = Usage(input=1_000_000, output=500_000)
HALF_TOLD = Usage(input=1_000_000)
OTHER = {"model": "other"}
KEPT = CachedResponse(200, {}, (ANSWER,))


def request(**draft: Any) -> Request:
    """Return a request to a model of one dollar in and two out."""
    made = request_to(CLIENT)
    return replace(made, draft=replace(made.draft, **draft))


def reply(**draft: Any) -> Reply:
    """Return the priced answer to it."""
    return account(parse(response(request(**draft), 200, ANSWER)).unwrap())


COSTS: dict[str, tuple[dict[str, Any], Decimal | None]] = {
    "a price": ({}, Decimal(2)),
    "a patch names another model": ({"changes": OTHER}, None),
    "a cache answered": ({"kept": KEPT}, Decimal(0)),
}


@pytest.mark.parametrize(("draft", "dollars"), COSTS.values(), ids=list(COSTS))
def test_a_reply_is_priced_as_asked(draft: dict[str, Any], dollars: Decimal | None) -> None:
    assert reply(**draft).cost == dollars


PROBLEMS: dict[str, tuple[Problem, Decimal | None]] = {
    "after an answer": (Problem("garbled", "cut", sent=True, usage=TOLD), Decimal(2)),
    "of unknown usage": (Problem("garbled", "cut", sent=True), None),
    "before it was sent": (Problem("usage", "no", usage=TOLD), None),
    "refused by status": (Problem("busy", "no", sent=True, status=429, usage=TOLD), None),
}


@pytest.mark.parametrize(("problem", "dollars"), PROBLEMS.values(), ids=list(PROBLEMS))
def test_a_failure_costs_what_an_answer_did(problem: Problem, dollars: Decimal | None) -> None:
    assert add_cost_to_problem(request())(problem).cost == dollars


Outcome = Result[Reply, Problem] | None
BROKEN = Problem("offline", "cut", sent=True, usage=HALF_TOLD, attempts=3, request_id="r")
PRICED = replace(BROKEN, kind="garbled", usage=TOLD, cost=Decimal(2))
#: outcome -> its word, US dollars, whether that is all, input tokens, attempts
ENTRIES: dict[str, tuple[Outcome, tuple[str, Decimal | None, bool, int | None, int]]] = {
    "answered": (Success(reply()), ("ok", Decimal(2), True, 1_000_000, 1)),
    "cached": (Success(reply(kept=KEPT)), ("cached", Decimal(0), True, 0, 1)),
    "of unknown price": (Success(reply(changes=OTHER)), ("ok", None, False, 1_000_000, 1)),
    "broken off": (Failure(BROKEN), ("offline", Decimal(1), False, 1_000_000, 3)),
    "failed, cost known": (Failure(PRICED), ("garbled", Decimal(2), True, 1_000_000, 3)),
    "never sent": (Failure(Problem("usage", "no")), ("usage", Decimal(0), True, 10, 1)),
    "interrupted": (None, ("interrupted", Decimal("0.00001"), False, 10, 1)),
}


@pytest.mark.parametrize(("outcome", "expected"), ENTRIES.values(), ids=list(ENTRIES))
def test_an_entry_says_how_a_call_ended_and_whether_its_cost_is_all_of_it(
    outcome: Outcome, expected: tuple[Any, ...]
) -> None:
    entry: Entry = build_entry(request(), outcome, Usage(input=10), began=5.0, seconds=2.0)
    found = (entry.outcome, entry.cost, entry.exact, entry.usage.input, entry.attempts)
    assert found == expected
    assert (entry.client, entry.model, entry.task) == ("openai", "m", "chat")
    assert entry.request_id == ("r" if entry.attempts == 3 else None)


@pytest.mark.parametrize(
    "outcome", [None, Failure(BROKEN), Success(replace(reply(), cost=None, usage=Usage()))]
)
def test_a_call_of_a_free_model_costs_nothing_however_it_ended(outcome: Outcome) -> None:
    free = {"name": "m", "input_price": 0, "output_price": 0}
    for model, exact in ((free, True), ({**free, "output_price": 1}, False)):
        asked = request_to({**CLIENT, "models": [model]})
        entry = build_entry(asked, outcome, Usage(), began=5.0, seconds=2.0)
        assert (entry.exact, bool(entry.cost)) == (exact, False)
