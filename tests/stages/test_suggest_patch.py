"""A parameter that a provider refuses is told with the patch that leaves it out."""

from __future__ import annotations

from typing import Any

import pytest
from support import target

from loki.json_text import JsonObject
from loki.problems import Kind, Problem
from loki.records import Draft, Request
from loki.stages.patch import patch
from loki.stages.suggest_patch import suggest_patch

BODY: JsonObject = {
    "model": "m",
    "messages": [{"role": "user", "content": "Hi"}],
    "temperature": 0.5,
    "max_tokens": 9,
    "tools": [{"type": "function"}],
    "reasoning": {"effort": "low", "id": 1},
    "generationConfig": {"responseJsonSchema": {}, "seed": 7},
    "stream": True,
}


def mended(message: str, status: int | None = 400, kind: Kind = "input") -> Problem:
    """Return what becomes of a refusal of the request above."""
    drafted = Draft(target({"type": "openai"}), "", {}, BODY)
    problem = Problem(kind, message, status=status, sent=True)
    return suggest_patch(problem, Request(drafted, "", {}, b""))


@pytest.mark.parametrize(
    ("message", "dropped"),
    [
        ("Unsupported parameter: 'temperature' is not supported with this model.", "temperature"),
        ("`temperature` is deprecated for this model.", "temperature"),
        ("Unsupported value: 'temperature' may only be 1", "temperature"),
        ("body.max_tokens: Extra inputs are not permitted", "max_tokens"),
        ("This model does not support tools", "tools"),
        ("Unknown parameter: 'reasoning.effort'.", "reasoning.effort"),
        ('Invalid JSON payload: Unknown name "seed": Cannot find field.', "generationConfig.seed"),
        ("responseJsonSchema is not supported", "generationConfig.responseJsonSchema"),
    ],
)
def test_the_patch_leaves_out_the_parameter_that_is_named(message: str, dropped: str) -> None:
    shown = mended(message).message
    expected: Any = None
    for name in reversed(dropped.split(".")):
        expected = {name: expected}
    import json

    text, _, line = shown.partition("; to leave it out: --patch ")
    assert text == message.rstrip(". ") and json.loads(line.strip("'")) == {"body": expected}


@pytest.mark.parametrize(
    ("message", "status", "kind"),
    [
        ("'temperature' is not supported", 404, "config"),
        ("'temperature' is not supported", 400, "config"),
        ("'temperature' is not supported", None, "input"),
        ("temperature: must be at most 2", 400, "input"),
        ("'top_k' is not supported", 400, "input"),
        ("messages: unsupported role", 400, "input"),
        ("the model is not supported", 400, "input"),
        ("This id is not supported", 400, "input"),
    ],
)
def test_all_else_stays_as_it_is(message: str, status: int | None, kind: Kind) -> None:
    assert mended(message, status, kind).message == message


def test_the_patch_that_is_shown_drops_the_parameter() -> None:
    import json

    from loki.config.patches import read_patch

    line = mended("'reasoning.effort' is not supported").message.partition("--patch ")[2]
    given = read_patch(json.loads(line.strip("'")), "--patch").unwrap()
    drafted = patch((given,))(Draft(target({"type": "openai"}), "", {}, BODY))
    assert "effort" not in drafted.body["reasoning"]
