"""8. Reply -> Reply, priced; and a call and its outcome -> the entry of it in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from returns.result import Result, Success

from loki.money.estimate import worst_cost
from loki.money.prices import cost, cost_lower_bound, price_of
from loki.money.service_tiers import service_tiers
from loki.price import Price
from loki.problems import Problem
from loki.record import record, replace
from loki.records import Request, Task
from loki.replies import Reply
from loki.usage import Usage

if TYPE_CHECKING:
    from loki.replies import Embeddings, Ranking

#: Whatever is billed.
Billed = TypeVar("Billed", Reply, "Embeddings", "Ranking")


def paid_price(request: Request) -> Price:
    """Return the price of the model that a request names."""
    return price_of(request.target, request.draft.changes)


def account(reply: Billed) -> Billed:
    """Fill in ``cost`` in US dollars; an unknown price stays unknown, a cached answer is free."""
    if reply.is_cached:
        return replace(reply, cost=Decimal(0))
    return replace(reply, cost=paid_cost(reply.usage, reply.request))


def paid_cost(usage: Usage, request: Request) -> Decimal | None:
    """Return what a call cost in US dollars.

    Where no answer says at which tier of service, it is the dearest of those that may have served:
    the usual one, and the one that a patch asks for.
    """
    price = paid_price(request)
    tiers = {usage.tier} if usage.tier else service_tiers(request.draft.changes)
    costs = [cost(replace(usage, tier=tier), price) for tier in tiers]
    known = [amount for amount in costs if amount is not None]
    return max(known) if len(known) == len(costs) else None


def add_cost_to_problem(request: Request) -> Callable[[Problem], Problem]:
    """Return a step that fills in what a failure cost, where a whole answer came before it.

    Where that is unknown, it is the most that it may be, under a ``max_cost``.
    """
    at_worst = add_worst_cost(request)

    def step(problem: Problem) -> Problem:
        if problem.usage is None or is_free(problem):
            return at_worst(problem)
        return at_worst(replace(problem, cost=paid_cost(problem.usage, request)))

    return step


def add_worst_cost(request: Request) -> Callable[[Problem], Problem]:
    """Return a step that fills in the most that a failure may have cost, under a ``max_cost``.

    Where nobody knows whether a call was billed, what is tried after it must be affordable still.
    """

    def step(problem: Problem) -> Problem:
        is_known = problem.cost is not None or is_free(problem)
        if is_known or request.target.ask.max_cost is None:
            return problem
        return replace(problem, worst_cost=worst_cost(request.target, request.draft.changes))

    return step


def most_spent(problem: Problem) -> Decimal:
    """Return what a failure has cost in US dollars; where that is unknown, its worst case."""
    return (problem.worst_cost if problem.cost is None else problem.cost) or Decimal(0)


def is_free(problem: Problem) -> bool:
    """Return whether nothing was billed: the request did not leave, or was refused."""
    return not problem.is_cost_unknown and (not problem.sent or problem.status is not None)


# ---- the ledger ------------------------------------------------------------------------------


@record
class Entry:
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
    outcome: str  # ok, cached, the kind of a Problem, interrupted; or lost, by the ledger
    request_id: str | None
    batch: str | None = None  # of a row in a provider's batch job: its custom id
    usual_cost: Decimal | None = None  # US dollars that such a row would have cost outside it


def build_entry(
    request: Request,
    outcome: Result[Reply | Embeddings | Ranking, Problem] | None,
    reported: Usage,
    began: float,
    seconds: float,
) -> Entry:
    """Return the ledger's entry of a call; without an outcome it was interrupted."""
    target = request.target
    problem = None if outcome is None or isinstance(outcome, Success) else outcome.failure()
    if isinstance(outcome, Success):
        reply = outcome.unwrap()
        usage = NOTHING_BILLED if reply.is_cached else reply.usage
        spent, exact = reply.cost, reply.cost is not None
    elif problem is not None and problem.cost is not None:
        usage, spent, exact = problem.usage or reported, problem.cost, True
    else:
        usage = (problem and problem.usage) or reported
        free = problem is not None and is_free(problem)
        spent, exact = (
            (Decimal(0), True) if free else (cost_lower_bound(usage, paid_price(request)), False)
        )
    if not exact and not spent and worst_cost(target, request.draft.changes) == 0:
        spent, exact = Decimal(0), True  # whatever happened: all its prices are 0
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
        attempts=problem.attempts if problem else reply.attempts if outcome else 1,
        outcome=problem.kind if problem else outcome_of(reply) if outcome else "interrupted",
        request_id=problem.request_id if problem else reply.request_id if outcome else None,
    )


#: The tokens of an answer that a cache gave.
NOTHING_BILLED = Usage(input=0, output=0)


def outcome_of(reply: Reply | Embeddings | Ranking) -> str:
    """Return the ledger's word for a call that was answered."""
    return "cached" if reply.is_cached else "ok"
