"""How a model is told to think, by its family's row or its server's dialect."""

from __future__ import annotations

from typing import Any

import pytest

from loki.abilities import ReasoningSupport
from loki.wire.openai.reasoning import REASONING

BUDGETS = ReasoningSupport(budgets={"low": 7})

TOLD: list[tuple[str, str | int, dict[str, Any]]] = [
    ("effort", "xhigh", {"reasoning_effort": "xhigh"}),
    ("object", "none", {"reasoning": {"effort": "none"}}),
    ("object", 9, {"reasoning": {"max_tokens": 9}}),
    ("switch", "none", {"thinking": {"type": "disabled"}}),
    ("switch", "max", {"thinking": {"type": "enabled"}}),
    ("budget", "none", {"enable_thinking": False}),
    ("budget", "low", {"enable_thinking": True, "thinking_budget": 7}),
    ("budget", "high", {"enable_thinking": True}),  # of which nobody tells how many tokens
    ("budget", 9, {"enable_thinking": True, "thinking_budget": 9}),
]


@pytest.mark.parametrize(("by", "wanted", "expected"), TOLD)
def test_each_server_is_told_in_its_own_words(
    by: str, wanted: str | int, expected: dict[str, Any]
) -> None:
    assert REASONING[by](BUDGETS, wanted) == expected
