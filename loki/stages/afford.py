"""5b. Request, what is spent -> the same Request, if the budgets allow what it could cost."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from returns.result import Result, Success

from loki.problems import Problem, fail
from loki.records import Request
from loki.stages.account import least
from loki.stages.resolve import largest, worst_case


class Purse(NamedTuple):
    """A budget and what is gone of it, in US dollars."""

    period: str  # for messages: today (2026-11-22, UTC)
    budget: Decimal
    spent: Decimal  # calls that are under way count as their worst case
    unknown: int = 0  # calls that may have cost more than is known


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

    def fits(self, worst: Decimal) -> bool:
        """Whether there is room for something that costs so much at worst."""
        return self.spent + self.reserved + worst <= self.limit

    def can_wait(self, worst: Decimal) -> bool:
        """Whether there may be room once what is under way turns out to cost less."""
        return self.reserved > 0 and self.spent + worst <= self.limit

    def reserve(self, worst: Decimal) -> Allowance:
        """Return the same with something more under way."""
        return self._replace(reserved=self.reserved + worst)

    def settle(self, worst: Decimal, cost: Decimal) -> Allowance:
        """Return the same after something that was under way has cost so much."""
        return self._replace(reserved=self.reserved - worst, spent=self.spent + cost)


def afford(request: Request, purses: Iterable[Purse]) -> Result[Request, Problem]:
    """What could pass a budget is not sent; a budget that is used up allows nothing but the free.

    Where nobody knows the longest answer, the prompt alone is counted; where nobody knows the
    price, nothing is. Such a call can pass the budget, the next one cannot.
    """
    target = request.draft.target
    known = could_cost(request)
    for purse in purses:
        over = purse.spent >= purse.budget if known is None else purse.spent + known > purse.budget
        if over and known != 0:
            said = f"could cost {money(known)}" if known is not None else "has no known price"
            return fail("budget", f"{target.name} {said}, and of {told(purse)}")
    return Success(request)


def could_cost(request: Request) -> Decimal | None:
    """The worst case of a call as far as it is known, in US dollars."""
    target = request.draft.target
    worst = worst_case(target)
    return least(largest(target), target.model.price) if worst is None else worst


def told(purse: Purse) -> str:
    """A budget in words.

    >>> told(Purse("today (UTC)", Decimal("1.50"), Decimal("1.4"), unknown=1))
    'the budget of $1.50 for today (UTC) $1.40 is spent, besides 1 call of unknown cost'
    """
    calls = f"{purse.unknown} call{'s' * (purse.unknown != 1)} of unknown cost"
    besides = f", besides {calls}" if purse.unknown else ""
    limit = f"the budget of {money(purse.budget)} for {purse.period}"
    return f"{limit} {money(purse.spent)} is spent{besides}"


def money(amount: Decimal) -> str:
    """US dollars to the last digit that says something, but no fewer than cents.

    >>> money(Decimal("1.5000")), money(Decimal("0.002340")), money(Decimal(20))
    ('$1.50', '$0.00234', '$20.00')
    """
    cents = amount.quantize(Decimal("0.01"))
    return f"${cents if cents == amount else amount.normalize():f}"
