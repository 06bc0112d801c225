"""How models on Bedrock are told to think, and what they will not do."""

from __future__ import annotations

from typing import Any

import pytest
from returns.result import Result, Success
from support import resolved

from loki.messages import Message, Tool, ToolCall
from loki.problems import Problem
from loki.records import Ask, Target
from loki.wire.bedrock.reasoning import Thinking, draft_thinking, explain_unsupported


def bedrock(model: str, **asked: Any) -> Result[Target, Problem]:
    """Return an ask of a model."""
    client = {
        "type": "bedrock",
        "region": "us-east-1",
        "api_key": "k",
        "models": [{"name": "m", "real_name": model, "supports_function_calling": True}],
    }
    asked.setdefault("messages", (Message("user", "Hi"),))
    return resolved(client, Ask(model="bedrock:m", **asked))


NOVA, OSS, KIMI, OTHER = "amazon.nova-2-lite-v1:0", "openai.gpt-oss-20b", "kimi-k2", "meta.llama"
CLAUDE = "us.anthropic.claude-opus-4-6-v1"

TOLD: list[tuple[str, str | int | None, Thinking]] = [
    (NOVA, None, Thinking()),
    (CLAUDE, None, Thinking()),
    (NOVA, "none", Thinking({"reasoningConfig": {"type": "disabled"}})),
    (
        NOVA,
        "high",
        Thinking({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}),
    ),
    (OSS, "low", Thinking({"reasoning_effort": "low"})),
    (KIMI, "high", Thinking({"reasoning_effort": "high"})),
    (OTHER, "medium", Thinking(None, "medium")),
    (CLAUDE, "low", Thinking({"thinking": {"type": "adaptive"}}, "low")),
    (CLAUDE, 2000, Thinking({"thinking": {"type": "enabled", "budget_tokens": 2000}})),
]


@pytest.mark.parametrize(("model", "wanted", "expected"), TOLD)
def test_a_model_is_told_to_think_in_its_own_words(
    model: str, wanted: str | int | None, expected: Thinking
) -> None:
    assert bedrock(model, reasoning=wanted).bind(draft_thinking) == Success(expected)


REFUSED: list[tuple[str, str | int, str]] = [
    (NOVA, 500, "bedrock takes --reasoning none, low, medium or high for"),
    (OSS, "none", "bedrock:m takes no --reasoning none: low is the least"),
    (OSS, 500, "bedrock takes --reasoning low, medium or high for"),
    (OTHER, "none", "bedrock:m takes no --reasoning none: low is the least"),
    (CLAUDE, 500, "bedrock takes --reasoning of 1024 tokens or more"),
]


@pytest.mark.parametrize(("model", "wanted", "message"), REFUSED)
def test_what_a_model_cannot_be_told_is_said(model: str, wanted: Any, message: str) -> None:
    problem = bedrock(model, reasoning=wanted).bind(draft_thinking).failure()
    assert problem.kind == "usage" and problem.message.startswith(message)


CALLED = (Message("user", "Hi"), Message("assistant", tool_calls=(ToolCall("a", "f", {}),)))
TOOLS = (Tool("f", "", {}),)
LACKS: list[tuple[str, dict[str, Any], str]] = [
    (NOVA, {}, ""),
    (NOVA, {"seed": 1}, "bedrock takes no seed"),
    (NOVA, {"tool_choice": "none", "tools": TOOLS}, ""),
    (
        NOVA,
        {"tool_choice": "none", "tools": TOOLS, "messages": CALLED},
        "bedrock takes no --tool-choice none in a conversation with tool calls",
    ),
    (NOVA, {"temperature": 0.5, "reasoning": "low"}, ""),
    (CLAUDE, {"temperature": 0.5, "reasoning": "low"}, "bedrock takes no temperature with"),
]


@pytest.mark.parametrize(("model", "asked", "reason"), LACKS)
def test_why_an_ask_cannot_be_sent(model: str, asked: dict[str, Any], reason: str) -> None:
    found = explain_unsupported(bedrock(model, **asked).unwrap())
    assert found.startswith(reason) and bool(found) is bool(reason)
