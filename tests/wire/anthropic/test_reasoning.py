"""How Claude's models are told to think, by their names, and what they will not do."""

from __future__ import annotations

from typing import Any

import pytest
from returns.result import Result, Success
from support import resolved

from loki.messages import Message, Tool
from loki.problems import Problem
from loki.records import Ask, Target
from loki.wire.anthropic.reasoning import ANSWER, draft_thinking, explain_unsupported

OLD, OPUS_46, OPUS_48, SONNET_5, SONNET_55, FABLE, UNKNOWN = (
    "claude-sonnet-4-20250514",
    "claude-opus-4-6",
    "claude-opus-4-8",
    "claude-sonnet-5",
    "claude-sonnet-5-5",
    "claude-fable-1",
    "someone-s-own",
)


def claude(
    model: str, client: dict[str, str] | None = None, **asked: Any
) -> Result[Target, Problem]:
    """Return an ask of a model."""
    listed = {"name": "m", "real_name": model, "supports_function_calling": True}
    entry = {"type": "claude", "api_key": "k", "models": [listed], **(client or {})}
    return resolved(entry, Ask((Message("user", "Hi"),), model="claude:m", **asked))


def budget(tokens: int, limit: int) -> dict[str, Any]:
    return {"max_tokens": limit, "thinking": {"type": "enabled", "budget_tokens": tokens}}


def effort(word: str, **shown: str) -> dict[str, Any]:
    thinking = {"type": "adaptive", **shown}
    return {"max_tokens": ANSWER, "thinking": thinking, "output_config": {"effort": word}}


TOLD: list[tuple[str, str | int | None, int | None, dict[str, Any]]] = [
    (OLD, None, None, {"max_tokens": ANSWER}),
    (OLD, None, 9, {"max_tokens": 9}),
    (OLD, "none", None, {"max_tokens": ANSWER}),
    (UNKNOWN, "none", None, {"max_tokens": ANSWER, "thinking": {"type": "disabled"}}),
    (SONNET_5, "none", None, {"max_tokens": ANSWER, "thinking": {"type": "disabled"}}),
    (SONNET_55, "none", None, {"max_tokens": ANSWER, "thinking": {"type": "between_tools"}}),
    (OPUS_48, "none", None, {"max_tokens": ANSWER}),
    (OLD, "low", None, budget(1024, 1024 + ANSWER)),
    (OLD, "medium", None, budget(4096, 4096 + ANSWER)),
    (OLD, "high", None, budget(16384, 16384 + ANSWER)),
    (OLD, "high", 4000, budget(2000, 4000)),
    (OLD, 1024, None, budget(1024, 1024 + ANSWER)),
    (OLD, 1024, 1025, budget(1024, 1025)),
    (OPUS_46, "high", None, effort("high")),
    (OPUS_46, "xhigh", None, effort("high")),
    (OPUS_46, "max", None, effort("max")),
    (OPUS_48, "xhigh", None, effort("xhigh", display="summarized")),
    (OLD, "minimal", None, budget(1024, 1024 + ANSWER)),
    ("claude-opus-6", "max", None, effort("max", display="summarized")),
    (OPUS_46, 2000, None, budget(2000, 2000 + ANSWER)),
    (OPUS_48, "low", None, effort("low", display="summarized")),
    (FABLE, "low", None, effort("low", display="summarized")),
]


@pytest.mark.parametrize(("model", "wanted", "longest", "expected"), TOLD)
def test_a_model_is_told_to_think_in_its_own_words(
    model: str, wanted: Any, longest: int | None, expected: dict[str, Any]
) -> None:
    asked = claude(model, reasoning=wanted, max_tokens=longest)
    assert asked.bind(draft_thinking) == Success(expected)


REFUSED: list[tuple[str, str | int, int | None, str]] = [
    (OLD, 1023, None, "claude takes --reasoning of 1024 tokens or more"),
    (OLD, 1024, 1024, "claude has no room for --reasoning 1024: "),
    (OLD, "low", 2047, "claude has no room for --reasoning low: it needs --max-tokens of 2048"),
    (
        OPUS_48,
        2000,
        None,
        "claude takes --reasoning none, low, medium, high, xhigh or max for claude-opus-4-8, no",
    ),
    (FABLE, "none", None, "claude:m takes no --reasoning none: low is the least"),
]


@pytest.mark.parametrize(("model", "wanted", "longest", "message"), REFUSED)
def test_what_a_model_cannot_be_told_is_said(
    model: str, wanted: Any, longest: int | None, message: str
) -> None:
    asked = claude(model, reasoning=wanted, max_tokens=longest)
    problem = asked.bind(draft_thinking).failure()
    assert problem.kind == "usage" and problem.message.startswith(message), problem.message


NEW = {"api_version": "2026-10-21"}
CALL: dict[str, Any] = {"tools": (Tool("f", "", {}),), "tool_choice": "required"}
LACKS: list[tuple[str, dict[str, str], dict[str, Any], str]] = [
    (OLD, {}, {}, ""),
    (OLD, {}, {"temperature": 0.5}, ""),
    ("claude-opus-6", {}, {"temperature": 0.5}, "takes no temperature for claude-opus-6"),
    (OLD, {}, {"seed": 1}, "takes no seed"),
    (OPUS_48, {}, {"temperature": 0.5}, "takes no temperature for claude-opus-4-8"),
    (OPUS_48, {}, {"top_p": 0.5}, "takes no top_p for claude-opus-4-8"),
    (OPUS_48, {}, {"temperature": 1}, ""),
    (OLD, NEW, {"temperature": 1}, "takes no temperature with api_version 2026-10-21"),
    (OLD, {}, {"temperature": 0.5, "reasoning": "low"}, "takes no temperature with --reasoning"),
    (OLD, {}, {"temperature": 0.5, "reasoning": "none"}, ""),
    (OLD, {}, {"top_p": 0.95, "reasoning": "low"}, ""),
    (OLD, {}, {"top_p": 0.9, "reasoning": "low"}, "takes no top_p with --reasoning"),
    (OLD, {}, CALL, ""),
    (OLD, {}, {**CALL, "reasoning": "low"}, "takes only --tool-choice auto or none with"),
    (SONNET_55, {}, CALL, "takes only --tool-choice auto or none for claude-sonnet-5-5"),
]


@pytest.mark.parametrize(("model", "client", "asked", "reason"), LACKS)
def test_why_an_ask_cannot_be_sent(
    model: str, client: dict[str, str], asked: dict[str, Any], reason: str
) -> None:
    result = claude(model, client, **asked)
    found = (
        explain_unsupported(result.unwrap())
        if isinstance(result, Success)
        else result.failure().message
    )
    assert found.startswith(f"claude {reason}") if reason else found == ""
