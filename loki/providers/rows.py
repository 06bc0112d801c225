"""PURE. The client types: where each lives, which wire it speaks, how it proves who we are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from loki.records import Client, Dialect, Target, Task
from loki.wire.bedrock.sigv4 import sign
from loki.wire.google.vertex import vertex_lacks, vertex_url, vertex_wire

#: Stands in a url for an api_base that is looked up only when the request leaves.
SECRET_BASE = "{{api_base}}"


#: Method, url, headers, content, credentials, seconds since the epoch -> headers, signed.
Sign = Callable[[str, str, Mapping[str, str], bytes, Mapping[str, str], float], dict[str, str]]


class Route(NamedTuple):
    """Where asks of one task go."""

    wire: Callable[[Target], str]  # a row of the task's table in loki.wire
    locate: Callable[[Target, str], str]  # the url, below a base


class Service(NamedTuple):
    """A client type. ``proofs``: credential setting -> headers, in order of preference."""

    api_base: str
    routes: Mapping[Task, Route]  # a task that is missing cannot be done
    proofs: Mapping[str, Callable[[str], dict[str, str]]]
    headers: Callable[[Client], dict[str, str]] = lambda client: {}
    variables: Mapping[str, tuple[str, ...]] = {}  # setting -> the provider's own variables
    keys: tuple[str, ...] = ()  # settings to sign with, where no proof is set
    more_keys: tuple[str, ...] = ()  # others that go along with those
    sign: Sign | None = None
    dialect: Dialect = Dialect()
    ambient: str = ""  # a row of edge.identity: who we are where nothing is set
    keyless: bool = False  # may be asked without a credential
    lacks: Callable[[Target], str] = lambda target: ""  # what is not configured, empty if nothing


class Known(NamedTuple):
    """A provider that speaks the OpenAI wire, by the name of its client."""

    api_base: str
    dialect: Dialect = Dialect()
    routes: Mapping[Task, Route] = {}  # those that differ from OpenAI's


def service_of(client: Client) -> Service | None:
    """The client's row, None for a type that is not spoken.

    >>> service_of(Client("groq", "openai-compatible", {})).api_base
    'https://api.groq.com/openai/v1'
    """
    return row(client.type, client.name)


@lru_cache(256)
def row(kind: str, name: str) -> Service | None:
    """The row of a type, or of a provider known by the name of its client."""
    known = KNOWN.get(name) if kind == "openai-compatible" else None
    service = SERVICES.get(kind)
    if service is None or known is None:
        return service
    return service._replace(
        api_base=known.api_base,
        dialect=known.dialect,
        routes={**service.routes, **known.routes},
    )


def route_of(target: Target) -> Route | None:
    """Where the target's kind of work goes, None if its client cannot do it."""
    service = service_of(target.client)
    return service.routes.get(target.model.type) if service else None


def base_of(client: Client, service: Service) -> str:
    """Scheme, host and path prefix, without a slash at the end; empty if nobody said."""
    setting = client.settings.get("api_base")
    if setting is None:
        return service.api_base
    return setting.value.rstrip("/") if setting.form == "literal" else SECRET_BASE


def always(name: str) -> Callable[[Target], str]:
    """A wire for every model."""
    return lambda target: name


def at(path: str) -> Callable[[Target, str], str]:
    """One path for every model."""
    return lambda target, base: f"{base}/{path}"


def as_header(name: str) -> Callable[[str], dict[str, str]]:
    """A credential in a header of its own."""
    return lambda secret: {name: secret}


def openai_wire(target: Target) -> str:
    """Chat Completions, unless the model is only to be had elsewhere."""
    return "responses" if target.model.endpoint == "responses" else "openai"


def openai_url(target: Target, base: str) -> str:
    """OpenAI's path, which its imitators share."""
    return f"{base}/{PATHS[openai_wire(target)]}"


