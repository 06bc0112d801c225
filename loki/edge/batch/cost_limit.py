"""``--max-cost`` of a run, kept before anything is sent: all its threads share it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from decimal import Decimal
from threading import Condition

from loki.money.budget import Allowance
from loki.price import format_dollars
from loki.problems import Problem

TOO_DEAR = "row_over_max_cost"  # the code of a row that alone could cost more than the limit


class CostLimit:
    """What a run may cost, in US dollars; who does not fit waits for what is under way."""

    def __init__(self, limit: Decimal) -> None:
        self.allowance = Allowance(limit)
        self.changed = Condition()
        self.is_over = False
        self.missed: Decimal | None = None  # what did not fit, and nothing under way could help

    def explain_too_dear(self, worst_cost: Decimal) -> Problem | None:
        """Return why a row can never be sent, whatever the others cost; None where it may fit."""
        if worst_cost <= self.allowance.limit:
            return None
        most = f"--max-cost {format_dollars(self.allowance.limit)}"
        message = f"this row alone could cost {format_dollars(worst_cost)}, more than {most}"
        return Problem("budget", message, code=TOO_DEAR)

    def reserve(
        self,
        worst_cost: Decimal,
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> bool:
        """Set aside what a row costs at worst; False if the run is to end instead.

        ``waiting`` goes around the wait for room, if there is one.
        """
        if (result := self.try_reserve(worst_cost)) is not None:
            return result
        with waiting(), self.changed:
            while (result := self.try_reserve(worst_cost)) is None:
                self.changed.wait()
        return result

    def try_reserve(self, worst_cost: Decimal) -> bool | None:
        """Set something aside: True; False if it never fits, None if it may fit later."""
        with self.changed:
            if not self.is_over and self.allowance.fits(worst_cost):
                self.allowance = self.allowance.reserve(worst_cost)
                return True
            if not self.is_over and self.allowance.can_wait(worst_cost):
                return None
            if not self.is_over:
                self.missed = worst_cost
            self.wake_waiting()
            return False

    def settle(self, worst_cost: Decimal, cost: Decimal | None) -> None:
        """Count what a row has cost; where nobody knows, its worst case."""
        with self.changed:
            self.allowance = self.allowance.settle(worst_cost, worst_cost if cost is None else cost)
            self.changed.notify_all()

    def wake_waiting(self) -> None:
        """Let nothing more begin, and nobody wait."""
        with self.changed:
            self.is_over = True
            self.changed.notify_all()
