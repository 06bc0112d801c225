"""loki --check: how clients prove who asks, and what is missing for it."""

from __future__ import annotations

import pytest
from commands import Home

NOTES: list[tuple[str, str]] = [
    ("type: openai", "client 'openai' has no key: set api_key, or OPENAI_API_KEY"),
    ("type: claude", "has no key: set api_key, or CLAUDE_API_KEY or ANTHROPIC_API_KEY"),
    ("type: openai\n  api_key: '{{MINE}}'", "no secret and no environment variable MINE"),
    ("type: bedrock\n  region: us-east-1\n  access_key_id: a", "BEDROCK_SECRET_ACCESS_KEY"),
    ("type: openai\n  api_key_cmd: 'false'", ""),
    ("type: openai\n  api_key: k", ""),
    ("type: openai\n  api_key: '{{THERE}}'", ""),
    ("type: openai-compatible\n  name: ollama", ""),
    ("type: vertexai\n  project_id: p", ""),
]


@pytest.mark.parametrize(("client", "note"), NOTES)
def test_a_key_that_is_nowhere_to_be_found_is_a_note(home: Home, client: str, note: str) -> None:
    home.configure(f"clients:\n- {client}\n")
    for name in ("ANTHROPIC_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        home.environ[name] = ""
    home.environ["THERE"] = "k"
    done = home.run("--check", prog="loki")
    assert done.code == 0, done.err
    assert (note in done.err) if note else done.err == ""
    assert "nothing wrong" in done.out


def test_a_login_that_cannot_be_is_found(home: Home) -> None:
    path = home.configure(
        "clients:\n- {type: openai-compatible, name: c, api_base: 'http://127.0.0.1:1', "
        "auth: oauth, oauth: {client_id: a, token_url: 'http://a.example', authorize_url: "
        "'https://a.example'}}\n- {type: claude, auth: oauth, oauth: {client_id: a}}\n"
    )
    done = home.call("--check", prog="loki")
    assert done.code == 78 and "note: client 'claude' is not logged in: loki --auth" in done.err
    assert f"{path}:2:3: client 'c': oauth.token_url: 'http://a.example' is not https" in done.err