def azure_at(path: Callable[[Target, str], str]) -> Callable[[Target, str], str]:
    """A path below v1, or with ``api_version`` set the older one, which names deployments."""

    def locate(target: Target, base: str) -> str:
        root = base.removesuffix("/openai/v1").removesuffix("/openai")
        version = target.client.settings.get("api_version")
        if version is None:
            return path(target, f"{root}/openai/v1")
        deployment = quote(target.model.real_name, safe="")
        place = "" if openai_wire(target) == "responses" else f"/deployments/{deployment}"
        older = path(target, f"{root}/openai{place}")
        return f"{older}?api-version={quote(version.value, safe='')}"

    return locate


def bearer(token: str) -> dict[str, str]:
    """RFC 6750."""
    return {"Authorization": f"Bearer {token}"}


def openai_headers(client: Client) -> dict[str, str]:
    """Whose account pays, where a key has several."""
    named = {"OpenAI-Organization": "organization_id", "OpenAI-Project": "project_id"}
    return {
        header: client.settings[name].value
        for header, name in named.items()
        if name in client.settings
    }


def claude_token(token: str) -> dict[str, str]:
    """A bearer token, and the feature that lets it be one."""
    return {**bearer(token), "anthropic-beta": "oauth-2025-04-20"}


def claude_headers(client: Client) -> dict[str, str]:
    """The version of the API, which every request must name."""
    from loki.wire.anthropic.reasoning import version_of

    return {"anthropic-version": version_of(client)}


def gemini_url(target: Target, base: str) -> str:
    """A method of the model."""
    method = "streamGenerateContent?alt=sse" if target.ask.stream else "generateContent"
    return f"{base}/models/{quote(target.model.real_name, safe='')}:{method}"


def gemini_embed_url(target: Target, base: str) -> str:
    """The method for many texts, which does for one too."""
    return f"{base}/models/{quote(target.model.real_name, safe='')}:batchEmbedContents"


def gemini_headers(client: Client) -> dict[str, str]:
    """Whose quota a token's requests count against, where a project is named."""
    said = client.settings.get("auth")
    token = "access_token" in client.settings or (said is not None and said.value != "api_key")
    if not token or "project_id" not in client.settings:
        return {}
    return {"x-goog-user-project": client.settings["project_id"].value}


def bedrock_url(target: Target, base: str) -> str:
    """The path by model; an id or ARN is one segment of it, its colons and slashes encoded."""
    region = target.client.settings.get("region")
    place = base.replace("{region}", quote(region.value, safe="") if region else "")
    action = "converse-stream" if target.ask.stream else "converse"
    return f"{place}/model/{quote(target.model.real_name, safe='')}/{action}"


def vertex_embed_wire(target: Target) -> str:
    """Gemini models have an API of their own for embeddings; all others predict."""
    return "gemini-vertex" if "gemini" in target.model.real_name else "predict"


def vertex_embed_url(target: Target, base: str) -> str:
    """The model's own address, with the method that suits."""
    several = "batchEmbedContents" if len(target.ask.texts) != 1 else "embedContent"
    method = several if vertex_embed_wire(target) == "gemini-vertex" else "predict"
    return f"{vertex_url(target, base).rpartition(':')[0]}:{method}"


def bedrock_embed_wire(target: Target) -> str:
    """Cohere's models speak as they do at home; a name, here or there, says whose a model is."""
    named = f"{target.model.real_name} {target.model.name}"
    return "cohere-bedrock" if "cohere" in named else "titan"


def bedrock_embed_url(target: Target, base: str) -> str:
    """The path by model, for what Converse does not do."""
    return f"{bedrock_url(target, base).rpartition('/')[0]}/invoke"


def bedrock_rerank_url(target: Target, base: str) -> str:
    """Rerankers live on the host of the agents' runtime."""
    region = target.client.settings.get("region")
    place = base.replace("{region}", quote(region.value, safe="") if region else "")
    return f"{place.replace('//bedrock-runtime', '//bedrock-agent-runtime', 1)}/rerank"


