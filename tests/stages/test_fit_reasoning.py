"""--reasoning, as a model can be asked: an effort that it has, tokens kept or refused."""

from __future__ import annotations

from typing import Any

import pytest
from support import resolved

from loki.messages import Message
from loki.records import Ask
from loki.stages.fit_reasoning import nearest_effort


def fitted(model: str, wanted: str | int) -> Any:
    """Return the reasoning that is sent for one of a client's models, or why none is."""
    client, _, name = model.partition(":")
    known = "openai-compatible" if client in ("groq", "openrouter", "qianwen") else client
    entry = {"type": known, "name": client, "api_key": "k"}
    asked = Ask((Message("user", "Hi"),), model=f"{client}:{name}", reasoning=wanted)
    result = resolved(entry, asked)
    problem = result.swap().value_or(None)
    return (problem.kind, problem.message) if problem else result.unwrap().ask.reasoning


FITTED: list[tuple[str, str | int, str | int | None]] = [
    ("openai:gpt-5", "minimal", "minimal"),
    ("openai:gpt-5", "xhigh", "high"),
    ("openai:gpt-5-pro", "low", "high"),
    ("openai:gpt-5.1", "max", "high"),
    ("openai:gpt-5.2", "max", "xhigh"),
    ("openai:gpt-5.2", "none", "none"),
    ("openai:o3", "minimal", "low"),
    ("openai:gpt-7", "max", "max"),
    ("claude:claude-opus-6", "xhigh", "xhigh"),
    ("gemini:gemini-3-pro", "medium", "low"),
    ("gemini:gemini-2.0-flash", "none", None),
    ("gemini:gemini-2.5-flash", 0, "none"),
    ("groq:m", "xhigh", "high"),
    ("groq:m", "none", "none"),
    ("openrouter:a/b", "xhigh", "xhigh"),
    ("openrouter:a/b", 900, 900),
    ("qianwen:q", 900, 900),
]


@pytest.mark.parametrize(("model", "wanted", "expected"), FITTED)
def test_the_nearest_effort_that_the_model_has_is_sent(
    model: str, wanted: str | int, expected: Any
) -> None:
    assert fitted(model, wanted) == expected


REFUSED: list[tuple[str, str | int, str]] = [
    ("openai:gpt-5", "none", "openai:gpt-5 takes no --reasoning none: minimal is the least"),
    ("openai:o3", "none", "openai:o3 takes no --reasoning none: low is the least"),
    ("claude:claude-opus-6", "none", "claude:claude-opus-6 takes no --reasoning none: low is the"),
    ("gemini:gemini-4-pro", "none", "gemini:gemini-4-pro takes no --reasoning none: low is the"),
    ("gemini:gemini-2.5-pro", 0, "gemini:gemini-2.5-pro takes no --reasoning none: 128 is the"),
    ("gemini:gemini-2.5-pro", 9, "gemini takes --reasoning of 128 tokens or more"),
    ("gemini:gemini-2.0-flash", "low", "gemini:gemini-2.0-flash does not think: leave"),
    ("openai:gpt-5.1", 9, "openai takes --reasoning none, low, medium or high for gpt-5.1, not"),
    ("openai:gpt-5-pro", 9, "openai takes --reasoning high for gpt-5-pro, not tokens"),
    ("qianwen:q", "extreme", "qianwen takes --reasoning none, low, medium, high or TOKENS for q"),
]


@pytest.mark.parametrize(("model", "wanted", "message"), REFUSED)
def test_what_a_model_cannot_be_told_is_a_wrong_use(
    model: str, wanted: str | int, message: str
) -> None:
    kind, words = fitted(model, wanted)
    assert kind == "usage" and words.startswith(message)


@pytest.mark.parametrize(
    ("wanted", "known", "expected"),
    [
        ("low", ["low", "high"], "low"),
        ("medium", ["low", "high"], "low"),  # the weaker of two as near
        ("xhigh", ["low", "high", "max"], "high"),
        ("max", ["minimal", "low"], "low"),
        ("minimal", ["high", "max"], "high"),
    ],
)
def test_the_nearest_is_never_dearer_than_the_other_as_near(
    wanted: str, known: list[str], expected: str
) -> None:
    assert nearest_effort(wanted, known) == expected


#: A model, its own settings, the configuration's effort, the flag -> what is sent.
DEFAULTS: list[tuple[str, dict[str, Any], str | None, str | None, str | None]] = [
    ("gpt-5.1", {}, "low", None, "low"),
    ("gpt-5.1", {}, "low", "high", "high"),
    ("gpt-5.1", {"default_reasoning_effort": "medium"}, "low", None, "low"),
    ("gpt-5.1", {"default_reasoning_level": "medium"}, None, None, "medium"),
    ("gpt-5.1", {}, "none", None, "none"),
    ("gpt-5", {}, "none", None, None),  # which cannot be kept from thinking
    ("gpt-5", {}, "max", None, "high"),
    ("m", {"supports_reasoning": False}, "low", None, None),
    ("m", {"reasoning_levels": ["none", "max"]}, "low", None, "max"),
]


@pytest.mark.parametrize(("name", "settings", "usual", "flag", "expected"), DEFAULTS)
def test_where_nobody_says_the_configuration_does(
    name: str, settings: dict[str, Any], usual: str | None, flag: str | None, expected: str | None
) -> None:
    client = {"type": "openai", "api_key": "k", "models": [{"name": name, **settings}]}
    top = {"reasoning_effort": usual} if usual else {}
    ask = Ask((Message("user", "Hi"),), model=f"openai:{name}", reasoning=flag)
    assert resolved(client, ask, **top).unwrap().ask.reasoning == expected
