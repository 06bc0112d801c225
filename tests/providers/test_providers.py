"""The providers: loading them is cheap, and every row can do what it says."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support import target

from loki.messages import Message
from loki.providers import KNOWN, PROVIDERS
from loki.records import Ask
from loki.stages.draft import draft
from loki.wire import CHAT, EMBED, RERANK

#: Modules of loki.wire that hold rows and facts, and read nothing.
ROWS = {"anthropic", "bedrock", "protocol", "cohere", "google", "openai"}


def test_loading_the_providers_loads_no_protocol() -> None:
    probe = "import sys, loki.providers; print(*(m for m in sys.modules if m[:10] == 'loki.wire.'))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, timeout=60)
    assert {name.removeprefix("loki.wire.") for name in done.stdout.decode().split()} <= ROWS


@pytest.mark.parametrize("name", [*PROVIDERS, *KNOWN])
def test_a_provider_is_reached_by_https_or_where_the_user_says(name: str) -> None:
    base = KNOWN[name].api_base if name in KNOWN else PROVIDERS[name].api_base
    assert base.startswith(("https://", "http://localhost")) or base == ""
    assert not base.endswith("/")


@pytest.mark.parametrize("rows", [CHAT, EMBED, RERANK], ids=["chat", "embed", "rerank"])
def test_every_row_of_a_protocol_can_be_loaded_and_names_the_users_words(rows: dict) -> None:  # type: ignore[type-arg]
    for make in rows.values():
        protocol = make()
        assert callable(protocol.draft) and callable(protocol.read) and protocol.content_keys


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("responses", "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1/responses"),
        ("chat", "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1/chat/completions"),
    ],
)
def test_a_model_on_bedrock_is_asked_where_it_answers(endpoint: str, url: str) -> None:
    models = [{"name": "us.openai.gpt-5.4", "endpoint": endpoint}]
    client = {"type": "bedrock", "region": "us-east-1", "api_key": "k", "models": models}
    ask = Ask((Message("user", "Hi"),), model="bedrock:us.openai.gpt-5.4", stream=False)
    drafted = draft(target(client, ask)).unwrap()
    assert drafted.url == url
    assert drafted.body["model"] == models[0]["name"]
