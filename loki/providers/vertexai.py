"""Google's Vertex AI: the models of Google and of other makers, each in its maker's protocol."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

from loki.providers.base import (
    THINKING,
    Provider,
    Route,
    bearer,
    fixed_wire,
    header_auth,
    quoted_setting,
    setting_of,
)
from loki.records import Target


class Publisher(NamedTuple):
    """A maker of models: its protocol, and the methods for a whole answer and for a stream."""

    name: str
    wire: str
    path: str
    stream_path: str


def publisher_of(target: Target) -> Publisher:
    """Return the maker of a model, by the beginning of the model's name."""
    name = target.model.real_name
    return next((maker for start, maker in PUBLISHERS if name.startswith(start)), GOOGLE)


def vertex_wire(target: Target) -> str:
    """Return the name of the wire that the model's maker defined."""
    return publisher_of(target).wire


def vertex_url(target: Target, base: str) -> str:
    """Return the URL of a model's method; a model with a number for a name is an endpoint."""
    client, name, maker = target.client, target.model.real_name, publisher_of(target)
    location = setting_of(client, "location") or "global"
    root = base if "api_base" in client.settings else host_of(location)
    version = "" if root.endswith(("/v1", "/v1beta1")) else "/v1"
    project = setting_of(client, "project_id")
    scope = f"/projects/{quote(project)}/locations/{quote(location)}" if project else ""
    if maker is OPEN:
        return f"{root}{version}{scope}/endpoints/openapi/chat/completions"
    model = f"publishers/{maker.name}/models/{quote(name, safe='@')}"
    method = maker.stream_path if target.ask.stream else maker.path
    return f"{root}{version}{scope}/{f'endpoints/{name}' if name.isdigit() else model}:{method}"


def host_of(location: str) -> str:
    """Return Google's host for a region, for a continent, or for all of them.

    >>> host_of("europe-west4"), host_of("eu"), host_of("global")  # doctest: +NORMALIZE_WHITESPACE
    ('https://europe-west4-aiplatform.googleapis.com',
     'https://aiplatform.eu.rep.googleapis.com',
     'https://aiplatform.googleapis.com')
    """
    if location in ("us", "eu"):
        return f"https://aiplatform.{location}.rep.googleapis.com"
    region = "" if location == "global" else f"{quote(location)}-"
    return f"https://{region}aiplatform.googleapis.com"


def vertex_unsupported(target: Target) -> str:
    """Return what is not configured, empty if nothing.

    An API key alone reaches Google's own models.
    """
    settings = target.client.settings
    for name in ("project_id", "location"):
        if name in settings and settings[name].source != "literal":
            return f"needs its {name} as it is, not where it is to be had"
    express = "api_key" in settings and "access_token" not in settings
    if "project_id" in settings or (express and publisher_of(target) is GOOGLE):
        return ""
    return "needs a project_id: the Google Cloud project that pays"


def vertex_embed_wire(target: Target) -> str:
    """Return the name of the wire: Gemini models have an API of their own, all others predict."""
    return "gemini-vertex" if "gemini" in target.model.real_name else "predict"


def vertex_embed_url(target: Target, base: str) -> str:
    """Return the URL of the model's method for embeddings."""
    batched = "batchEmbedContents" if len(target.ask.texts) != 1 else "embedContent"
    method = batched if vertex_embed_wire(target) == "gemini-vertex" else "predict"
    return f"{vertex_url(target, base).rpartition(':')[0]}:{method}"


def vertex_rerank_url(target: Target, base: str) -> str:
    """Return the URL of the rerankers, which live on a host of their own, in no region."""
    client = target.client
    root = base if "api_base" in client.settings else "https://discoveryengine.googleapis.com"
    version = "" if root.endswith("/v1") else "/v1"
    project = quoted_setting(client, "project_id")
    config = f"projects/{project}/locations/global/rankingConfigs/default_ranking_config"
    return f"{root}{version}/{config}:rank"


def vertex_model_lists(target: Target, base: str) -> tuple[tuple[str, str], ...]:
    """Return the URLs of the lists of the makers; the ids of open models name theirs."""
    root = base if "api_base" in target.client.settings else host_of("global")
    bare = root.removesuffix("/v1").removesuffix("/v1beta1")
    names = (("google", ""), ("anthropic", ""), ("mistralai", ""), *((m, f"{m}/") for m in VENDORS))
    url = f"{bare}/v1beta1/publishers/{{}}/models?pageSize=1000"
    return tuple((url.format(maker), prefix) for maker, prefix in names)


#: The makers of open models, whose ids name them.
VENDORS = ("meta", "openai", "deepseek-ai", "qwen", "zai-org", "xai", "moonshotai", "minimaxai")

GOOGLE = Publisher("google", "gemini", "generateContent", "streamGenerateContent?alt=sse")
ANTHROPIC = Publisher("anthropic", "claude-vertex", "rawPredict", "streamRawPredict")
MISTRALAI = Publisher("mistralai", "mistral-vertex", "rawPredict", "streamRawPredict")

#: The makers of open models, of Grok and of Kimi, whose ids name them: Chat Completions for all.
#: cloud.google.com/vertex-ai/generative-ai/docs/maas/call-open-model-apis
OPEN = Publisher("", "openai", "", "")

#: Makers by the beginning of a model's name; all other models are Google's.
PUBLISHERS = (
    *((f"{maker}/", OPEN) for maker in VENDORS),
    ("claude", ANTHROPIC),
    ("mistral", MISTRALAI),
    ("codestral", MISTRALAI),
    ("ministral", MISTRALAI),
)

VERTEXAI = Provider(
    api_base="https://aiplatform.googleapis.com",
    routes={
        "chat": Route(vertex_wire, vertex_url),
        "embedding": Route(vertex_embed_wire, vertex_embed_url),
        "reranker": Route(fixed_wire("vertex-rerank"), vertex_rerank_url),
    },
    auth_headers={"access_token": bearer, "api_key": header_auth("x-goog-api-key")},
    variables={
        "project_id": ("GOOGLE_CLOUD_PROJECT",),
        "location": ("GOOGLE_CLOUD_LOCATION",),
    },
    ambient_credentials="google",
    explain_unsupported=vertex_unsupported,
    model_lists=vertex_model_lists,
    batch="vertex",
    other_names=(THINKING,),
)
