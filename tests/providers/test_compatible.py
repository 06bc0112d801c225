"""The known names: where each lives, which names of clients have its row, whose keys it reads."""

from __future__ import annotations

from typing import Any

import pytest
from support import config, target

from loki.config.build_config import build_config
from loki.edge import files
from loki.messages import Message
from loki.providers import KNOWN, provider_of
from loki.records import Ask, Client
from loki.stages import draft, resolve

HI = (Message("user", "Hi"),)

#: Names, and the addresses that their documents give.
ADDRESSES = {
    "cerebras": "https://api.cerebras.ai/v1/chat/completions",
    "together": "https://api.together.xyz/v1/chat/completions",
    "fireworks": "https://api.fireworks.ai/inference/v1/chat/completions",
    "sambanova": "https://api.sambanova.ai/v1/chat/completions",
    "nvidia": "https://integrate.api.nvidia.com/v1/chat/completions",
    "huggingface": "https://router.huggingface.co/v1/chat/completions",
    "vercel": "https://ai-gateway.vercel.sh/v1/chat/completions",
    "nebius": "https://api.tokenfactory.nebius.com/v1/chat/completions",
    "novita": "https://api.novita.ai/openai/v1/chat/completions",
    "siliconflow": "https://api.siliconflow.com/v1/chat/completions",
    "baseten": "https://inference.baseten.co/v1/chat/completions",
    "lmstudio": "http://localhost:1234/v1/chat/completions",
    "vllm": "http://localhost:8000/v1/chat/completions",
    "llamacpp": "http://localhost:8080/v1/chat/completions",
    "litellm": "http://localhost:4000/v1/chat/completions",
    "venice": "https://api.venice.ai/api/v1/chat/completions",
    "zai": "https://api.z.ai/api/paas/v4/chat/completions",
    "github": "https://models.github.ai/inference/chat/completions",
    "hunyuan": "https://tokenhub.tencentmaas.com/v1/chat/completions",
    "minimax": "https://api.minimaxi.com/v1/chat/completions",
    "groq-work": "https://api.groq.com/openai/v1/chat/completions",
    "groq-work-2": "https://api.groq.com/openai/v1/chat/completions",
}


def url_of(name: str, **settings: Any) -> str:
    """Return the URL of a chat of a client by its name."""
    client = {"type": "openai-compatible", "name": name, **settings}
    return draft(target(client, Ask(HI, model=f"{name}:m"))).unwrap().url


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_known_name_is_asked_where_its_document_says(name: str) -> None:
    assert url_of(name) == ADDRESSES[name]


@pytest.mark.parametrize("base", ["https://w.example", "https://w.example/serving-endpoints"])
def test_a_workspace_of_databricks_may_be_named_with_or_without_its_path(base: str) -> None:
    address = "https://w.example/serving-endpoints/chat/completions"
    assert url_of("databricks", api_base=base) == address


def test_a_workspace_that_nobody_named_is_asked_for() -> None:
    client = {"type": "openai-compatible", "name": "databricks"}
    asked = resolve(config(client))(Ask(HI, model="databricks:m"))
    assert "has a gap to fill in: https://{WORKSPACE}/" in asked.failure().message


@pytest.mark.parametrize(
    ("name", "has_row"),
    [("groq", True), ("groq-work", True), ("my-groq", False), ("groqwork", False), ("-", False)],
)
def test_a_name_has_the_row_it_begins_with(name: str, has_row: bool) -> None:
    provider = provider_of(Client(name, "openai-compatible", {}))
    assert provider is not None
    assert bool(provider.api_base) == has_row


def test_a_second_account_has_the_catalogue_and_the_dialect_of_its_provider() -> None:
    entries = [{"type": "openai-compatible", "name": name} for name in ("groq", "groq-work")]
    known = build_config({"clients": entries}, "c.yaml", {}, files.read_catalogue({})).unwrap()
    first, second = map(known.models, known.clients)
    assert first == second != ()
    asked = resolve(known)(Ask(HI, model="groq-work")).unwrap()
    assert asked.dialect.max_tokens == "max_completion_tokens"


VARIABLES = [
    ("huggingface", "HF_TOKEN"),
    ("vercel", "AI_GATEWAY_API_KEY"),
    ("github", "GITHUB_TOKEN"),
    ("databricks", "DATABRICKS_TOKEN"),
    ("litellm", "LITELLM_PROXY_API_KEY"),
]


@pytest.mark.parametrize(("name", "variable"), VARIABLES)
def test_a_known_name_reads_its_providers_own_variable(name: str, variable: str) -> None:
    environ = {"LOKI_PLATFORM": name, variable: "k"}
    first = build_config(None, "c.yaml", environ).unwrap().clients[0]
    assert (first.settings["api_key"].value, first.settings["api_key"].origin) == ("k", variable)
    own = {**environ, f"{name.upper()}_API_KEY": "own"}
    assert build_config(None, "c.yaml", own).unwrap().clients[0].settings["api_key"].value == "own"


def test_a_second_account_does_not_take_the_first_ones_key() -> None:
    entry = {"type": "openai-compatible", "name": "huggingface-work"}
    known = build_config({"clients": [entry]}, "c.yaml", {"HF_TOKEN": "k"}).unwrap()
    assert "api_key" not in known.clients[0].settings


# ---- other names of a type ---------------------------------------------------------------------


@pytest.mark.parametrize(("alias", "type_"), [("anthropic", "claude"), ("google", "gemini")])
def test_a_type_may_be_called_by_its_maker(alias: str, type_: str) -> None:
    platform = build_config(
        None, "c.yaml", {"LOKI_PLATFORM": alias}, files.read_catalogue({})
    ).unwrap()
    assert (platform.model, platform.clients[0].type) == (type_, type_)
    for name in (alias, type_):
        known = config({"type": name})
        assert (known.clients[0].type, known.clients[0].name) == (type_, name)
        for called in (alias, type_):
            asked = resolve(known)(Ask(HI, model=f"{called}:m")).unwrap()
            assert asked.client.type == type_


def test_a_client_that_bears_the_alias_goes_before_the_type() -> None:
    mine = {"type": "openai-compatible", "name": "google", "api_base": "https://a.example"}
    known = build_config({"clients": [{"type": "gemini"}, mine]}, "c.yaml", {}).unwrap()
    assert resolve(known)(Ask(HI, model="google:m")).unwrap().client.type == "openai-compatible"


def test_every_known_name_has_its_source() -> None:
    import inspect

    from loki.providers import compatible

    lines = inspect.getsource(compatible).splitlines()
    rows = [
        i
        for i, line in enumerate(lines)
        if line.strip().startswith('"') and "KnownService(" in line
    ]
    assert len(rows) == len(KNOWN)
    assert all(lines[i - 1].strip().startswith("# ") for i in rows)
