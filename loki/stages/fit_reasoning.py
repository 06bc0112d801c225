"""2b. Target -> Target: what --reasoning asks for, as its model can be asked: an effort it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from returns.result import Result, Success

from loki.abilities import ReasoningSupport
from loki.config.setting_names import EFFORTS
from loki.problems import Problem, fail
from loki.record import replace
from loki.records import Target

#: How servers are asked that take a number of tokens as well as an effort.
BY_TOKENS = ("budget", "object")


def fit_reasoning(target: Target) -> Result[Target, Problem]:
    """Return the target with an effort that its model has, the nearest to the one asked for.

    Tokens are kept or refused, never bent; and a model that always thinks is not told ``none``.
    """
    wanted, known = target.ask.reasoning, target.model.abilities.reasoning
    match wanted:
        case None:
            return Success(target)
        case "none" | 0:
            return without_reasoning(target, known)
        case _ if known.by == "none":
            return fail("usage", f"{target.name} does not think: leave --reasoning out")
        case int(tokens):
            return with_tokens(target, known, tokens)
        case str(effort) if effort in EFFORTS:
            return Success(with_reasoning(target, nearest_effort(effort, known.efforts)))
        case _:
            return fail_unfit(target, known)


def without_reasoning(target: Target, support: ReasoningSupport) -> Result[Target, Problem]:
    """Return a target that is not to think."""
    if support.by == "none":  # it never does
        return Success(with_reasoning(target, None))
    if support.off is None:
        least = support.least if support.by == "budget" else support.efforts[0]
        return fail("usage", f"{target.name} takes no --reasoning none: {least} is the least")
    return Success(with_reasoning(target, "none"))


def with_tokens(target: Target, support: ReasoningSupport, tokens: int) -> Result[Target, Problem]:
    """Return a target that is to think within a number of tokens."""
    if not can_take_tokens(target, support):
        return fail_unfit(target, support, ", not tokens")
    if tokens < support.least:
        name = target.client.name
        return fail("usage", f"{name} takes --reasoning of {support.least} tokens or more")
    return Success(target)


def can_take_tokens(target: Target, support: ReasoningSupport) -> bool:
    """Return whether a model can be told how many tokens to think with."""
    if support.tokens is not None:
        return support.tokens
    return target.reasoning_by in BY_TOKENS


def with_reasoning(target: Target, reasoning: str | None) -> Target:
    """Return a target with another reasoning."""
    if reasoning == target.ask.reasoning:
        return target
    return replace(target, ask=replace(target.ask, reasoning=reasoning))


def fail_unfit(target: Target, support: ReasoningSupport, end: str = "") -> Result[Any, Problem]:
    """Return the failure that names what the model takes."""
    words = [
        *(["none"] if support.off is not None else []),
        *support.efforts,
        *(["TOKENS"] if can_take_tokens(target, support) else []),
    ]
    listed = " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
    name, model = target.client.name, target.model.real_name
    return fail("usage", f"{name} takes --reasoning {listed} for {model}{end}")


def nearest_effort(wanted: str, known: Sequence[str]) -> str:
    """Return the effort that is nearest to the one wanted, the weaker of two as near.

    >>> nearest_effort("max", ["low", "high"]), nearest_effort("medium", ["low", "high"])
    ('high', 'low')
    """
    place = EFFORTS.index
    return min(known, key=lambda effort: (abs(place(effort) - place(wanted)), place(effort)))
