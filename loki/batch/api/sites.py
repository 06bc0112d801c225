"""Target -> its batch API and where that is, or why there is none."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from returns.result import Result, Success

from loki.batch.api.anthropic import ANTHROPIC
from loki.batch.api.gemini import GEMINI
from loki.batch.api.mistral import MISTRAL
from loki.batch.api.openai import AZURE, GROQ, OPENAI, TOGETHER
from loki.batch.api.protocol import Protocol, Site
from loki.batch.api.xai import XAI
from loki.problems import Problem, fail
from loki.providers import base_url_of, provider_of, wire_name
from loki.records import Client, Setting, Target

PROTOCOLS: dict[str, Protocol] = {
    "openai": OPENAI,
    "azure": AZURE,
    "groq": GROQ,
    "together": TOGETHER,
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
    "mistral": MISTRAL,
    "xai": XAI,
}

#: Providers whose batch API is known, but not spoken here: half a job is not to be had.
LATER = frozenset({"openrouter", "vertex", "bedrock"})

LITERAL = Setting("")
#: Compatible clients of any name, by the host of their API.
HOSTS = {
    "api.together.xyz": "together",
    "api.together.ai": "together",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral",
    "api.x.ai": "xai",
    "openrouter.ai": "openrouter",
    "api.openai.com": "openai",
}
#: Compatible clients that a configuration names after their provider.
NAMES = {"together": "together"}


def batch_api_of(client: Client) -> str:
    """Return the name of a client's batch API, empty if it has none that is known."""
    service = provider_of(client)
    if service is None:
        return ""
    host = urlsplit(base_url_of(client, service)).hostname or ""
    return service.batch or HOSTS.get(host, "") or NAMES.get(client.name.partition("-")[0], "")


def protocol_of(target: Target) -> Result[tuple[str, Protocol], Problem]:
    """Return the batch API of a target, by its name; fails with kind usage where there is none."""
    name = batch_api_of(target.client)
    if name in LATER:
        return fail("usage", f"{target.name} has no batch API here yet; leave out --batch-api")
    if name not in PROTOCOLS:
        return fail("usage", f"{target.name} has no batch API; leave out --batch-api")
    protocol = PROTOCOLS[name]
    is_hidden = target.client.settings.get("api_base", LITERAL).source != "literal"
    if name == "gemini" and is_hidden:  # files go beside the base
        return fail("usage", f"{target.name}: --batch-api needs its api_base as plain text")
    if target.model.type not in protocol.tasks:
        what = {"embedding": "embeddings", "reranker": "rerankings"}.get(target.model.type, "chats")
        return fail("usage", f"{target.name} has no batch API for {what}; leave out --batch-api")
    return Success((name, protocol))


def site_of(target: Target, name: str) -> Site:
    """Return where the batch API of a target is."""
    service = provider_of(target.client)
    assert service is not None
    base = base_url_of(target.client, service)
    path = {"embedding": "embeddings"}.get(target.model.type, PATHS.get(wire_name(target), ""))
    endpoint, query = f"/v1/{path}", ""
    if name == "azure":
        base, query = azure_base(target.client, base)
        endpoint = f"/{path}"
    return Site(base, target.model.real_name, endpoint, target.model.type, query)


PATHS = {"openai": "chat/completions", "responses": "responses"}


def azure_base(client: Client, base: str) -> tuple[str, str]:
    """Return base and query of Azure's files and batches, which name no deployment."""
    root = base.removesuffix("/openai/v1").removesuffix("/openai")
    version = client.settings.get("api_version")
    if version is None:
        return f"{root}/openai/v1", ""
    return f"{root}/openai", f"?api-version={quote(version.value, safe='')}"
