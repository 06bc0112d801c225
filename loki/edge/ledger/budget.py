"""IMPURE. Budgets, held against the ledger: what a call could cost is looked up before it goes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from decimal import Decimal

from returns.result import Result, Success

from loki.edge.ledger.writer import Ledger, Say, Sum
from loki.money.budget import Purse, afford, could_cost
from loki.problems import Problem
from loki.records import Request
from loki.stages.account import Entry


class Budget:
    """Budgets by their names in the configuration, in US dollars, and the calls under way.

    A thread has one call under way: what it could cost counts as spent until its line is written.
    Calls of other processes count when they are done.
    """

    def __init__(
        self,
        limits: Mapping[str, str],
        ledger: Ledger,
        now: Callable[[], float],
        write: Callable[[Entry], None],
        say: Say,
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
        self.uncounted: set[str] = set()  # models of unknown price that were mentioned

    def afford(self, request: Request) -> Result[Request, Problem]:
        """The same request, if every budget allows it; its worst case is taken off at once."""
        with self.lock:
            result = self.purses().bind(lambda purses: afford(request, purses, self.allow_unpriced))
            if isinstance(result, Success):
                self.take(request)
        return result

    def record(self, entry: Entry) -> None:
        """Write the line of a call that is no longer under way."""
        try:
            self.write(entry)
        finally:
            self.under_way.pop(threading.current_thread(), None)

    def take(self, request: Request) -> None:
        """Count what a call could cost; say so if nobody knows."""
        worst = could_cost(request)
        self.under_way[threading.current_thread()] = worst or Decimal(0)
        name = request.draft.target.name
        if worst is None and name not in self.uncounted:
            self.uncounted.add(name)
            self.say(f"the budget cannot count {name}: its price is unknown (0 where it is free)")

    def purses(self) -> Result[tuple[Purse, ...], Problem]:
        """Every budget, and what is gone of it."""
        from loki.money.periods import day_of, month_of, zone_name

        now = self.now()
        promised = promises(self.under_way)  # read first: a call counts twice rather than never
        kinds = {"per_day": ("today", day_of), "per_month": ("this month", month_of)}
        spans = {name: kinds[name][1](now, None) for name in self.limits}

        def purse(name: str, sum: Sum) -> Purse:
            period = f"{kinds[name][0]} ({spans[name].name}, {zone_name(now, now, None)})"
            return Purse(period, self.limits[name], sum.cost + promised, sum.unknown)

        spent = self.ledger.spent([span[1:] for span in spans.values()], now)
        return spent.map(lambda sums: tuple(map(purse, self.limits, sums))).alt(unknowable)


def promises(costs: Mapping[threading.Thread, Decimal]) -> Decimal:
    """US dollars in all, of the threads that still live, also while others add theirs."""
    return sum((cost for thread, cost in list(costs.items()) if thread.is_alive()), Decimal(0))


def unknowable(problem: Problem) -> Problem:
    """A ledger that cannot be read, or not be written, holds no budget."""
    return Problem("budget", f"nobody knows what is spent of it: {problem.message}")
