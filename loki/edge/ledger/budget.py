"""Request -> the same request, if what it could cost is within every budget by the ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from decimal import Decimal

from returns.result import Result, Success

from loki.edge.ledger.writer import Ledger, Spent, Warn
from loki.money.budget import BudgetStatus, check_budget, known_worst_case
from loki.problems import Problem
from loki.records import Request
from loki.stages.account import Entry


class Budget:
    """Budgets of the configuration, by name in US dollars, and the calls under way.

    A thread has one call under way: its worst case counts as spent until its row is written.
    Calls of other processes count when they are done.
    """

    def __init__(
        self,
        limits: Mapping[str, str],
        ledger: Ledger,
        now: Callable[[], float],
        write: Callable[[Entry], None],
        say: Warn,
        allow_unpriced: bool = False,
    ) -> None:
        self.limits = {name: Decimal(text) for name, text in limits.items()}
        self.ledger = ledger
        self.now = now
        self.write = write
        self.say = say
        self.allow_unpriced = allow_unpriced
        self.lock = threading.Lock()
        self.under_way: dict[threading.Thread, Decimal] = {}
        self.unpriced: set[str] = set()  # models of unknown price that were warned of

    def check_budget(self, request: Request) -> Result[Request, Problem]:
        """Return the request if every budget allows it; its worst case counts as spent at once."""
        with self.lock:
            result = self.statuses().bind(
                lambda statuses: check_budget(request, statuses, self.allow_unpriced)
            )
            if isinstance(result, Success):
                self.reserve(request)
        return result

    def record(self, entry: Entry) -> None:
        """Write the row of a call that is no longer under way."""
        try:
            self.write(entry)
        finally:
            self.under_way.pop(threading.current_thread(), None)

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
