"""Target -> what its model on Bedrock will not do, and how it is told to think. For converse."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from returns.result import Result, Success

from loki.problems import Problem, fail
from loki.records import JsonObject, Target
from loki.wire.anthropic import reasoning
from loki.wire.codec import dig


class Thinking(NamedTuple):
    """How a model is told to think: fields of its own, and Converse's word for it."""

    fields: JsonObject | None = None
    effort: str | None = None


def is_claude(target: Target) -> bool:
    """Whether the model is one of Anthropic's; the ARN of a profile or router does not say."""
    return "claude" in target.model.real_name


def unable(target: Target) -> str:
    """Why an ask cannot be sent, empty if it can."""
    name, ask = target.client.name, target.ask
    if ask.seed is not None:
        return f"{name} takes no seed"
    called = any(message.tool_calls or message.role == "tool" for message in ask.messages)
    if ask.tool_choice == "none" and called:  # tools must be told there, and none is no choice
        return f"{name} takes no --tool-choice none in a conversation with tool calls"
    return reasoning.unwilling(target) if is_claude(target) else ""


def draft_thinking(target: Target) -> Result[Thinking, Problem]:
    """How much the model is to think, if anything was said about it."""
    wanted, name = target.ask.reasoning, target.model.real_name
    if wanted is None:
        return Success(Thinking())
    if is_claude(target):
        return reasoning.draft_thinking(target).map(as_claude)
    say = next(say for family, say in FAMILIES if re.search(family, name))
    drafted = None if isinstance(wanted, int) else say(wanted)
    if drafted is None:
        words = "low, medium or high" + (", or none" if say("none") else "")
        return fail("usage", f"{target.client.name} takes --reasoning {words} for {name}")
    return Success(drafted)


def as_claude(told: JsonObject) -> Thinking:
    """The words of Anthropic's own API; the limit on an answer is Converse's to set.

    >>> as_claude({"max_tokens": 9, "thinking": {"type": "adaptive"},
    ...            "output_config": {"effort": "low"}})
    Thinking(fields={'thinking': {'type': 'adaptive'}}, effort='low')
    """
    thinking = told.get("thinking")
    return Thinking(thinking and {"thinking": thinking}, dig(told, "output_config", "effort"))


def by_nova(wanted: str) -> Thinking:
    """Amazon Nova 2."""
    if wanted == "none":
        return Thinking({"reasoningConfig": {"type": "disabled"}})
    return Thinking({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": wanted}})


def by_field(wanted: str) -> Thinking | None:
    """Models with open weights that took over OpenAI's word."""
    return None if wanted == "none" else Thinking({"reasoning_effort": wanted})


def by_word(wanted: str) -> Thinking | None:
    """Converse's own word, for whoever understands it."""
    return None if wanted == "none" else Thinking(None, wanted)


#: How models are told, by a piece of their names; the first that fits.
FAMILIES: tuple[tuple[str, Callable[[str], Thinking | None]], ...] = (
    (r"nova-2", by_nova),
    (r"gpt-oss|kimi-k2", by_field),
    (r"", by_word),
)
