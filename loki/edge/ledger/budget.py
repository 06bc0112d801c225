"""Request -> the same request, if what it could cost is within every budget by the ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from returns.result import Failure, Result, Success

from loki.edge.ledger.database import checkpoint_if_large, transaction
from loki.edge.ledger.reservations import (
    NOBODY,
    Caller,
    delete_reservations,
    end_stale,
    holder_name,
    insert_reservation,
    sum_under_way,
)
from loki.edge.ledger.writer import Ledger, Warn, run_with_warning, sum_span
from loki.money.budget import PRICED_BY, BudgetStatus, check_budget, find_full, known_worst_cost
from loki.problems import Problem
from loki.records import Request
from loki.stages.account import Entry

if TYPE_CHECKING:
    from sqlite3 import Connection

#: Goes around the wait of a call to a model, by the model's name.
Waiting: TypeAlias = Callable[[str], AbstractContextManager[None]]

DAY = 86400.0  # seconds that a call without a time limit may take
GRACE = 60.0  # seconds for a call that ended in time to write its row


class Held(NamedTuple):
    """What a call reserved, in US dollars."""

    name: str  # in the ledger
    cost: Decimal
    time: float  # seconds since the epoch


class Budget:
    """Budgets of the configuration, by name in US dollars, and what calls under way may cost.

    The worst case of a call counts as spent, for every process that writes to the ledger, from
    ``check_budget`` until its row is written, or for good if its process is killed before that;
    a thread has one call under way. With ``waiting``, which goes around the wait of a call to a
    model, a call that would fit without those under way waits for them. Without ``keep`` no rows
    are written.
    """

    def __init__(
        self,
        limits: Mapping[str, str],
        ledger: Ledger,
        now: Callable[[], float],
        say: Warn,
        allow_unpriced: bool = False,
        waiting: Waiting | None = None,
        keep: bool = True,
    ) -> None:
        self.limits = {name: Decimal(text) for name, text in limits.items()}
        self.ledger = ledger
        self.now = now
        self.say = say
        self.allow_unpriced = allow_unpriced
        self.waiting = waiting
        self.keep = keep
        self.numbers = count()
        self.changed = threading.Condition()  # guards what follows
        self.under_way: dict[threading.Thread, Held] = {}
        self.unpriced: set[str] = set()  # models of unknown price that were warned of

    # ---- a call of this thread

    def check_budget(self, request: Request) -> Result[Request, Problem]:
        """Return the request if every budget allows it; its worst case counts as spent at once."""
        if (result := self.try_reserve(request)) is not None:
            return result
        assert self.waiting is not None
        with self.waiting(request.draft.target.name), self.changed:
            while (result := self.try_reserve(request)) is None:
                self.changed.wait(1)  # another process, or a thread that dies, tells nobody
        return result

    def try_reserve(self, request: Request) -> Result[Request, Problem] | None:
        """Reserve the worst case of a call; None where it may fit once others are done."""
        with self.changed:
            done = [
                thread
                for thread in self.under_way  # one that was never sent is over, too
                if thread is threading.current_thread() or not thread.is_alive()
            ]
            over = [self.under_way.pop(thread) for thread in done]
            worst = known_worst_cost(request)
            own = call_prefix()  # what a process from before a fork holds is not ours to free
            names = [each.name for each in over if each.name.startswith(own)]
            may_wait = self.waiting is not None
            held = self.try_hold(request, worst or Decimal(0), names, may_wait)
            if held is None or not isinstance(held, Success):
                return None if held is None else held.map(lambda _: request)
            self.under_way[threading.current_thread()] = held.unwrap()
            self.warn_if_unpriced(request, worst)
            return Success(request)

    def record(self, entry: Entry) -> None:
        """Write the row of a call that is no longer under way."""
        held = self.under_way.get(threading.current_thread())
        try:
            self.settle(held, entry)
        finally:
            with self.changed:
                self.under_way.pop(threading.current_thread(), None)
                self.changed.notify_all()

    def warn_if_unpriced(self, request: Request, worst_cost: Decimal | None) -> None:
        """Warn once of a model whose price is unknown."""
        target = request.draft.target
        if worst_cost is None and target.name not in self.unpriced:
            self.unpriced.add(target.name)
            prices = f"{PRICED_BY[target.model.type]} (0 where it is free)"
            self.say(
                f"the budget cannot count {target.name}, whose price is unknown: give the model its"
                f" {prices} under `models` of client {target.client.name!r}"
            )

    # ---- reservations in the ledger

    def try_hold(
        self,
        request: Request,
        worst_cost: Decimal,
        over: Sequence[str] = (),
        may_wait: bool = False,
    ) -> Result[Held, Problem] | None:
        """Reserve what a request may cost, if there is room; None where there may be room later.

        ``over`` names reservations of calls that are over. All is one transaction, so that two
        processes never take the same room.
        """
        now, total = self.now(), request.draft.target.limits.total
        held = Held(f"{call_prefix()}{next(self.numbers)}:{now}", worst_cost, now)
        expires = now + (DAY if total is None else total) + GRACE

        def work(db: Connection) -> Result[Held, Problem] | None:
            with transaction(db):
                delete_reservations(db, over)
                end_stale(db, now)
                found = self.read_statuses(db)
                result = check_budget(request, found, self.allow_unpriced)
                if isinstance(result, Success):
                    insert_reservation(db, *held, expires, self.caller_of(request))
                elif may_wait and self.can_wait(request, found):
                    return None
                return result.map(lambda _: held)

        done = self.ledger.with_connection(work).alt(to_budget_problem)
        return done.unwrap() if isinstance(done, Success) else Failure(done.failure())

    def caller_of(self, request: Request) -> Caller:
        """Return whose call a request is, without any secret; nobody's where no rows are kept."""
        target, redact = request.draft.target, self.ledger.redactor.redact
        words = target.client.name, target.model.name, target.model.type, target.ask.tag
        return Caller(*map(redact, words)) if self.keep else NOBODY

    def hold_job(self, name: str, worst_cost: Decimal) -> Result[BudgetStatus | None, Problem]:
        """Reserve what a batch job may cost, until ``reservations.reserve`` makes that last.

        Return the budget that has no room for it; then nothing is reserved.
        """
        now = self.now()

        def work(db: Connection) -> BudgetStatus | None:
            with transaction(db):
                end_stale(db, now)
                full = find_full(self.read_statuses(db), worst_cost)
                if full is None:
                    insert_reservation(db, name, worst_cost, now, now + DAY)
                return full

        return self.ledger.with_connection(work).alt(to_budget_problem)

    def can_wait(self, request: Request, statuses: Sequence[BudgetStatus]) -> bool:
        """Return whether only what is under way stands in the way of a call."""
        alone = [each._replace(reserved=Decimal(0)) for each in statuses]
        is_shared = any(each.reserved for each in statuses)
        return is_shared and isinstance(check_budget(request, alone, self.allow_unpriced), Success)

    def settle(self, held: Held | None, entry: Entry) -> None:
        """Write the row of a call in place of what it reserved.

        Where nobody knows what it cost, the rest of its worst case goes on counting.
        """

        def work(db: Connection) -> None:
            with transaction(db):
                if self.keep:
                    self.ledger.insert(db, [entry])
                if held is not None:
                    rest = Decimal(0) if entry.exact else held.cost - (entry.cost or 0)
                    replace_reservation(db, held, rest if self.keep else Decimal(0))
            checkpoint_if_large(db, self.ledger.path)

        run_with_warning(self.ledger, work, "this call is not in the ledger")

    def free(self, held: Held, is_known: bool) -> None:
        """Free what was reserved for calls whose rows are written; an unknown cost stays."""

        def work(db: Connection) -> None:
            with transaction(db):
                replace_reservation(db, held, Decimal(0) if is_known else held.cost)

        run_with_warning(self.ledger, work, "a call that is over still counts in the budget")

    # ---- what is spent

    def statuses(self) -> Result[tuple[BudgetStatus, ...], Problem]:
        """Return every budget with what is spent of it, and what calls under way may cost."""
        return self.ledger.with_connection(self.read_statuses).alt(to_budget_problem)

    def read_statuses(self, db: Connection) -> tuple[BudgetStatus, ...]:
        """Return the same of an open ledger."""
        from loki.money.periods import day_of, month_of, zone_name

        now = self.now()
        kinds = {"per_day": ("today", day_of), "per_month": ("this month", month_of)}

        def status(name: str, limit: Decimal) -> BudgetStatus:
            word, span_of = kinds[name]
            day, start, end = span_of(now, None)
            spent, reserved = sum_span(db, start, end), sum_under_way(db, start, end)
            period = f"{word} ({day}, {zone_name(now, now, None)})"
            gone = spent.cost - reserved  # the sums of the ledger have reservations in them
            return BudgetStatus(period, limit, gone, spent.unknown_calls, reserved, end)

        return tuple(status(*pair) for pair in self.limits.items())


def call_prefix() -> str:
    """Return how the names begin of what calls of this process reserve."""
    return f"call:{holder_name()}:"


def replace_reservation(db: Connection, held: Held, rest: Decimal) -> None:
    """Free what a call reserved, but for a rest in US dollars, which stays."""
    delete_reservations(db, [held.name])
    if rest > 0:
        insert_reservation(db, held.name, rest, held.time)


def to_budget_problem(problem: Problem) -> Problem:
    """Return the problem of a budget whose ledger cannot be read or written."""
    return Problem("budget", f"nobody knows what is spent of it: {problem.message}")
