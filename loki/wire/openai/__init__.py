"""The protocols that OpenAI defined, and others like them: their rows, loaded when used."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from loki.json_text import JsonObject
from loki.record import replace
from loki.wire.protocol import RERANK_KEYS, RateLimitHeaders, TextsWire, Wire

if TYPE_CHECKING:
    from loki.replies import Scores, Vectors

RATE_LIMIT_HEADERS: RateLimitHeaders = tuple(
    (f"x-ratelimit-remaining-{kind}", f"x-ratelimit-reset-{kind}")
    for kind in ("requests", "tokens", "project-tokens")
)


def chat_completions() -> Wire:
    """Return Chat Completions, spoken by some twenty providers."""
    from loki.wire import anthropic
    from loki.wire.decoder import Decoder
    from loki.wire.openai import chat_request as request
    from loki.wire.openai import chat_response as response
    from loki.wire.sse import EventSplitter

    return Wire(
        draft=request.draft_chat,
        read=response.read_chat,
        decoder=lambda: Decoder(EventSplitter(), response.read_chat_event),
        finish_reasons=response.FINISH_REASONS,
        content_keys=("messages", "tools"),
        has_names=True,
        # Anthropic and routers in front of it speak this protocol too, with headers of their own
        rate_limit_headers=(*RATE_LIMIT_HEADERS, *anthropic.RATE_LIMIT_HEADERS),
        search=lambda target: SEARCH.get(target.dialect.search),
    )


def responses_api() -> Wire:
    """Return Responses, for the models that speak nothing else."""
    from loki.wire.decoder import Decoder
    from loki.wire.openai import responses_request as request
    from loki.wire.openai import responses_response as response
    from loki.wire.sse import EventSplitter

    return Wire(
        draft=request.draft_chat,
        read=response.read_chat,
        decoder=lambda: Decoder(EventSplitter(), response.read_chat_event),
        finish_reasons=response.FINISH_REASONS,
        content_keys=("input", "tools"),
        rate_limit_headers=RATE_LIMIT_HEADERS,
        search=lambda target: {"tools": [{"type": "web_search"}]},
    )


def perplexity_responses() -> Wire:
    """Return Responses as Perplexity takes them."""
    from loki.wire.openai.perplexity import draft_chat

    return replace(responses_api(), draft=draft_chat)


def perplexity_chat() -> Wire:
    """Return Chat Completions as Perplexity takes them."""
    from loki.wire.openai.perplexity import draft_completion

    return replace(chat_completions(), draft=draft_completion)


#: What asks for a web search in a chat completion, by the name that a dialect has for it.
SEARCH: dict[str, JsonObject] = {
    "always": {},  # Perplexity's models search by themselves
    "responses": {"web_search_options": {}},  # OpenAI's search models; others go to Responses
    "plugins": {"plugins": [{"id": "web"}]},  # OpenRouter
    "browser": {"tools": [{"type": "browser_search"}]},  # Groq
    "enable": {"enable_search": True},  # Qianwen
    "tool": {"tools": [{"type": "web_search", "web_search": {"enable": True}}]},  # Zhipu
}

CHAT: dict[str, Callable[[], Wire]] = {
    "openai": chat_completions,
    "responses": responses_api,
    "perplexity-responses": perplexity_responses,
    "perplexity-chat": perplexity_chat,
}


def embeddings(
    dialect: str = "openai", max_texts: int | None = None, max_tokens: int | None = None
) -> TextsWire[Vectors]:
    """Return embeddings in a dialect of OpenAI's protocol, with the limits of one request."""
    from loki.wire.openai.embeddings import DRAFTS, read_embed, read_perplexity

    return TextsWire(
        draft=DRAFTS[dialect],
        read=read_perplexity if dialect == "perplexity" else read_embed,
        content_keys=("input",),
        rate_limit_headers=RATE_LIMIT_HEADERS,
        max_texts=max_texts,
        max_tokens=max_tokens,
    )


EMBED: dict[str, Callable[[], TextsWire[Vectors]]] = {
    "openai": partial(embeddings, max_texts=2048, max_tokens=300_000),
    "qianwen": partial(embeddings, max_texts=10),
    "ernie": partial(embeddings, max_texts=16),
    "zhipuai": partial(embeddings, max_texts=64),
    "jina": partial(embeddings, "jina", max_texts=512),
    "voyage": partial(embeddings, "voyage", max_texts=1000, max_tokens=120_000),
    "mistral": partial(embeddings, "mistral", max_texts=256, max_tokens=16_000),
    "perplexity": partial(embeddings, "perplexity", max_texts=512, max_tokens=120_000),
}


def reranking(
    dialect: str = "common", max_texts: int | None = None, max_tokens: int | None = None
) -> TextsWire[Scores]:
    """Return reranking as Jina, Cohere and Voyage do it, with the limits of one request."""
    from loki.wire.openai.rerank import DRAFTS, read_rerank

    return TextsWire(
        draft=DRAFTS[dialect],
        read=read_rerank,
        content_keys=RERANK_KEYS,
        rate_limit_headers=RATE_LIMIT_HEADERS,
        max_texts=max_texts,
        max_tokens=max_tokens,
        top_paths=(("top_n",), ("top_k",)),
    )


RERANK: dict[str, Callable[[], TextsWire[Scores]]] = {
    "common": reranking,
    "cohere-rerank": partial(reranking, max_texts=1000),
    "qianfan-rerank": partial(reranking, max_texts=64),
    "voyage-rerank": partial(reranking, "voyage", max_texts=1000, max_tokens=300_000),
}
