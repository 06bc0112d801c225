"""2b. Target, Draft -> the same, if the call cannot cost more than its ask allows."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from returns.result import Failure, Result, Success

from loki.json_text import JsonObject
from loki.money.estimate import (
    max_answers,
    max_usage,
    unpriced_tiers,
    uses_server_tools,
    worst_cost,
)
from loki.problems import Problem, count_of, fail
from loki.records import Draft, Patch, Target
from loki.stages.patch import changes_of, patches_for


def check_max_cost(extra: tuple[Patch, ...] = ()) -> Callable[[Target], Result[Target, Problem]]:
    """Refuse (kind budget) what could cost more than ``ask.max_cost``, patches included."""

    def stage(target: Target) -> Result[Target, Problem]:
        allowed = target.ask.max_cost
        if allowed is None:
            return Success(target)
        worst = patched_worst_cost(target, extra)
        if worst is None:
            return Failure(explain_unknown_cost(target, extra))
        if worst <= allowed:
            return Success(target)
        usage = max_usage(target, changes_of(patches_for(target, extra)))
        return fail(
            "budget",
            f"{target.name} could cost ${worst.normalize():f}, over --max-cost ${allowed:f}"
            f" (about {count_of(usage.input or 0, 'token')} in, at most {usage.output:,} out)",
        )

    return stage


def check_draft_cost(extra: tuple[Patch, ...] = ()) -> Callable[[Draft], Result[Draft, Problem]]:
    """Refuse the same of a draft; one whose answer is kept costs nothing."""
    check = check_max_cost(extra)

    def stage(draft: Draft) -> Result[Draft, Problem]:
        return Success(draft) if draft.kept else check(draft.target).map(lambda _: draft)

    return stage


def patched_worst_cost(target: Target, extra: tuple[Patch, ...]) -> Decimal | None:
    """Return the most a call can cost in US dollars with its patches; None if nobody knows."""
    return worst_cost(target, changes_of(patches_for(target, extra)))


def explain_unknown_cost(target: Target, extra: tuple[Patch, ...] = ()) -> Problem:
    """Return why ``--max-cost`` cannot be kept: what is not known of a call, and what to set."""
    changes = changes_of(patches_for(target, extra))
    whose = f"--max-cost: nobody knows {target.name}'s worst case"
    if uses_server_tools(target, changes):
        billed = "what a search or another tool of the provider's finds is billed too"
        return Problem("budget", f"{whose}: {billed}, so ask without it")
    if max_answers(changes) is None:
        return Problem("budget", f"{whose}, for want of how many answers a patch asks for")
    usage = max_usage(target, changes)
    is_endless = usage.output is None
    lacks = [
        *([describe_lacking_price(target, changes)] if unpriced_tiers(target, changes) else []),
        *([LONGEST] if is_endless else []),
    ]
    return Problem("budget", f"{whose}, for want of {' and '.join(lacks) or PRICE}")


def describe_lacking_price(target: Target, changes: JsonObject) -> str:
    """Return which price is not known of a call."""
    if named := changes.get("model"):
        return f"the price of {named!r}, which a patch asks for"
    unknown = unpriced_tiers(target, changes)
    at = f"its price at the service tier {unknown[0]!r}, which a patch asks for"
    return PRICE if None in unknown else at


LONGEST = "its longest answer: give --max-tokens"
PRICE = "its price (set input_price and output_price)"
