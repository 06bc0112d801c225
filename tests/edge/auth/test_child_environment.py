"""What the programs of others see of the environment: all of it but what is secret and ours."""

from __future__ import annotations

from typing import Any

import pytest

from loki.config.build_config import build_config
from loki.edge.auth.child_environment import child_environment
from loki.redaction.redactor import Redactor

CLIENTS: list[dict[str, Any]] = [
    {
        "type": "openai-compatible",
        "name": "my-server",
        "api_base": "http://a",
        "api_key": "{{SERVER_KEY}}",
        "patch": {"chat_completions": [(".*", {"headers": {"X-Team": "{{TEAM_KEY}}"}})]},
    },
    {"type": "claude"},
]
CONFIG = build_config({"clients": CLIENTS}, "config.yaml", {}).unwrap()

WITHHELD = [
    "SERVER_KEY",
    "TEAM_KEY",
    "MY_SERVER_API_KEY",
    "MY_SERVER_ACCESS_TOKEN",
    "MY_SERVER_OAUTH_CLIENT_SECRET",
    "CLAUDE_API_KEY",
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "GROQ_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_BEARER_TOKEN_BEDROCK",
    "OF_ENV_FILE",
]


@pytest.mark.parametrize("name", WITHHELD)
def test_a_secret_of_ours_is_withheld(name: str) -> None:
    environ = {name: "x", "LOKI_ADDED_BY_ENV_FILE": "OF_ENV_FILE"}
    assert child_environment(CONFIG, environ, Redactor()) == {}


@pytest.mark.parametrize("name", ["PATH", "HOME", "GITHUB_TOKEN", "MY_SERVER_API_BASE", "LANG"])
def test_all_else_is_passed_on(name: str) -> None:
    assert child_environment(CONFIG, {name: "x"}, Redactor()) == {name: "x"}


def test_whatever_holds_a_known_secret_is_withheld_but_a_proxy() -> None:
    redactor = Redactor("sk-mark-0123456789")
    environ = {"A": "b: sk-mark-0123456789", "HTTPS_PROXY": "http://u:sk-mark-0123456789@p"}
    assert [*child_environment(CONFIG, environ, redactor)] == ["HTTPS_PROXY"]
