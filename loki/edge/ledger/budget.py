"""Request -> the same request, if what it could cost is within every budget by the ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import TypeAlias

from returns.result import Result, Success

from loki.edge.ledger.writer import Ledger, Spent, Warn
from loki.money.budget import BudgetStatus, check_budget, known_worst_case
from loki.problems import Problem
from loki.records import Request
from loki.stages.account import Entry

#: Goes around the wait of a call to a model, by the model's name.
Waiting: TypeAlias = Callable[[str], AbstractContextManager[None]]


class Budget:
    """Budgets of the configuration, by name in US dollars, and the calls under way.

    A thread has one call under way: its worst case counts as spent until its row is written.
    Calls of other processes count when they are done. With ``waiting``, which goes around the wait
    of a call to a model, a call that would fit without those under way waits for them.
    """

    def __init__(
        self,
        limits: Mapping[str, str],
        ledger: Ledger,
        now: Callable[[], float],
        write: Callable[[Entry], None],
        say: Warn,
        allow_unpriced: bool = False,
        waiting: Waiting | None = None,
    ) -> None:
        self.limits = {name: Decimal(text) for name, text in limits.items()}
        self.ledger = ledger
        self.now = now
        self.write = write
        self.say = say
        self.allow_unpriced = allow_unpriced
        self.waiting = waiting
        self.changed = threading.Condition()  # guards what follows
        self.under_way: dict[threading.Thread, Decimal] = {}
        self.unpriced: set[str] = set()  # models of unknown price that were warned of

    def check_budget(self, request: Request) -> Result[Request, Problem]:
        """Return the request if every budget allows it; its worst case counts as spent at once."""
        self.under_way.pop(threading.current_thread(), None)  # one that was never sent
        if (result := self.try_reserve(request)) is not None:
            return result
        assert self.waiting is not None
        with self.waiting(request.draft.target.name), self.changed:
            while (result := self.try_reserve(request)) is None:
                self.changed.wait(1)  # a thread that dies tells nobody
        return result

    def try_reserve(self, request: Request) -> Result[Request, Problem] | None:
        """Reserve the worst case of a call; None where it may fit once others are done."""
        with self.changed:
            found = self.statuses()
            result = found.bind(lambda each: check_budget(request, each, self.allow_unpriced))
            if isinstance(result, Success):
                self.reserve(request)
            elif self.waiting is not None and self.can_wait(request, found.value_or(())):
                return None
            return result

    def can_wait(self, request: Request, statuses: Sequence[BudgetStatus]) -> bool:
        """Return whether only what is under way stands in the way of a call."""
        alone = [each._replace(reserved=Decimal(0)) for each in statuses]
        is_shared = any(each.reserved for each in statuses)
        return is_shared and isinstance(check_budget(request, alone, self.allow_unpriced), Success)

    def record(self, entry: Entry) -> None:
        """Write the row of a call that is no longer under way."""
        try:
            self.write(entry)
        finally:
            self.under_way.pop(threading.current_thread(), None)
            with self.changed:
                self.changed.notify_all()

    def reserve(self, request: Request) -> None:
        """Count the worst case of a call as spent; warn once if its price is unknown."""
        worst = known_worst_case(request)
        self.under_way[threading.current_thread()] = worst or Decimal(0)
        name = request.draft.target.name
        if worst is None and name not in self.unpriced:
            self.unpriced.add(name)
            self.say(f"the budget cannot count {name}: its price is unknown (0 where it is free)")

    def statuses(self) -> Result[tuple[BudgetStatus, ...], Problem]:
        """Return every budget with what is spent of it, calls under way included."""
        from loki.money.periods import day_of, month_of, zone_name

        now = self.now()
        reserved = total_reserved(
            self.under_way
        )  # read first: a call counts twice rather than never
        kinds = {"per_day": ("today", day_of), "per_month": ("this month", month_of)}
        spans = {name: kinds[name][1](now, None) for name in self.limits}

        def status(name: str, sum: Spent) -> BudgetStatus:
            period = f"{kinds[name][0]} ({spans[name].name}, {zone_name(now, now, None)})"
            return BudgetStatus(period, self.limits[name], sum.cost, sum.unknown_calls, reserved)

        spent = self.ledger.spent([span[1:] for span in spans.values()], now)
        return spent.map(lambda sums: tuple(map(status, self.limits, sums))).alt(to_budget_problem)


def total_reserved(costs: Mapping[threading.Thread, Decimal]) -> Decimal:
    """Return the US dollars of all threads that still live, also while others add theirs."""
    return sum((cost for thread, cost in list(costs.items()) if thread.is_alive()), Decimal(0))


def to_budget_problem(problem: Problem) -> Problem:
    """Return the problem of a budget whose ledger cannot be read or written."""
    return Problem("budget", f"nobody knows what is spent of it: {problem.message}")
