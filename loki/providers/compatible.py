"""The providers that speak OpenAI's protocols, by the names of their clients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from loki.providers.base import (
    THINKING,
    Locate,
    ModelLists,
    OtherName,
    Provider,
    Route,
    bearer,
    fixed_path,
    fixed_wire,
    model_list_at,
)
from loki.providers.openai import OPENAI_DIALECT, OPENAI_ROUTES, PATHS, openai_url, openai_wire
from loki.record import record, replace
from loki.records import Dialect, Target, Task


@record
class KnownService:
    """A known OpenAI-compatible provider: what differs from the type's own row."""

    api_base: str
    dialect: Dialect = Dialect()
    routes: Mapping[Task, Route] = field(default_factory=dict)  # those that differ from OpenAI's
    #: The provider's own variables, by setting.
    variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    model_lists: ModelLists = model_list_at("models")
    batch: str = ""  # as in Provider
    other_names: tuple[OtherName, ...] = ()


#: The makers that GitHub's names begin with by now.  Source: models.github.ai/catalog/models.
GITHUB_NAMES = (
    OtherName(r"(o\d(-mini)?)-high", r"openai/\1", "high"),
    OtherName(r"(?:gpt-|o\d|text-embedding-)[^/]*", r"openai/\g<0>"),
    OtherName(r"llama-[^/]+", r"meta/\g<0>"),
    OtherName(r"(?:mistral|ministral|codestral)-[^/]+", r"mistral-ai/\g<0>"),
    OtherName(r"cohere-[^/]+", r"cohere/\g<0>"),
    OtherName(r"deepseek-[^/]+", r"deepseek/\g<0>"),
    OtherName(r"(?:phi|mai)-[^/]+", r"microsoft/\g<0>"),
    OtherName(r"grok-[^/]+", r"xai/\g<0>"),
)


def qianwen_rerank_url(target: Target, base: str) -> str:
    """Return the URL of Qianwen's rerankers, beside that of its chats."""
    return f"{base.replace('/compatible-mode/', '/compatible-api/', 1)}/reranks"


def databricks_locator(path: str) -> Locate:
    """Return a function that locates ``path`` in a workspace, whose bare address will do."""
    return lambda target, base: (
        f"{base.removesuffix('/serving-endpoints')}/serving-endpoints/{path}"
    )


def databricks_chat_url(target: Target, base: str) -> str:
    """Return the URL of a workspace's chats."""
    return databricks_locator(PATHS[openai_wire(target)])(target, base)


def perplexity_wire(target: Target) -> str:
    """Return Perplexity's own form of Chat Completions, or of Responses."""
    return "perplexity-responses" if openai_wire(target) == "responses" else "perplexity-chat"


def perplexity_url(target: Target, base: str) -> str:
    """Return the URL of a chat: Responses are a version below the base."""
    return (
        f"{base}/v1/responses" if openai_wire(target) == "responses" else openai_url(target, base)
    )


COMPATIBLE = Provider(
    api_base="",
    routes={**OPENAI_ROUTES, "reranker": Route(fixed_wire("common"), fixed_path("rerank"))},
    auth_headers={"access_token": bearer, "api_key": bearer},
    needs_no_key=True,
)

SWITCH = Dialect(reasoning="switch", schema="json_object")

