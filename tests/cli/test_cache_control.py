"""cache_control in the parts of --messages reaches the providers that know it, and no other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from commands import Home

MARK = {"type": "ephemeral", "ttl": "1h"}
POINT = {"cachePoint": {"type": "default", "ttl": "1h"}}


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


MESSAGES = [
    {"role": "system", "content": [text("A", cache_control=MARK)]},
    {"role": "user", "content": [text("B", cache_control=MARK), text("C")]},
]
CLIENTS = """clients:
  - {type: claude, api_key: k}
  - {type: bedrock, api_key: k, region: us-east-1}
  - {type: gemini, api_key: k}
  - {type: openai, api_key: k}
  - {type: openai-compatible, name: openrouter, api_key: k}
"""

SENT: dict[str, dict[str, Any]] = {
    "claude:claude-opus-5": {
        "system": [text("A", cache_control=MARK)],
        "messages": [{"role": "user", "content": [text("B", cache_control=MARK), text("C")]}],
    },
    "bedrock:us.anthropic.claude-opus-4-6-v1": {
        "system": [{"text": "A"}, POINT],
        "messages": [{"role": "user", "content": [{"text": "B"}, POINT, {"text": "C"}]}],
    },
    "gemini:gemini-2.5-flash": {
        "systemInstruction": {"parts": [{"text": "A"}]},
        "contents": [{"role": "user", "parts": [{"text": "B"}, {"text": "C"}]}],
    },
    "openai:gpt-4.1": {
        "messages": [
            {"role": "system", "content": "A"},
            {"role": "user", "content": [text("B"), text("C")]},
        ],
    },
    "openrouter:anthropic/claude-opus-5": {"messages": MESSAGES},
}


@pytest.mark.parametrize("model", SENT)
def test_what_is_to_be_cached_is_told_in_each_provider_s_words(home: Home, model: str) -> None:
    home.configure(CLIENTS)
    result = home.folder / "m.json"
    result.write_text(json.dumps(MESSAGES))
    done = home.call("--messages", str(result), "-m", model, "--dry-run", "-n")
    assert done.code == 0, done.err
    body = json.loads(done.out)["body"]
    assert {key: body[key] for key in SENT[model]} == SENT[model]
