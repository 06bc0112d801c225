"""Which models each of our clients has in the public data, and which it has first: catalogue.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Source(NamedTuple):
    """Where one client's models come from."""

    litellm: tuple[str, ...] = ()  # the values of `litellm_provider`
    prefix: str = ""  # taken off the front of litellm's keys
    keep: str = r".+"  # the pattern that the whole of a model's id fits
    genai: str = ""  # the id of the provider in genai-prices
    grow: bool = False  # whether genai-prices adds models, or only prices
    same: Mapping[str, str] = {}  # a kind of token without a price of its own: the kind it is like
    batch_cache: Mapping[str, str] = {}  # a pattern of models: what a cached token costs in a batch
    batch: Mapping[str, int] = {}  # a pattern of embedders: how many texts go in one request


# litellm's key: the figures there that are wrong, each with the reason
TOKENS = {"input_cost_per_token", "cache_read_input_token_cost", "output_cost_per_token"}
FLAWS = {
    "embed-multilingual-light-v3.0": {"input_cost_per_token"},  # a thousand times its kin's
    "mistral/mistral-large-4": TOKENS,  # twice what the price page lists since 2026-10-29
    "mistral/mistral-large-4-0": TOKENS,
}

# where the price lists have a dash: cached input costs what input does, sound what text does
UNDISCOUNTED = {"cache_read": "input"}
# what a cached token costs in a batch: as outside of one, half of that, or what any input costs
# there.  Google's and Anthropic's manuals; the dashes in the price lists of the others
AS_EVER = {r"claude.*": "half", r".*": "usual"}
AS_INPUT = {r".*": "input"}
SOUND = {"audio_input": "input", "audio_cache_read": "cache_read"}

VERTEX = "vertex_ai"
CLIENTS = {
    "openai": Source(
        ("openai",),
        keep=r"[^/]+",
        genai="openai",
        same=UNDISCOUNTED,
        batch_cache=AS_INPUT,
        batch={r".*": 2048},
    ),
    "azure-openai": Source(
        ("azure",),
        "azure/",
        r"[^/]+",
        "azure",
        same=UNDISCOUNTED,
        batch_cache=AS_INPUT,
        batch={r".*": 2048},
    ),
    "claude": Source(("anthropic",), genai="anthropic", grow=True),
    "cohere": Source(("cohere", "cohere_chat"), "cohere/", genai="cohere", batch={r".*": 96}),
    "gemini": Source(
        ("gemini",), "gemini/", genai="google", same=SOUND, batch_cache=AS_EVER, batch={r".*": 100}
    ),
    "vertexai": Source(
        (
            VERTEX,
            f"{VERTEX}-language-models",
            f"{VERTEX}-anthropic_models",
            f"{VERTEX}-mistral_models",
            f"{VERTEX}-embedding-models",
        ),
        f"{VERTEX}/",
        r"(?!gemma|medlm)[^/]+",
        "google",
        same=SOUND,
        batch_cache=AS_EVER,
    ),
    "bedrock": Source(
        ("bedrock", "bedrock_converse"),
        "bedrock/",
        r"((us|eu|apac|global)\.)?[a-z][a-z0-9]{2,}\.[^/@]+",
        "aws",
        batch_cache=AS_INPUT,
        batch={r"(\w+\.)?cohere\..*": 96, r"(\w+\.)?amazon\..*": 1},
    ),
    "ai21": Source(("ai21",)),
    "cloudflare": Source(("cloudflare",), "cloudflare/", genai="cloudflare", grow=True),
    "deepinfra": Source(("deepinfra",), "deepinfra/"),
    "deepseek": Source(("deepseek",), "deepseek/", genai="deepseek"),
    "groq": Source(("groq",), "groq/", genai="groq", same=UNDISCOUNTED),
    "hunyuan": Source(("tencent",), "tencent/"),
    "jina": Source(("jina_ai",), "jina_ai/"),
    "minimax": Source(("minimax",), "minimax/", genai="minimax", grow=True),
    "mistral": Source(("mistral",), "mistral/", genai="mistral"),
    "moonshot": Source(("moonshot",), "moonshot/", genai="moonshotai", grow=True),
    "ollama": Source(("ollama",), "ollama/"),
    "openrouter": Source(("openrouter",), "openrouter/", r"[^/]+/[^/]+", "openrouter", grow=True),
    "perplexity": Source(("perplexity",), "perplexity/", genai="perplexity"),
    "qianwen": Source(("dashscope",), "dashscope/"),
    "voyageai": Source(("voyage",), "voyage/", genai="voyageai", batch={r".*": 128}),
    "xai": Source(("xai",), "xai/", genai="x-ai"),
    "zhipuai": Source(("zai",), "zai/", genai="zai"),
}

# client: what a user gets who names only the client, then its default embedder and reranker
FIRST = {
    "openai": ("gpt-6.1-terra", "text-embedding-3-small"),
    "azure-openai": ("gpt-6.1-terra", "text-embedding-3-small"),
    "claude": ("claude-sonnet-5-5",),
    "cohere": ("command-a-03-2025", "embed-v5.0-pro", "rerank-v5.0-pro"),
    "gemini": ("gemini-3.8-flash", "gemini-embedding-001"),
    "vertexai": ("gemini-3.8-flash", "text-embedding-005", "semantic-ranker-default-004"),
    "bedrock": (
        "global.anthropic.claude-sonnet-5-5",
        "cohere.embed-v4:0",
        "cohere.rerank-v3-5:0",
    ),
    "ai21": ("jamba-large-1.7",),
    "cloudflare": ("@cf/openai/gpt-oss-120b",),
    "deepinfra": ("deepseek-ai/DeepSeek-V4.1-Flash",),
    "deepseek": ("deepseek-flash",),
    "groq": ("openai/gpt-oss-120b",),
    "hunyuan": ("deepseek-v4.1-flash",),
    "jina": ("jina-reranker-v2-base-multilingual",),
    "minimax": ("MiniMax-M3",),
    "mistral": ("mistral-medium-latest", "mistral-embed"),
    "moonshot": ("kimi-k3.1-pro",),
    "ollama": ("llama3.1",),
    "openrouter": ("openai/gpt-6.1-terra",),
    "perplexity": ("sonar", "pplx-embed-v1-4b"),
    "qianwen": ("qwen3.7-plus",),
    "voyageai": ("voyage-4", "rerank-3"),
    "xai": ("grok-4.7",),
    "zhipuai": ("glm-5.3",),
}
