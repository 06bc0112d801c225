"""Flags -> Env: their secrets are known at once."""

from __future__ import annotations

from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from loki.cli.console import Console
from loki.cli.parser import parse
from loki.cli.startup import open_env

#: Flags with a secret in them.
SECRET_FLAGS = [
    ["--patch", '{"headers": {"X-Api-Key": "sk-hidden-123456"}}'],
    ["--patch", '{"body": {"api_key": "sk-hidden-123456"}}'],
    ["--patch", '{"url": "https://a.example/?key=sk-hidden-123456"}'],
    ["--param", "user.api_key=sk-hidden-123456"],
    ["--proxy", "http://me:sk-hidden-123456@127.0.0.1:9"],
]


@pytest.mark.parametrize("prog", ["loki-pipe", "loki-batch", "loki-embed"])
@pytest.mark.parametrize("words", SECRET_FLAGS)
def test_secrets_of_flags_are_known_before_anything_is_prepared(
    tmp_path: Path, prog: str, words: list[str]
) -> None:
    console = Console(prog, TextIOWrapper(BytesIO()), TextIOWrapper(BytesIO()))
    config = tmp_path / "config.yaml"
    config.write_text("clients:\n  - type: openai\n    api_key: k\n")
    environ = {"LOKI_CONFIG_FILE": str(config), "HOME": str(tmp_path)}
    flags = parse(prog, [*words, "--no-ledger", "in"])
    env = open_env(flags, environ, console).unwrap()
    assert "hidden" not in console.redactor.redact(" ".join(words))
    assert env.redactor is console.redactor
