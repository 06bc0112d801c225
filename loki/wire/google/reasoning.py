"""How Google's models are told to think, by their family."""

from __future__ import annotations

from collections.abc import Callable

from loki.abilities import ReasoningSupport
from loki.json_text import JsonObject
from loki.records import Target


def draft_thinking(target: Target) -> JsonObject:
    """Return how much the model is to think, empty where the ask does not say."""
    wanted, known = target.ask.reasoning, target.model.abilities.reasoning
    return {} if wanted is None else REASONING.get(known.by, draft_level)(known, wanted)


def draft_level(support: ReasoningSupport, wanted: str | int) -> JsonObject:
    """Return the level of Gemini 3 and later; the least of some comes close to no thoughts.

    >>> draft_level(ReasoningSupport(off="MINIMAL"), "none")
    {'thinkingLevel': 'MINIMAL'}
    """
    if wanted == "none":
        return {"thinkingLevel": support.off}
    return {"includeThoughts": True, "thinkingLevel": str(wanted).upper()}


def draft_budget(support: ReasoningSupport, wanted: str | int) -> JsonObject:
    """Return the budget of Gemini 2.5 in tokens; 0 is none.

    >>> draft_budget(ReasoningSupport(budgets={"low": 1024}), "low")
    {'includeThoughts': True, 'thinkingBudget': 1024}
    """
    if wanted == "none":
        return {"thinkingBudget": 0}
    tokens = support.budgets[wanted] if isinstance(wanted, str) else wanted
    return {"includeThoughts": True, "thinkingBudget": tokens}


REASONING: dict[str, Callable[[ReasoningSupport, str | int], JsonObject]] = {
    "level": draft_level,
    "budget": draft_budget,
}
