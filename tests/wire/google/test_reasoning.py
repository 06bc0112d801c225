"""How Google's models are told to think, by their names."""

from __future__ import annotations

from typing import Any

import pytest
from support import resolved

from loki.messages import Message
from loki.records import Ask
from loki.wire.google.reasoning import draft_thinking


def drafted(model: str, wanted: str | int | None) -> Any:
    """Return what a model is told, or the words of the problem."""
    client = {"type": "gemini", "api_key": "k", "models": [{"name": "m", "real_name": model}]}
    ask = Ask((Message("user", "Hi"),), model="gemini:m", reasoning=wanted)
    result = resolved(client, ask).map(draft_thinking)
    return result.value_or(None) if result.value_or(None) is not None else result.failure()


def budget(tokens: int) -> dict[str, Any]:
    return {"includeThoughts": True, "thinkingBudget": tokens}


def level(word: str) -> dict[str, Any]:
    return {"includeThoughts": True, "thinkingLevel": word}


TOLD: list[tuple[str, str | int | None, dict[str, Any]]] = [
    ("gemini-2.5-flash", None, {}),
    ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
    ("gemini-2.5-flash", 0, {"thinkingBudget": 0}),
    ("gemini-2.5-flash", "low", budget(1024)),
    ("gemini-2.5-pro", "medium", budget(8192)),
    ("gemini-2.5-pro", "high", budget(24576)),
    ("gemini-2.5-pro", 500, budget(500)),
    ("gemini-robotics-er-1.5-preview", "low", budget(1024)),
    ("gemini-3-pro-preview", "low", level("LOW")),
    ("gemini-3-flash-preview", "high", level("HIGH")),
    ("gemini-3-flash-preview", "none", {"thinkingLevel": "MINIMAL"}),
    ("gemini-3-pro-preview", "medium", level("LOW")),
    ("gemini-3-flash-preview", "minimal", level("MINIMAL")),
    ("gemini-3.1-pro-preview", "xhigh", level("HIGH")),
    ("gemini-9-new", "medium", level("MEDIUM")),
    ("gemini-2.0-flash", "none", {}),
    ("gemini-1.5-pro", 0, {}),
    ("gemma-3-27b-it", None, {}),
]


@pytest.mark.parametrize(("model", "wanted", "expected"), TOLD)
def test_a_model_is_told_to_think_in_its_own_words(model: str, wanted: Any, expected: Any) -> None:
    assert drafted(model, wanted) == expected


REFUSED: list[tuple[str, str | int, str]] = [
    ("gemini-2.5-pro", "none", "takes no --reasoning none: 128 is the least"),
    ("gemini-2.5-pro", 0, "takes no --reasoning none: 128 is the least"),
    ("gemini-3-pro-preview", "none", "takes no --reasoning none: low is the least"),
    ("gemini-2.0-flash", "low", "does not think: leave --reasoning out"),
    ("gemma-3-27b-it", 500, "does not think: leave --reasoning out"),
]


@pytest.mark.parametrize(("model", "wanted", "message"), REFUSED)
def test_what_a_model_cannot_do_is_said(model: str, wanted: Any, message: str) -> None:
    problem = drafted(model, wanted)
    assert (problem.kind, problem.message) == ("usage", f"gemini:m {message}")


def test_a_model_that_counts_no_tokens_is_not_given_any() -> None:
    expected = "gemini takes --reasoning none, minimal, low, medium or high for gemini-3-flash, not"
    assert drafted("gemini-3-flash", 500).message.startswith(expected)