def vertex_rerank_url(target: Target, base: str) -> str:
    """Rerankers live on a host of their own, in no region."""
    settings = target.client.settings
    root = base if "api_base" in settings else "https://discoveryengine.googleapis.com"
    version = "" if root.endswith("/v1") else "/v1"
    project = quote(settings["project_id"].value, safe="") if "project_id" in settings else ""
    config = f"projects/{project}/locations/global/rankingConfigs/default_ranking_config"
    return f"{root}{version}/{config}:rank"


def qianwen_rerank_url(target: Target, base: str) -> str:
    """Rerankers have a path of their own beside that of the chats."""
    return f"{base.replace('/compatible-mode/', '/compatible-api/', 1)}/reranks"


def bedrock_lacks(target: Target) -> str:
    """A region: part of the provider's own address, and of every signature."""
    settings = target.client.settings
    region = settings.get("region")
    proven = "access_token" in settings or "api_key" in settings
    if (region and region.form == "literal") or ("api_base" in settings and proven):
        return ""
    return "needs a region, such as us-east-1: set `region` in the configuration, or AWS_REGION"


OPENAI = Dialect(max_tokens="max_completion_tokens")

#: The paths of the wires that OpenAI's clients speak.
PATHS = {"openai": "chat/completions", "responses": "responses"}

OPENAI_ROUTES: Mapping[Task, Route] = {
    "chat": Route(openai_wire, openai_url),
    "embedding": Route(always("openai"), at("embeddings")),
}
COMPATIBLE_ROUTES: Mapping[Task, Route] = {
    **OPENAI_ROUTES,
    "reranker": Route(always("common"), at("rerank")),
}

SERVICES: dict[str, Service] = {
    "openai": Service(
        api_base="https://api.openai.com/v1",
        routes=OPENAI_ROUTES,
        proofs={"access_token": bearer, "api_key": bearer},
        headers=openai_headers,
        dialect=OPENAI,
    ),
    "openai-compatible": Service(
        api_base="",
        routes=COMPATIBLE_ROUTES,
        proofs={"access_token": bearer, "api_key": bearer},
        keyless=True,
    ),
    "azure-openai": Service(
        api_base="",
        routes={
            "chat": Route(openai_wire, azure_at(openai_url)),
            "embedding": Route(always("openai"), azure_at(at("embeddings"))),
        },
        proofs={"access_token": bearer, "api_key": as_header("api-key")},
        dialect=OPENAI,
    ),
    "cohere": Service(
        api_base="https://api.cohere.com/v2",
        routes={
            "chat": Route(always("cohere"), at("chat")),
            "embedding": Route(always("cohere"), at("embed")),
            "reranker": Route(always("cohere-rerank"), at("rerank")),
        },
        proofs={"access_token": bearer, "api_key": bearer},
        variables={"api_key": ("CO_API_KEY",)},
    ),
    "claude": Service(
        api_base="https://api.anthropic.com/v1",
        routes={"chat": Route(always("claude"), at("messages"))},
        proofs={"access_token": claude_token, "api_key": as_header("x-api-key")},
        headers=claude_headers,
        variables={"api_key": ("ANTHROPIC_API_KEY",)},
    ),
    "gemini": Service(
        api_base="https://generativelanguage.googleapis.com/v1beta",
        routes={
            "chat": Route(always("gemini"), gemini_url),
            "embedding": Route(always("gemini"), gemini_embed_url),
        },
        proofs={"access_token": bearer, "api_key": as_header("x-goog-api-key")},
        headers=gemini_headers,
        variables={"api_key": ("GOOGLE_API_KEY",)},
    ),
    "vertexai": Service(
        api_base="https://aiplatform.googleapis.com",
        routes={
            "chat": Route(vertex_wire, vertex_url),
            "embedding": Route(vertex_embed_wire, vertex_embed_url),
            "reranker": Route(always("vertex-rerank"), vertex_rerank_url),
        },
        proofs={"access_token": bearer, "api_key": as_header("x-goog-api-key")},
        variables={
            "project_id": ("GOOGLE_CLOUD_PROJECT",),
            "location": ("GOOGLE_CLOUD_LOCATION",),
        },
        ambient="google",
        lacks=vertex_lacks,
    ),
    "bedrock": Service(
        api_base="https://bedrock-runtime.{region}.amazonaws.com",
        routes={
            "chat": Route(always("converse"), bedrock_url),
            "embedding": Route(bedrock_embed_wire, bedrock_embed_url),
            "reranker": Route(always("bedrock-rerank"), bedrock_rerank_url),
        },
        proofs={"access_token": bearer, "api_key": bearer},
        variables={
            "api_key": ("AWS_BEARER_TOKEN_BEDROCK",),
            "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
            "access_key_id": ("AWS_ACCESS_KEY_ID",),
            "secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
            "session_token": ("AWS_SESSION_TOKEN",),
        },
        keys=("access_key_id", "secret_access_key", "region"),
        more_keys=("session_token",),
        sign=sign,
        ambient="aws",
        lacks=bedrock_lacks,
    ),
}

