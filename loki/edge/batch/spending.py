"""--max-cost and budgets of a run on a cluster: each row reserves its worst case before it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from returns.result import Failure, Result, Success

from loki.batch.rows import ReadyRow
from loki.edge.auth.credentials import mask_draft
from loki.edge.batch.cost_limit import CostLimit
from loki.edge.batch.rate_limiter import STOPPED
from loki.money.budget import BudgetStatus, check_budget, known_worst_case
from loki.pipeline import Env, prepare
from loki.problems import Problem
from loki.records import Ask, Patch, Request, Task
from loki.stages.account import is_free
from loki.stages.check_max_cost import patched_worst_case, unknown_worst_case
from loki.stages.resolve import resolve

#: What is spent of each budget, by the ledger.
ReadBudgets = Callable[[], Result[tuple[BudgetStatus, ...], Problem]]


class Reservation(NamedTuple):
    """What was set aside for a row, in US dollars."""

    limit: Decimal = Decimal(0)  # of --max-cost
    budget: Decimal = Decimal(0)  # of the budgets


class Spending:
    """What the rows under way may cost, within ``--max-cost`` and the budgets; one thread's."""

    def __init__(
        self,
        env: Env,
        task: Task,
        limit: CostLimit | None = None,
        purses: ReadBudgets | None = None,
        fallback: Sequence[str] = (),
    ) -> None:
        self.env, self.task, self.limit, self.purses = env, task, limit, purses
        self.fallback = fallback
        self.reserved = Decimal(0)  # of the budgets
        self.known: tuple[BudgetStatus, ...] | None = (
            None  # as the ledger has it, until a row is done
        )

    def reserve(self, job: ReadyRow) -> Result[Reservation | None, Problem]:
        """Set aside what a row may cost; None: wait for what is under way. Fails for good."""
        if self.limit is None and self.purses is None:
            return Success(Reservation())
        asks = [job.ask, *(replace(job.ask, model=name) for name in self.fallback)]
        budget = self.budget_for(asks, job.patches(self.env.patches))
        if not isinstance(budget, Success) or budget.unwrap() is None:
            return budget.map(lambda amount: None)
        limit = self.limit_for(job)
        if not isinstance(limit, Success) or limit.unwrap() is None:
            return limit.map(lambda amount: None)
        reserved = Reservation(limit.unwrap() or Decimal(0), budget.unwrap() or Decimal(0))
        self.reserved += reserved.budget
        return Success(reserved)

    def settle(self, reserved: Reservation, cost: Decimal | None) -> None:
        """Free what was set aside, once a row's cost is in the ledger; None is unknown."""
        self.reserved -= reserved.budget
        self.known = None
        if self.limit is not None:
            self.limit.settle(reserved.limit, cost)

    def give_back(self, reserved: Reservation) -> None:
        """Free what was set aside for a row that was not sent."""
        self.settle(reserved, Decimal(0))

    def limit_for(self, job: ReadyRow) -> Result[Decimal | None, Problem]:
        """Set aside what ``--max-cost`` must have room for; None: wait."""
        if self.limit is None:
            return Success(Decimal(0))
        worst = worst_case_of_any(self.env, self.task, job, self.fallback)
        if not isinstance(worst, Success):
            return Failure(worst.failure())
        most, _ = worst.unwrap()
        if (lack := self.limit.check_alone(most)) is not None:
            return Failure(lack)
        is_taken = self.limit.try_reserve(most)
        return Failure(STOPPED) if is_taken is False else Success(most if is_taken else None)

    def budget_for(
        self, asks: list[Ask], patches: tuple[Patch, ...]
    ) -> Result[Decimal | None, Problem]:
        """Return what the budgets must have room for; None: wait. Fails as a single call does."""
        if self.purses is None:
            return Success(Decimal(0))
        env = replace(self.env, authorize=mask_draft, patches=patches)
        requests = [prepare(env, ask, self.task) for ask in asks]
        first = requests[0]
        if not isinstance(first, Success):
            return Failure(first.failure())
        if self.known is None:
            spent = self.purses()
            if not isinstance(spent, Success):
                return Failure(spent.failure())
            self.known = spent.unwrap()
        costs = [known_worst_case(each.unwrap()) for each in requests if isinstance(each, Success)]
        most = max((cost for cost in costs if cost is not None), default=Decimal(0))
        return self.check_budgets(first.unwrap(), self.known, most)

    def check_budgets(
        self, request: Request, purses: tuple[BudgetStatus, ...], most: Decimal
    ) -> Result[Decimal | None, Problem]:
        """Hold a request against the budgets, with what is under way counted as spent."""
        spent = [purse._replace(reserved=purse.reserved + self.reserved) for purse in purses]
        allowed = check_budget(request, spent, self.env.config.allow_unpriced)
        if isinstance(allowed, Success):
            return Success(most)
        if self.reserved and isinstance(
            check_budget(request, purses, self.env.config.allow_unpriced), Success
        ):
            return Success(None)
        return Failure(allowed.failure())


def worst_case_of_any(
    env: Env, task: Task, job: ReadyRow, fallback: Sequence[str] = ()
) -> Result[tuple[Decimal, str], Problem]:
    """Return what a row can cost in US dollars, whichever model answers, and its own model.

    Each that fails may have cost something too, so their worst cases add up.
    """
    total, names = Decimal(0), []
    for model in (job.ask.model, *fallback):
        found = resolve(env.config, task)(replace(job.ask, model=model))
        if not isinstance(found, Success):
            return Failure(found.failure())
        target = found.unwrap()
        patches = job.patches(env.patches)
        worst = patched_worst_case(target, patches)
        if worst is None:
            return Failure(unknown_worst_case(target, patches))
        total += worst
        names.append(target.name)
    return Success((total, names[0]))


def cost_of(result: Result[dict[str, object], Problem]) -> Decimal | None:
    """Return what a row cost in US dollars, None where nobody knows."""
    if isinstance(result, Success):
        cost = result.unwrap()["cost"]
        return None if cost is None else Decimal(str(cost))
    problem = result.failure()
    return Decimal(0) if is_free(problem) else problem.cost
