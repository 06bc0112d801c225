"""Target -> what its model on Bedrock will not do, and how it is told to think."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from returns.result import Result, Success

from loki.json_text import JsonObject
from loki.problems import Problem
from loki.records import Target
from loki.wire.anthropic import reasoning
from loki.wire.protocol import get_in


class Thinking(NamedTuple):
    """A request for reasoning: fields of the model's own, and Converse's effort."""

    fields: JsonObject | None = None
    effort: str | None = None


def is_claude(target: Target) -> bool:
    """Return whether the model is one of Anthropic's; the ARN of a profile does not say."""
    return target.model.abilities.reasoning.by in reasoning.REASONING


def explain_unsupported(target: Target) -> str:
    """Return why an ask cannot be sent, empty if it can."""
    name, ask = target.client.name, target.ask
    if ask.seed is not None:
        return f"{name} takes no seed"
    has_calls = any(message.tool_calls or message.role == "tool" for message in ask.messages)
    if ask.tool_choice == "none" and has_calls:  # tools must be told there, and none is no choice
        return f"{name} takes no --tool-choice none in a conversation with tool calls"
    return reasoning.explain_unsupported(target) if is_claude(target) else ""


def draft_thinking(target: Target) -> Result[Thinking, Problem]:
    """Return how much the model is to think, empty where the ask does not say."""
    wanted, known = target.ask.reasoning, target.model.abilities.reasoning
    if wanted is None:
        return Success(Thinking())
    if is_claude(target):
        return reasoning.draft_thinking(target).map(from_anthropic)
    return Success(REASONING.get(known.by, draft_effort)(str(wanted)))


def from_anthropic(fields: JsonObject) -> Thinking:
    """Return Anthropic's own fields as Converse takes them; it has its own limit on an answer.

    >>> from_anthropic({"max_tokens": 9, "thinking": {"type": "adaptive"},
    ...            "output_config": {"effort": "low"}})
    Thinking(fields={'thinking': {'type': 'adaptive'}}, effort='low')
    """
    thinking = fields.get("thinking")
    return Thinking(thinking and {"thinking": thinking}, get_in(fields, "output_config", "effort"))


def draft_reasoning_object(wanted: str) -> Thinking:
    """Return the fields of Amazon Nova 2."""
    if wanted == "none":
        return Thinking({"reasoningConfig": {"type": "disabled"}})
    return Thinking({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": wanted}})


def draft_reasoning_field(wanted: str) -> Thinking:
    """Return the field of models with open weights, which is OpenAI's."""
    return Thinking({"reasoning_effort": wanted})


def draft_effort(wanted: str) -> Thinking:
    """Return Converse's own effort, for models that understand it."""
    return Thinking(None, wanted)


#: How a model is told to think, by its family; Claude's are told as at home.
REASONING: dict[str, Callable[[str], Thinking]] = {
    "object": draft_reasoning_object,
    "field": draft_reasoning_field,
    "effort": draft_effort,
}