#: Every type a configuration may name.
TYPES = tuple(SERVICES)

SWITCH = Dialect(reasoning="switch", schema="json_object")

KNOWN: dict[str, Known] = {
    "ai21": Known("https://api.ai21.com/studio/v1", Dialect(schema="json_object")),
    "cloudflare": Known("https://api.cloudflare.com/client/v4/accounts/{ACCOUNT_ID}/ai/v1"),
    "deepinfra": Known("https://api.deepinfra.com/v1/openai"),
    "deepseek": Known("https://api.deepseek.com", SWITCH),
    "ernie": Known(
        "https://qianfan.baidubce.com/v2",
        routes={
            "embedding": Route(always("ernie"), at("embeddings")),
            "reranker": Route(always("qianfan-rerank"), at("rerank")),
        },
    ),
    "github": Known("https://models.inference.ai.azure.com"),
    "groq": Known("https://api.groq.com/openai/v1", OPENAI),
    "hunyuan": Known("https://api.hunyuan.cloud.tencent.com/v1"),
    "minimax": Known("https://api.minimax.chat/v1"),
    "mistral": Known(
        "https://api.mistral.ai/v1",
        Dialect(seed="random_seed", stream_usage=False),
        routes={"embedding": Route(always("mistral"), at("embeddings"))},
    ),
    "moonshot": Known("https://api.moonshot.cn/v1", Dialect(reasoning="switch")),
    "openrouter": Known("https://openrouter.ai/api/v1", Dialect(reasoning="object")),
    "perplexity": Known(
        "https://api.perplexity.ai",
        Dialect(stream_usage=False),
        routes={"embedding": Route(always("perplexity"), at("v1/embeddings"))},
    ),
    "qianwen": Known(
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        Dialect(reasoning="budget"),
        routes={
            "embedding": Route(always("qianwen"), at("embeddings")),
            "reranker": Route(always("common"), qianwen_rerank_url),
        },
    ),
    "xai": Known("https://api.x.ai/v1"),
    "zhipuai": Known(
        "https://open.bigmodel.cn/api/paas/v4",
        SWITCH,
        routes={"embedding": Route(always("zhipuai"), at("embeddings"))},
    ),
    "jina": Known(
        "https://api.jina.ai/v1",
        routes={"embedding": Route(always("jina"), at("embeddings"))},
    ),
    "voyageai": Known(
        "https://api.voyageai.com/v1",
        routes={
            "embedding": Route(always("voyage"), at("embeddings")),
            "reranker": Route(always("voyage-rerank"), at("rerank")),
        },
    ),
    "ollama": Known("http://localhost:11434/v1"),
}
