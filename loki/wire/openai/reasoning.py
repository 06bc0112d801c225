"""How models are told to think through Chat Completions, in the words of each server."""

from __future__ import annotations

from collections.abc import Callable

from loki.abilities import ReasoningSupport
from loki.json_text import JsonObject


def draft_effort(support: ReasoningSupport, wanted: str | int) -> JsonObject:
    """Return OpenAI's own field, which most servers took over."""
    return {"reasoning_effort": wanted}


def draft_reasoning_object(support: ReasoningSupport, wanted: str | int) -> JsonObject:
    """Return OpenRouter's object: an effort or a budget."""
    key = "max_tokens" if isinstance(wanted, int) else "effort"
    return {"reasoning": {key: wanted}}


def draft_switch(support: ReasoningSupport, wanted: str | int) -> JsonObject:
    """Return the switch of DeepSeek, Zhipu and Moonshot."""
    return {"thinking": {"type": "disabled" if wanted == "none" else "enabled"}}


def draft_budget(support: ReasoningSupport, wanted: str | int) -> JsonObject:
    """Return Alibaba's switch and its budget in tokens.

    >>> draft_budget(ReasoningSupport(budgets={"low": 1024}), "low")
    {'enable_thinking': True, 'thinking_budget': 1024}
    """
    if wanted == "none":
        return {"enable_thinking": False}
    budget = support.budgets.get(wanted) if isinstance(wanted, str) else wanted
    return {"enable_thinking": True, **({"thinking_budget": budget} if budget else {})}


#: How a model is told to think, by its family or its server's dialect.
REASONING: dict[str, Callable[[ReasoningSupport, str | int], JsonObject]] = {
    "effort": draft_effort,
    "object": draft_reasoning_object,
    "switch": draft_switch,
    "budget": draft_budget,
    "adaptive": draft_budget,  # Anthropic's word, where a server has budgets
    "level": draft_effort,  # Google's, for the models of others on Vertex AI
}
