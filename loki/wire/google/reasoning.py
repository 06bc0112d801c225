"""How Google's models are told to think; what differs between them goes by their names."""

from __future__ import annotations

from collections.abc import Callable

from returns.result import Result, Success

from loki.problems import Problem, fail
from loki.records import JsonObject, Target


def draft_thinking(target: Target) -> Result[JsonObject, Problem]:
    """Return how much the model is to think, empty where the ask does not say."""
    wanted, name = target.ask.reasoning, target.model.real_name
    if wanted is None:
        return Success({})
    rule = next((rule for start, rule in THINKING if name.startswith(start)), by_level)
    drafted = rule(name, wanted)
    if isinstance(drafted, str):
        return fail("usage", f"{target.name} {drafted}")
    return Success(drafted)


def by_level(name: str, wanted: str | int) -> JsonObject | str:
    """Return the level of Gemini 3 and later; flash models come close to no thoughts.

    >>> by_level("gemini-3-pro-preview", "none")
    'always thinks: --reasoning low is the least'
    """
    if isinstance(wanted, int):
        return "takes --reasoning none, low, medium or high, not tokens"
    if wanted != "none":
        return {"includeThoughts": True, "thinkingLevel": wanted.upper()}
    if "flash" in name:
        return {"thinkingLevel": "MINIMAL"}
    return "always thinks: --reasoning low is the least"


def by_budget(name: str, wanted: str | int) -> JsonObject | str:
    """Return the budget of Gemini 2.5 in tokens; 0 is none, but not for the pro models.

    >>> by_budget("gemini-2.5-flash", "low")
    {'includeThoughts': True, 'thinkingBudget': 1024}
    """
    tokens = BUDGETS[wanted] if isinstance(wanted, str) else wanted
    if tokens:
        return {"includeThoughts": True, "thinkingBudget": tokens}
    return "always thinks: --reasoning 128 is the least" if "pro" in name else {"thinkingBudget": 0}


def never(name: str, wanted: str | int) -> JsonObject | str:
    """Return nothing for models before 2.5, which do not think."""
    return {} if wanted in ("none", 0) else "does not think: leave --reasoning out"


#: How models are told to think, by the beginning of their names; the others by level.
THINKING: tuple[tuple[str, Callable[[str, str | int], JsonObject | str]], ...] = (
    ("gemini-2.5", by_budget),
    ("gemini-robotics-er-1.5", by_budget),
    ("gemini-1", never),
    ("gemini-2.0", never),
    ("gemma-3", never),
)

BUDGETS = {"none": 0, "low": 1024, "medium": 8192, "high": 24576}
