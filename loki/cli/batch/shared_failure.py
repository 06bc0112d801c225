"""A row that failed -> whether every other row would fail alike, so that the run ends."""

from __future__ import annotations

from collections.abc import Sequence

from returns.result import Success

from loki.batch.rows import InvalidRow, ReadyRow, Row, RowDefaults
from loki.edge.auth.credentials import mask_draft
from loki.edge.batch.spending import highest_worst_cost
from loki.messages import Message
from loki.money.budget import NO_ROOM
from loki.pipeline import Env, prepare
from loki.problems import Kind, Problem
from loki.record import replace
from loki.records import Task

#: Failures that every other row would meet too, unless they come of what a row wants of its own.
FATAL: frozenset[Kind] = frozenset({"auth", "quota", "budget", "config"})
DEAD = 2  # times as many rows as are in flight, all offline: nobody is there


class SharedFailures:
    """Tells failures that concern every row from those of one row.

    ``model`` is the run's; ``expected`` is why a row fails that wants nothing of its own, if that
    is known before anything is sent.
    """

    def __init__(self, model: str | None, in_flight: int, expected: Problem | None = None) -> None:
        self.model, self.in_flight, self.expected = model, in_flight, expected
        self.offline = 0  # rows of this run's model in a row that reached nobody

    def record_answer(self) -> None:
        """Learn that somebody is there."""
        self.offline = 0

    def concerns_all(self, row: Row, problem: Problem, has_answers: bool) -> bool:
        """Return whether to end the run; ``has_answers`` if any of its rows was ever answered."""
        is_expected = self.expected is not None and problem.message == self.expected.message
        if isinstance(row, InvalidRow):
            return False
        if problem.kind == "offline" and not problem.sent:
            self.offline += self.model in (None, row.ask.model)
            return self.offline >= DEAD * self.in_flight
        if row.ask.model != self.model or problem.kind not in FATAL:
            return is_expected
        if row.patch is not None and may_come_of_patch(problem):
            return is_expected
        return problem.kind != "config" or not has_answers


def may_come_of_patch(problem: Problem) -> bool:
    """Return whether what a row wants of its own may be why it failed, and others would not."""
    is_price = problem.kind == "budget" and problem.code != NO_ROOM
    return is_price or problem.kind == "config" or problem.status == 403


def find_shared_failure(
    env: Env, defaults: RowDefaults, task: Task, is_limited: bool, fallback: Sequence[str] = ()
) -> Problem | None:
    """Return why a row fails before it is sent that wants nothing of its own, None if it does not.

    That is a matter of the flags and of the model; ``is_limited`` is a run with ``--max-cost``.
    """
    turns = (*defaults.ask.messages, Message("user", "?"))
    words = {"messages": (), "texts": ("?",)} if defaults.embed else {"messages": turns}
    ask = replace(defaults.ask, **words)
    if is_limited:
        worst = highest_worst_cost(env, task, ReadyRow(0, "", "", ask), fallback)
        if not isinstance(worst, Success):
            return worst.failure()
    request = prepare(replace(env, authorize=mask_draft), ask, task)
    return None if isinstance(request, Success) else request.failure()
