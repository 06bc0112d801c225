"""--max-cost and budgets of a run on a cluster: each row reserves its worst case before it goes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from returns.result import Failure, Result, Success

from loki.batch.ask_row import failure_cost
from loki.batch.rows import ReadyRow
from loki.edge.auth.credentials import mask_draft
from loki.edge.batch.cost_limit import CostLimit
from loki.edge.batch.rate_limiter import STOPPED
from loki.edge.ledger.budget import Budget, Held
from loki.money.budget import known_worst_cost
from loki.pipeline import Env, prepare
from loki.problems import Problem
from loki.record import replace
from loki.records import Task
from loki.stages.check_max_cost import explain_unknown_cost, patched_worst_cost
from loki.stages.resolve import resolve


class Reservation(NamedTuple):
    """What was set aside for a row."""

    limit: Decimal = Decimal(0)  # of --max-cost, in US dollars
    held: Held | None = None  # of the budgets, in the ledger


class Spending:
    """What the rows under way may cost, within ``--max-cost`` and the budgets; one thread's."""

    def __init__(
        self,
        env: Env,
        task: Task,
        limit: CostLimit | None = None,
        budget: Budget | None = None,
        fallback: Sequence[str] = (),
    ) -> None:
        self.env, self.task, self.limit, self.budget = env, task, limit, budget
        self.fallback = fallback
        self.under_way = 0  # rows

    def reserve(self, row: ReadyRow) -> Result[Reservation | None, Problem]:
        """Set aside what a row may cost; None: wait for what is under way. Fails for good."""
        limit = self.limit_for(row)
        if not isinstance(limit, Success) or (most := limit.unwrap()) is None:
            return limit.map(lambda amount: None)
        held = self.hold(row)
        if held is not None and isinstance(held, Success):
            self.under_way += held.unwrap() is not None
            return Success(Reservation(most, held.unwrap()))
        if self.limit is not None:
            self.limit.settle(most, Decimal(0))
        return Success(None) if held is None else Failure(held.failure())

    def settle(self, reserved: Reservation, cost: Decimal | None) -> None:
        """Free what was set aside, once a row's cost is in the ledger; None is unknown."""
        if self.budget is not None and reserved.held is not None:
            self.under_way -= 1
            self.budget.free(reserved.held, is_known=cost is not None)
        if self.limit is not None:
            self.limit.settle(reserved.limit, cost)

    def give_back(self, reserved: Reservation) -> None:
        """Free what was set aside for a row that was not sent."""
        self.settle(reserved, Decimal(0))

    def limit_for(self, row: ReadyRow) -> Result[Decimal | None, Problem]:
        """Set aside what ``--max-cost`` must have room for; None: wait."""
        if self.limit is None:
            return Success(Decimal(0))
        worst = highest_worst_cost(self.env, self.task, row, self.fallback)
        if not isinstance(worst, Success):
            return Failure(worst.failure())
        most, _ = worst.unwrap()
        if (lack := self.limit.explain_too_dear(most)) is not None:
            return Failure(lack)
        is_taken = self.limit.try_reserve(most)
        return Failure(STOPPED) if is_taken is False else Success(most if is_taken else None)

    def hold(self, row: ReadyRow) -> Result[Held | None, Problem] | None:
        """Set aside what the budgets must have room for; None: wait. Fails as a single call does.

        Where nothing of this run is under way, there is nothing to wait for.
        """
        if self.budget is None:
            return Success(None)
        env = replace(self.env, authorize=mask_draft, patches=row.patches(self.env.patches))
        asks = [row.ask, *(replace(row.ask, model=name) for name in self.fallback)]
        requests = [prepare(env, ask, self.task) for ask in asks]
        if not isinstance(requests[0], Success):
            return Failure(requests[0].failure())
        costs = [known_worst_cost(each.unwrap()) for each in requests if isinstance(each, Success)]
        most = max((cost for cost in costs if cost is not None), default=Decimal(0))
        held = self.budget.try_hold(requests[0].unwrap(), most, may_wait=self.under_way > 0)
        return None if held is None else held.map(lambda each: each)


def highest_worst_cost(
    env: Env, task: Task, row: ReadyRow, fallback: Sequence[str] = ()
) -> Result[tuple[Decimal, str], Problem]:
    """Return what a row can cost in US dollars, whichever model answers, and its own model.

    Each that fails may have cost something too, so their worst cases add up.
    """
    total, names = Decimal(0), []
    for model in (row.ask.model, *fallback):
        found = resolve(env.config, task)(replace(row.ask, model=model))
        if not isinstance(found, Success):
            return Failure(found.failure())
        target = found.unwrap()
        patches = row.patches(env.patches)
        worst = patched_worst_cost(target, patches)
        if worst is None:
            return Failure(explain_unknown_cost(target, patches))
        total += worst
        names.append(target.name)
    return Success((total, names[0]))


def cost_of(result: Result[dict[str, object], Problem]) -> Decimal | None:
    """Return what a row cost in US dollars, None where nobody knows."""
    if isinstance(result, Success):
        cost = result.unwrap()["cost"]
        return None if cost is None else Decimal(str(cost))
    return failure_cost(result.failure())
