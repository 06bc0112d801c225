"""5b. Request, what is spent -> the same Request, if the budgets allow what it could cost."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from returns.result import Result, Success

from loki.json_text import JsonObject
from loki.money.estimate import max_usage, unpriced_tiers, worst_cost
from loki.money.prices import cost_lower_bound, price_of
from loki.price import format_dollars
from loki.problems import Problem, fail
from loki.records import Request, Target, Task

NO_ROOM = "budget"  # the code of a call that a budget has no room for, as its message says


class BudgetStatus(NamedTuple):
    """A budget and what is gone of it, in US dollars."""

    period: str  # for messages: today (2026-11-22, UTC)
    budget: Decimal
    spent: Decimal
    unknown_calls: int = 0  # calls of unknown cost: their worst cases, if known, are in spent
    reserved: Decimal = Decimal(0)  # the worst cases of calls under way
    end: float | None = None  # of the period, in seconds since the epoch

    def has_room(self, known: Decimal | None) -> bool:
        """Return whether a call fits that costs so much as far as it is known; None: unknown."""
        gone = self.spent + self.reserved
        return known == 0 or (gone < self.budget if known is None else gone + known <= self.budget)


class Allowance(NamedTuple):
    """What a run may cost, in US dollars: what is gone of it, and what is under way may take.

    ``spent`` and ``reserved`` together never pass ``limit`` as long as nothing is reserved that
    does not fit, and nothing costs more than its worst case.

    >>> purse = Allowance(Decimal(10)).reserve(Decimal(6))
    >>> purse.fits(Decimal(4)), purse.fits(Decimal(5))
    (True, False)
    >>> purse.settle(Decimal(6), Decimal(1)).fits(Decimal(9))
    True
    """

    limit: Decimal
    spent: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)  # the worst cases of what is under way

    def fits(self, worst_cost: Decimal) -> bool:
        """Return whether there is room for something that costs so much at worst."""
        return self.spent + self.reserved + worst_cost <= self.limit

    def can_wait(self, worst_cost: Decimal) -> bool:
        """Return whether there may be room once what is under way turns out to cost less."""
        return self.reserved > 0 and self.spent + worst_cost <= self.limit

    def reserve(self, worst_cost: Decimal) -> Allowance:
        """Return the same with something more under way."""
        return self._replace(reserved=self.reserved + worst_cost)

    def settle(self, worst_cost: Decimal, cost: Decimal) -> Allowance:
        """Return the same after something that was under way has cost so much."""
        return self._replace(reserved=self.reserved - worst_cost, spent=self.spent + cost)


def check_budget(
    request: Request, statuses: Sequence[BudgetStatus], allow_unpriced: bool = False
) -> Result[Request, Problem]:
    """Refuse (kind budget) what could pass a budget; one that is used up allows only the free.

    Where nobody knows the longest answer, the prompt alone is counted: such a call can pass the
    budget, the next one cannot. A model of unknown price is refused, or with ``allow_unpriced``
    counted as nothing.
    """
    target = request.target
    lack = (
        "" if allow_unpriced or not statuses else find_missing_price(target, request.draft.changes)
    )
    if lack:
        return fail("budget", f"{target.name} has no known price{lack}")
    known = known_worst_cost(request)
    for purse in statuses:
        if not purse.has_room(known):
            reason = (
                f"could cost {format_dollars(known)}" if known is not None else "has no known price"
            )
            message = f"{target.name} {reason}, and of {describe_budget(purse)}"
            return fail("budget", message, code=NO_ROOM, retry_at=next_room(statuses, known))
    return Success(request)


def next_room(statuses: Sequence[BudgetStatus], known: Decimal | None) -> float | None:
    """Return when a refused call has room again: at the end of each period that has none left.

    None where it never has, or as soon as calls under way turn out to cost less.

    >>> day = BudgetStatus("today", Decimal(2), Decimal(1), end=86400.0)
    >>> month = BudgetStatus("this month", Decimal(9), Decimal(8), end=2678400.0)
    >>> next_room([day, month], Decimal("1.5")), next_room([day], Decimal("1.5"))
    (2678400.0, 86400.0)
    >>> next_room([day], Decimal(3)), next_room([day], Decimal(1))
    (None, None)
    """
    alone = [each._replace(reserved=Decimal(0)) for each in statuses]
    full = [each for each in alone if not each.has_room(known)]
    is_hopeless = known is not None and any(known > each.budget for each in full)
    return None if is_hopeless else max((each.end for each in full if each.end), default=None)


def find_full(statuses: Sequence[BudgetStatus], worst_cost: Decimal) -> BudgetStatus | None:
    """Return the first budget that has no room for what costs so much at worst.

    >>> find_full([BudgetStatus("today", Decimal(2), Decimal(1))], Decimal(1)) is None
    True
    """
    return next(
        (each for each in statuses if each.spent + each.reserved + worst_cost > each.budget), None
    )


def find_missing_price(target: Target, changes: JsonObject) -> str:
    """Return where the price is unknown and what to do about it, empty where it is known."""
    unknown = unpriced_tiers(target, changes)
    allow = "or set budget.allow_unpriced: true"
    place = f"under `models` of client {target.client.name!r}"
    if None in unknown:
        how = f"give the model its {PRICED_BY[target.model.type]} (US dollars, 0 where it is free)"
        return f", and a budget is set: {how} {place}, {allow}"
    if unknown:
        at = f" at the service tier {unknown[0]!r} that a patch asks for"
        own = f"list a model with this patch and its prices {place}"
        return f"{at}, and a budget is set: take another tier, {own}, {allow}"
    return ""


#: The settings that give a model of each type its price.
PRICED_BY: dict[Task, str] = {
    "chat": "input_price and output_price",
    "embedding": "input_price",
    "reranker": "input_price or search_price",
}


def known_worst_cost(request: Request) -> Decimal | None:
    """Return the worst case of a call as far as it is known, in US dollars."""
    target, changes = request.target, request.draft.changes
    worst = worst_cost(target, changes)
    price = price_of(target, changes)
    return cost_lower_bound(max_usage(target, changes), price) if worst is None else worst


def describe_budget(status: BudgetStatus) -> str:
    """Return a budget as a message shows it.

    >>> gone = BudgetStatus("today (UTC)", Decimal("1.50"), Decimal("1.4"), unknown_calls=1)
    >>> describe_budget(gone)
    'the budget of $1.50 for today (UTC) $1.40 is spent,
     counting 1 call of unknown cost at its worst case'
    >>> describe_budget(BudgetStatus("today (UTC)", Decimal(2), Decimal(1), reserved=Decimal(1)))
    'the budget of $2.00 for today (UTC) $1.00 is spent and $1.00 reserved for calls under way'
    """
    more = f" and {format_dollars(status.reserved)} reserved for calls under way"
    under_way = more if status.reserved else ""
    calls = f"{status.unknown_calls} call{'s' * (status.unknown_calls != 1)} of unknown cost"
    worst = "its" if status.unknown_calls == 1 else "their"
    unknown = f", counting {calls} at {worst} worst case" if status.unknown_calls else ""
    limit = f"the budget of {format_dollars(status.budget)} for {status.period}"
    return f"{limit} {format_dollars(status.spent)} is spent{unknown}{under_way}"
