"""Models that nobody knows yet are asked in their family's newest form, by the real command."""

from __future__ import annotations

import json
from typing import Any

import pytest
from commands import Home

TOOLS = '[{"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}]'
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

#: A model that no catalogue has -> the parts of the body that say how it is asked.
NEWEST: dict[str, Any] = {
    "claude:claude-opus-6": {
        "max_tokens": 4096,
        "thinking": {"type": "adaptive", "display": "summarized"},
        "output_config": {
            "effort": "high",
            "format": {
                "type": "json_schema",
                "schema": {**SCHEMA, "additionalProperties": False},
            },
        },
        "tools": [{"name": "now", "input_schema": {"type": "object"}}],
    },
    "gemini:gemini-4-pro": {
        "generationConfig": {
            "responseMimeType": "application/json",
            "responseJsonSchema": SCHEMA,
            "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "HIGH"},
        },
        "tools": [
            {"functionDeclarations": [{"name": "now", "parametersJsonSchema": {"type": "object"}}]}
        ],
    },
    "openai:gpt-7": {
        "reasoning_effort": "high",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": SCHEMA},
        },
        "tools": json.loads(TOOLS),
    },
}


@pytest.mark.parametrize("model", NEWEST)
def test_a_model_that_nobody_knows_is_asked_in_the_newest_form(home: Home, model: str) -> None:
    home.configure("clients: [" + ", ".join(f"{{type: {t}, api_key: k}}" for t in TYPES) + "]\n")
    tools = home.folder / "tools.json"
    tools.write_text(TOOLS)
    flags = ["-q", "--reasoning", "high", "--tools", str(tools), "--schema", json.dumps(SCHEMA)]
    done = home.call("Hi", "-m", model, "--dry-run", "-S", *flags)
    assert (done.code, done.err) == (0, "")
    body = json.loads(done.out)["body"]
    assert {key: body[key] for key in NEWEST[model]} == NEWEST[model]


TYPES = ("claude", "gemini", "openai")
