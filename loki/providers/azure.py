"""Azure: models of OpenAI and of other makers at a resource of the user's own."""

from __future__ import annotations

from urllib.parse import quote

from loki.providers.base import Locate, Provider, Route, bearer, fixed_path, fixed_wire, header_auth
from loki.providers.openai import OPENAI_DIALECT, openai_url, openai_wire
from loki.records import Target


def azure_root(base: str) -> str:
    """Return the address of a resource, without the path of a protocol.

    >>> azure_root("https://r.services.ai.azure.com/openai/v1")
    'https://r.services.ai.azure.com'
    """
    ends = ("/openai/v1", "/openai", "/anthropic/v1", "/anthropic", "/models")
    return next((base.removesuffix(end) for end in ends if base.endswith(end)), base)


def azure_locator(path: Locate) -> Locate:
    """Return a function that locates ``path`` below v1, or where ``api_version`` is set below
    the older path, which names the deployment.
    """

    def locate(target: Target, base: str) -> str:
        root = azure_root(base)
        version = target.client.settings.get("api_version")
        if version is None:
            return path(target, f"{root}/openai/v1")
        deployment = quote(target.model.real_name, safe="")
        prefix = "" if openai_wire(target) == "responses" else f"/deployments/{deployment}"
        url = path(target, f"{root}/openai{prefix}")
        return f"{url}?api-version={quote(version.value, safe='')}"

    return locate


def is_claude(target: Target) -> bool:
    """Return whether a deployment is a Claude model: its name, or the name it is sent by, says."""
    return target.model.real_name.lower().startswith("claude")


def azure_wire(target: Target) -> str:
    """Return the protocol of the model's maker; all but Anthropic's speak OpenAI's.

    learn.microsoft.com/azure/ai-foundry/foundry-models/how-to/use-foundry-models-claude
    """
    return "claude" if is_claude(target) else openai_wire(target)


def azure_url(target: Target, base: str) -> str:
    """Return the URL of a chat, which for Claude is Anthropic's own below the resource."""
    if is_claude(target):
        return f"{azure_root(base)}/anthropic/v1/messages"
    return azure_locator(openai_url)(target, base)


def azure_headers(target: Target) -> dict[str, str]:
    """Return the header that Anthropic's protocol wants."""
    return {"anthropic-version": "2023-06-01"} if is_claude(target) else {}


def azure_rerank_url(target: Target, base: str) -> str:
    """Return the URL of Cohere's rerankers.

    docs.litellm.ai/docs/providers/azure_ai; learn.microsoft.com names it on the model's page
    """
    return f"{azure_root(base)}/providers/cohere/v2/rerank"


def azure_model_lists(target: Target, base: str) -> tuple[tuple[str, str], ...]:
    """Return the URL of the models that a resource may deploy."""
    version = target.client.settings.get("api_version")
    path = "v1/models" if version is None else f"models?api-version={quote(version.value, safe='')}"
    return ((f"{azure_root(base)}/openai/{path}", ""),)


AZURE = Provider(
    api_base="",
    routes={
        "chat": Route(azure_wire, azure_url, azure_headers),
        "embedding": Route(fixed_wire("openai"), azure_locator(fixed_path("embeddings"))),
        "reranker": Route(fixed_wire("cohere-rerank"), azure_rerank_url),
    },
    auth_headers={"access_token": bearer, "api_key": header_auth("api-key")},
    dialect=OPENAI_DIALECT,
    model_lists=azure_model_lists,
    batch="azure",
)