#: Each row with its source: a recorded exchange, or the page that names the address.
KNOWN: dict[str, KnownService] = {
    # docs.ai21.com/reference/jamba-1-6-api-ref
    "ai21": KnownService("https://api.ai21.com/studio/v1", Dialect(schema="json_object")),
    # developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility; a recording
    "cloudflare": KnownService(
        "https://api.cloudflare.com/client/v4/accounts/{ACCOUNT_ID}/ai/v1",
        model_lists=model_list_at("models/search?per_page=1000", end="/v1"),
    ),
    # deepinfra.com/docs/openai_api; a recording
    "deepinfra": KnownService("https://api.deepinfra.com/v1/openai"),
    # api-docs.deepseek.com; a recording
    "deepseek": KnownService("https://api.deepseek.com", SWITCH),
    # cloud.baidu.com/doc/qianfan-api
    "ernie": KnownService(
        "https://qianfan.baidubce.com/v2",
        routes={
            "embedding": Route(fixed_wire("ernie"), fixed_path("embeddings")),
            "reranker": Route(fixed_wire("qianfan-rerank"), fixed_path("rerank")),
        },
    ),
    # docs.github.com/rest/models/inference: ids name the maker, as openai/gpt-5
    "github": KnownService(
        "https://models.github.ai/inference",
        variables={"api_key": ("GITHUB_TOKEN",)},
        model_lists=model_list_at("catalog/models", end="/inference"),
        other_names=GITHUB_NAMES,
    ),
    # console.groq.com/docs/openai; a recording
    "groq": KnownService(
        "https://api.groq.com/openai/v1", replace(OPENAI_DIALECT, search="browser"), batch="groq"
    ),
    # cloud.tencent.com/document/product/1823/131382: the host before it ended in September 2026;
    # accounts from outside of China: https://tokenhub-intl.tencentcloudmaas.com/v1
    "hunyuan": KnownService("https://tokenhub.tencentmaas.com/v1"),
    # platform.minimaxi.com/docs/api-reference/text-openai-api; accounts from outside of China:
    # https://api.minimax.io/v1
    "minimax": KnownService("https://api.minimaxi.com/v1"),
    # docs.mistral.ai/api; a recording
    "mistral": KnownService(
        "https://api.mistral.ai/v1",
        Dialect(
            seed="random_seed",
            stream_usage=False,
            media="mistral",
            developer="system",
            names=False,  # which it refuses: mistralai 3.7, its messages
        ),
        routes={"embedding": Route(fixed_wire("mistral"), fixed_path("embeddings"))},
        batch="mistral",
    ),
    # platform.moonshot.cn/docs; accounts from outside of China: https://api.moonshot.ai/v1
    "moonshot": KnownService("https://api.moonshot.cn/v1", Dialect(reasoning="switch")),
    # openrouter.ai/docs/api-reference; a recording
    "openrouter": KnownService(
        "https://openrouter.ai/api/v1",
        Dialect(reasoning="object", cache_control=True, search="plugins"),
        batch="openrouter",
    ),
    # docs.perplexity.ai; a recording
    "perplexity": KnownService(
        "https://api.perplexity.ai",
        Dialect(stream_usage=False, developer="system", search="always"),
        routes={
            "chat": Route(perplexity_wire, perplexity_url),
            "embedding": Route(fixed_wire("perplexity"), fixed_path("v1/embeddings")),
        },
    ),
    # help.aliyun.com/zh/model-studio/compatibility-of-openai-with-dashscope
    "qianwen": KnownService(
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        Dialect(reasoning="budget", search="enable"),
        routes={
            "embedding": Route(fixed_wire("qianwen"), fixed_path("embeddings")),
            "reranker": Route(fixed_wire("common"), qianwen_rerank_url),
        },
        other_names=(THINKING,),
    ),
    # docs.x.ai/docs/api-reference; a recording
    "xai": KnownService("https://api.x.ai/v1", Dialect(search="responses"), batch="xai"),
    # docs.bigmodel.cn/api-reference
    "zhipuai": KnownService(
        "https://open.bigmodel.cn/api/paas/v4",
        replace(SWITCH, search="tool"),
        routes={"embedding": Route(fixed_wire("zhipuai"), fixed_path("embeddings"))},
        other_names=(OtherName("(.+):instruct", r"\1", "none"),),
    ),
    # api.jina.ai/redoc
    "jina": KnownService(
        "https://api.jina.ai/v1",
        routes={"embedding": Route(fixed_wire("jina"), fixed_path("embeddings"))},
    ),
    # docs.voyageai.com/reference; a recording
    "voyageai": KnownService(
        "https://api.voyageai.com/v1",
        routes={
            "embedding": Route(fixed_wire("voyage"), fixed_path("embeddings")),
            "reranker": Route(fixed_wire("voyage-rerank"), fixed_path("rerank")),
        },
    ),
    # docs.ollama.com/api/openai-compatibility; a recording
    "ollama": KnownService(
        "http://localhost:11434/v1", model_lists=model_list_at("api/tags", end="/v1")
    ),
    # inference-docs.cerebras.ai/api-reference/chat-completions; a recording
    "cerebras": KnownService("https://api.cerebras.ai/v1", OPENAI_DIALECT),
    # docs.together.ai/docs/openai-api-compatibility; a recording
    "together": KnownService("https://api.together.xyz/v1"),
    # docs.fireworks.ai/tools-sdks/openai-compatibility
    "fireworks": KnownService("https://api.fireworks.ai/inference/v1"),
    # docs.sambanova.ai/docs/en/features/openai-compatibility
    "sambanova": KnownService("https://api.sambanova.ai/v1"),
    # docs.api.nvidia.com/nim/reference/llm-apis
    "nvidia": KnownService("https://integrate.api.nvidia.com/v1"),
    # huggingface.co/docs/inference-providers; a recording
    "huggingface": KnownService(
        "https://router.huggingface.co/v1", variables={"api_key": ("HF_TOKEN",)}
    ),
    # vercel.com/docs/ai-gateway/sdks-and-apis/openai-chat-completions; a recording
    "vercel": KnownService(
        "https://ai-gateway.vercel.sh/v1",
        Dialect(reasoning="object"),
        variables={"api_key": ("AI_GATEWAY_API_KEY", "VERCEL_OIDC_TOKEN")},
    ),
    # docs.tokenfactory.nebius.com/api-reference/introduction
    "nebius": KnownService("https://api.tokenfactory.nebius.com/v1"),
    # novita.ai/docs/guides/llm-api
    "novita": KnownService("https://api.novita.ai/openai/v1"),
    # docs.siliconflow.com/en/api-reference/chat-completions; accounts from China: .cn
    "siliconflow": KnownService(
        "https://api.siliconflow.com/v1", Dialect(reasoning="budget", schema="json_object")
    ),
    # docs.baseten.co/development/model-apis/overview
    "baseten": KnownService("https://inference.baseten.co/v1"),
    # docs.databricks.com/machine-learning/model-serving/score-foundation-models; a recording
    "databricks": KnownService(
        "https://{WORKSPACE}/serving-endpoints",
        routes={
            "chat": Route(openai_wire, databricks_chat_url),
            "embedding": Route(fixed_wire("openai"), databricks_locator("embeddings")),
        },
        variables={"api_base": ("DATABRICKS_HOST",), "api_key": ("DATABRICKS_TOKEN",)},
        model_lists=model_list_at("api/2.0/serving-endpoints", end="/serving-endpoints"),
    ),
    # lmstudio.ai/docs/developer/openai-compat
    "lmstudio": KnownService("http://localhost:1234/v1"),
    # docs.vllm.ai/en/latest/serving/openai_compatible_server
    "vllm": KnownService("http://localhost:8000/v1"),
    # github.com/ggml-org/llama.cpp/tree/master/tools/server; a recording
    "llamacpp": KnownService("http://localhost:8080/v1"),
    # docs.litellm.ai/docs/simple_proxy
    "litellm": KnownService(
        "http://localhost:4000/v1", variables={"api_key": ("LITELLM_PROXY_API_KEY",)}
    ),
    # docs.venice.ai/api-reference; a recording
    "venice": KnownService("https://api.venice.ai/api/v1"),
    # docs.z.ai/api-reference/llm/chat-completion; a recording
    "zai": KnownService("https://api.z.ai/api/paas/v4", SWITCH),
}


def known_name(name: str) -> str:
    """Return the known name that a client's name is or begins with, empty if there is none.

    >>> known_name("groq"), known_name("groq-work"), known_name("groqwork"), known_name("my-groq")
    ('groq', 'groq', '', '')
    """
    parts = name.split("-")
    starts = ("-".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((start for start in starts if start in KNOWN), "")
