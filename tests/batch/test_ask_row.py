"""A row's cost is all that was paid for it, by every model that was tried; unknown is not zero."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from returns.result import Failure, Result, Success
from servers import reply

from loki.batch.ask_row import ask_row
from loki.batch.rows import ReadyRow
from loki.config.build_config import build_config
from loki.edge.batch.spending import cost_of
from loki.messages import Message
from loki.pipeline import Env
from loki.problems import Problem
from loki.records import Ask, Request, Response
from loki.usage import Usage

MODEL = {"name": "m", "input_price": 1, "output_price": 2}
CLIENTS = [
    {"type": "openai-compatible", "name": name, "api_base": "http://x", "models": [MODEL]}
    for name in ("a", "b")
]
ROW = ReadyRow(1, "1", "key", Ask((Message("user", "Hi"),), model="a:m"))
OWN = Decimal("0.00002")  # of an answer: 10 tokens in, 5 out

LOST = Problem("offline", "no answer in time", sent=True)
PAID = Problem("refused", "no", sent=True, usage=Usage(input=10, output=5))
BUSY = Problem("busy", "later", sent=True, status=429)
UNSENT = Problem("offline", "no connection")


def asked(*outcomes: Problem | None) -> Result[Any, Problem]:
    """Return what came of a row whose models fail in turn, or answer where there is no problem."""
    results = iter(outcomes)

    def send(request: Request) -> Result[Response, Problem]:
        problem = next(results)
        body = json.dumps(reply()).encode()
        return Failure(problem) if problem else Success(Response(request, 200, {}, body))

    env = Env(
        config=build_config({"clients": CLIENTS}, "c.yaml", {}).unwrap(),
        authorize=Success,
        send=send,
        open=lambda request: Failure(Problem("bug", "not here")),
        now=lambda: 0.0,
        clock=lambda: 0.0,
    )
    return ask_row(env, False, ROW, ["b:m"])


@pytest.mark.parametrize(
    ("outcomes", "cost"),
    [
        ([None], OWN),
        ([BUSY, None], OWN),
        ([UNSENT, None], OWN),
        ([PAID, None], 2 * OWN),
        ([LOST, None], None),
        ([BUSY, BUSY], Decimal(0)),
        ([PAID, BUSY], OWN),
        ([PAID, UNSENT], OWN),
        ([PAID, PAID], 2 * OWN),
        ([BUSY, PAID], OWN),
        ([LOST, BUSY], None),
        ([LOST, UNSENT], None),
        ([LOST, PAID], None),
        ([PAID, LOST], None),
    ],
)
def test_a_row_costs_what_all_its_models_did(
    outcomes: list[Problem | None], cost: Decimal | None
) -> None:
    result = asked(*outcomes)
    assert cost_of(result) == cost
    if isinstance(result, Success):
        assert result.unwrap()["cost"] == (None if cost is None else float(cost))
