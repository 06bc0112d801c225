"""What the programs of others see of the environment: all of it but what is secret and ours."""

from __future__ import annotations

from typing import Any

import pytest
from commands import Home

from loki.config.build_config import build_config
from loki.edge.auth.child_environment import child_environment, register_secrets
from loki.edge.env import read_configuration
from loki.redaction.redactor import Redactor

CLIENTS: list[dict[str, Any]] = [
    {
        "type": "openai-compatible",
        "name": "my-server",
        "api_base": "http://a",
        "api_key": "{{SERVER_KEY}}",
        "models": [{"name": "m", "patch": {"headers": {"X-Model": "Bearer {{MODEL_KEY}}"}}}],
        "oauth": {"client_secret": "{{OAUTH_KEY}}"},
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
    "MY_SERVER_CLIENT_SECRET",
    "LOKI_PATCH_MY_SERVER_EMBEDDINGS",
    "MODEL_KEY",
    "OAUTH_KEY",
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


def test_whatever_holds_a_known_secret_is_withheld() -> None:
    redactor = Redactor("sk-mark-0123456789")
    environ = {"A": "b: sk-mark-0123456789", "HTTPS_PROXY": "http://sk-mark-0123456789/"}
    assert child_environment(CONFIG, environ, redactor) == {}


PROXIES = [
    ("HTTPS_PROXY", "http://u:sk-1@p.example:3128", {"HTTPS_PROXY": "http://p.example:3128"}),
    ("http_proxy", "u:sk-1@p.example:3128", {"http_proxy": "p.example:3128"}),
    ("ALL_PROXY", "socks5h://u:a@b://c@p.example", {"ALL_PROXY": "socks5h://p.example"}),
    ("ALL_PROXY", "http://u:sk-not-a-port", {}),
    ("ALL_PROXY", "http://p.example:1/?key=sk-1", {}),
    ("MY_SERVER_PROXY", "http://u:sk-1@p.example", {"MY_SERVER_PROXY": "http://p.example"}),
    ("no_proxy", "localhost,127.0.0.1,::1", {"no_proxy": "localhost,127.0.0.1,::1"}),
]


@pytest.mark.parametrize(("name", "value", "passed"), PROXIES)
def test_a_proxy_is_passed_on_without_its_password(
    name: str, value: str, passed: dict[str, str]
) -> None:
    assert child_environment(CONFIG, {name: value}, Redactor()) == passed


FILE = """clients:
  - type: openai-compatible
    name: other
    api_base: http://a
    api_key: '{{BARVAR}}'
    region: '{{AWS_REGION}}'
"""


def test_a_variable_is_withheld_that_the_file_names_and_another_goes_before(home: Home) -> None:
    home.configure(FILE)
    environ = {"LOKI_CONFIG_DIR": str(home.folder), "LOKI_CACHE_DIR": str(home.folder)}
    secrets = {"BARVAR": "sk-bar-0123456789", "OTHER_API_KEY": "sk-key-0123456789"}
    environ |= {**secrets, "AWS_REGION": "eu-1"}
    config, redactor = read_configuration(environ).unwrap(), Redactor()
    passed = child_environment(config, environ, redactor)
    assert passed == {name: value for name, value in environ.items() if name not in secrets}
    register_secrets(config, environ, redactor)
    assert redactor.redact(" ".join(secrets.values())) == "*** ***"


def test_secrets_of_patches_and_proxies_become_known(home: Home) -> None:
    home.configure(FILE.replace("'{{BARVAR}}'", "x"))
    environ = {
        "LOKI_CONFIG_DIR": str(home.folder),
        "AWS_REGION": "eu-1",
        "LOKI_PATCH_OTHER_EMBEDDINGS": '{".*": {"headers": {"X-Api-Key": "sk-one-0123"}}}',
        "https_proxy": "http://u:sk-two-0123@p.example",
    }
    config, redactor = read_configuration(environ).unwrap(), Redactor()
    register_secrets(config, environ, redactor)
    assert redactor.redact("sk-one-0123 sk-two-0123") == "*** ***"
