"""8. Reply -> Reply, priced; and a call and its outcome -> the entry of it in the ledger."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from returns.result import Result, Success

from loki.problems import Problem
from loki.records import Price, Reply, Request, Task, Usage

if TYPE_CHECKING:
    from loki.measures import Embeddings, Ranking

MILLION = Decimal(1_000_000)

#: Whatever is billed.
Billed = TypeVar("Billed", Reply, "Embeddings", "Ranking")


def account(reply: Billed) -> Billed:
    """Fill in ``cost`` in US dollars; an unknown price stays unknown, never zero."""
    return replace(reply, cost=cost(reply.usage, reply.request.draft.target.model.price))


def cost(usage: Usage, price: Price) -> Decimal | None:
    """What some tokens cost: fresh input, cached input and output, each at its price.

    >>> price = Price(input=Decimal(3), output=Decimal(15), cache_read=Decimal("0.3"))
    >>> cost(Usage(input=1000, cache_read=800, output=100), price)
    Decimal('0.00234')
    >>> cost(Usage(input=1000, output=1), Price(input=Decimal(3))) is None
    True
    """
    if usage.billed_input is not None and usage.billed_output is not None:
        usage = Usage(input=usage.billed_input, output=usage.billed_output)
    if usage.input is None or usage.output is None:
        return None
    read, written = usage.cache_read or 0, usage.cache_write or 0
    parts = (
        (max(0, usage.input - read - written), price.input),
        (read, price.input if price.cache_read is None else price.cache_read),
        (written, price.input if price.cache_write is None else price.cache_write),
        (usage.output, price.output),
    )
    if any(count and each is None for count, each in parts):
        return None
    return sum((count * (each or 0) for count, each in parts), Decimal(0)) / MILLION


# ---- the ledger ------------------------------------------------------------------------------


class Entry(NamedTuple):
    """A line of the ledger: one call, with all its attempts; never what was asked or answered."""

    time: float  # when it began, seconds since the epoch
    client: str
    model: str
    task: Task
    tag: str
    usage: Usage
    cost: Decimal | None  # US dollars, None is unknown
    exact: bool  # whether cost is all of it; of a call that broke off it is the least
    seconds: float
    attempts: int
    outcome: str  # ok, the kind of a Problem, or interrupted
    request_id: str | None


def entry(
    request: Request,
    outcome: Result[Reply | Embeddings | Ranking, Problem] | None,
    heard: Usage,
    began: float,
    seconds: float,
) -> Entry:
    """What the ledger keeps of a call; without an outcome it was interrupted, by us or the user."""
    target = request.draft.target
    problem = None if outcome is None or isinstance(outcome, Success) else outcome.failure()
    if isinstance(outcome, Success):
        told = outcome.unwrap()
        usage, spent, exact = told.usage, told.cost, told.cost is not None
    else:
        usage = (problem and problem.usage) or heard
        free = problem is not None and (not problem.sent or problem.status is not None)
        spent, exact = (Decimal(0), True) if free else (least(usage, target.model.price), False)
    return Entry(
        time=began,
        client=target.client.name,
        model=target.model.name,
        task=target.model.type,
        tag=target.ask.tag,
        usage=usage,
        cost=spent,
        exact=exact,
        seconds=seconds,
        attempts=problem.attempts if problem else told.attempts if outcome else 1,
        outcome=problem.kind if problem else "ok" if outcome else "interrupted",
        request_id=problem.request_id if problem else told.request_id if outcome else None,
    )


def least(usage: Usage, price: Price) -> Decimal | None:
    """What a broken answer cost at least, by the tokens it had told of.

    >>> least(Usage(input=1000), Price(input=Decimal(3), output=Decimal(15)))
    Decimal('0.003')
    """
    if usage.input is None and usage.output is None:
        return None
    return cost(replace(usage, input=usage.input or 0, output=usage.output or 0), price)
