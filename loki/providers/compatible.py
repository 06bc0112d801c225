"""The providers that speak OpenAI's protocols, by the names of their clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from loki.providers.base import Provider, Route, always, at, bearer
from loki.providers.openai import OPENAI_DIALECT, OPENAI_ROUTES
from loki.records import Dialect, Target, Task


class Known(NamedTuple):
    """A known OpenAI-compatible provider: what differs from the type's own row."""

    api_base: str
    dialect: Dialect = Dialect()
    routes: Mapping[Task, Route] = {}  # those that differ from OpenAI's
    batch: str = ""  # as in Provider


def qianwen_rerank_url(target: Target, base: str) -> str:
    """Return the URL of Qianwen's rerankers, beside that of its chats."""
    return f"{base.replace('/compatible-mode/', '/compatible-api/', 1)}/reranks"


COMPATIBLE = Provider(
    api_base="",
    routes={**OPENAI_ROUTES, "reranker": Route(always("common"), at("rerank"))},
    proofs={"access_token": bearer, "api_key": bearer},
    keyless=True,
)

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
    "groq": Known("https://api.groq.com/openai/v1", OPENAI_DIALECT, batch="groq"),
    "hunyuan": Known("https://api.hunyuan.cloud.tencent.com/v1"),
    "minimax": Known("https://api.minimax.chat/v1"),
    "mistral": Known(
        "https://api.mistral.ai/v1",
        Dialect(seed="random_seed", stream_usage=False),
        routes={"embedding": Route(always("mistral"), at("embeddings"))},
        batch="mistral",
    ),
    "moonshot": Known("https://api.moonshot.cn/v1", Dialect(reasoning="switch")),
    "openrouter": Known(
        "https://openrouter.ai/api/v1", Dialect(reasoning="object"), batch="openrouter"
    ),
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
    "xai": Known("https://api.x.ai/v1", batch="xai"),
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
