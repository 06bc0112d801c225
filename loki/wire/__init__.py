"""PURE. The wire protocols by name; adding one is a file here and a row in a table."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from loki.records import Task
from loki.wire.codec import Measure, Wire

if TYPE_CHECKING:
    from loki.replies import Scores, Vectors

#: Where the four functions of each wire are: draft, read, split, read_event (see Wire).
CHAT: dict[str, tuple[str, str, str, str]] = {
    "openai": (
        "openai.chat.draft_chat",
        "openai.chat.read_chat",
        "sse.split",
        "openai.chat.read_chat_event",
    ),
    "responses": (
        "openai.responses.draft_chat",
        "openai.responses.read_chat",
        "sse.split",
        "openai.responses.read_chat_event",
    ),
    "claude": (
        "anthropic.request.draft_chat",
        "anthropic.response.read_chat",
        "anthropic.response.split",
        "anthropic.response.read_chat_event",
    ),
    "claude-vertex": (
        "anthropic.request.draft_vertex_chat",
        "anthropic.response.read_chat",
        "anthropic.response.split",
        "anthropic.response.read_chat_event",
    ),
    "gemini": (
        "google.request.draft_chat",
        "google.response.read_chat",
        "google.response.split",
        "google.response.read_chat_event",
    ),
    "mistral-vertex": (
        "google.mistral.draft_mistral",
        "openai.chat.read_chat",
        "sse.split",
        "openai.chat.read_chat_event",
    ),
    "cohere": (
        "cohere.chat.draft_chat",
        "cohere.chat.read_chat",
        "cohere.chat.split",
        "cohere.chat.read_chat_event",
    ),
    "converse": (
        "bedrock.converse.draft_chat",
        "bedrock.converse.read_chat",
        "bedrock.reasoning_stream.split",
        "bedrock.converse.read_chat_event",
    ),
}


#: Where the two functions of each are: draft, read (see Measure).
EMBED: dict[str, tuple[str, str]] = {
    "openai": ("openai.embeddings.draft_embed", "openai.embeddings.read_embed"),
    "qianwen": ("openai.embeddings.draft_embed", "openai.embeddings.read_embed"),
    "ernie": ("openai.embeddings.draft_embed", "openai.embeddings.read_embed"),
    "zhipuai": ("openai.embeddings.draft_embed", "openai.embeddings.read_embed"),
    "jina": ("openai.embeddings.draft_jina", "openai.embeddings.read_embed"),
    "voyage": ("openai.embeddings.draft_voyage", "openai.embeddings.read_embed"),
    "mistral": ("openai.embeddings.draft_mistral", "openai.embeddings.read_embed"),
    "perplexity": ("openai.embeddings.draft_perplexity", "openai.embeddings.read_perplexity"),
    "cohere": ("cohere.embeddings.draft_embed", "cohere.embeddings.read_embed"),
    "cohere-bedrock": ("cohere.embeddings.draft_bedrock", "cohere.embeddings.read_embed"),
    "titan": ("bedrock.titan.draft_embed", "bedrock.titan.read_embed"),
    "gemini": ("google.embeddings.draft_embed", "google.embeddings.read_embed"),
    "gemini-vertex": ("google.embeddings.draft_vertex", "google.predict.read_embed"),
    "predict": ("google.predict.draft_embed", "google.predict.read_embed"),
}
RERANK: dict[str, tuple[str, str]] = {
    "common": ("openai.rerank.draft_rerank", "openai.rerank.read_rerank"),
    "cohere-rerank": ("openai.rerank.draft_rerank", "openai.rerank.read_rerank"),
    "qianfan-rerank": ("openai.rerank.draft_rerank", "openai.rerank.read_rerank"),
    "voyage-rerank": ("openai.rerank.draft_voyage", "openai.rerank.read_rerank"),
    "bedrock-rerank": ("bedrock.rerank.draft_rerank", "openai.rerank.read_rerank"),
    "vertex-rerank": ("google.rerank.draft_rerank", "google.rerank.read_rerank"),
}

#: The most texts, and the most tokens in sum, that one request of a wire takes; None is no limit.
CEILINGS: dict[str, tuple[int | None, int | None]] = {
    "openai": (2048, 300_000),
    "qianwen": (10, None),
    "ernie": (16, None),
    "zhipuai": (64, None),
    "jina": (512, None),
    "voyage": (1000, 120_000),
    "mistral": (256, 16_000),
    "perplexity": (512, 120_000),
    "cohere": (96, None),
    "cohere-bedrock": (96, None),
    "titan": (1, None),
    "gemini": (100, None),
    "gemini-vertex": (100, 20_000),
    "predict": (250, 20_000),
    "cohere-rerank": (1000, None),
    "qianfan-rerank": (64, None),
    "voyage-rerank": (1000, 300_000),
    "bedrock-rerank": (1000, None),
    "vertex-rerank": (200, None),
}


@cache
def chat(name: str) -> Wire:
    """A chat wire by its name; a pipe loads only the one that it speaks.

    >>> chat("openai").read({"choices": [{"message": {"content": "Hi"}}]})
    (Text(text='Hi'),)
    """
    return Wire(*map(function, CHAT[name]))


@cache
def embed(name: str) -> Measure[Vectors]:
    """An embedding wire by its name."""
    return Measure(*map(function, EMBED[name]))


@cache
def rerank(name: str) -> Measure[Scores]:
    """A reranking wire by its name."""
    return Measure(*map(function, RERANK[name]))


def wire(task: Task, name: str) -> Wire | Measure[Any]:
    """The wire of a task."""
    return TASKS[task](name)


def function(place: str) -> Any:
    """The function at ``module.name`` in this package."""
    module, _, name = place.rpartition(".")
    return getattr(import_module(f"loki.wire.{module}"), name)


TASKS: dict[Task, Callable[[str], Wire | Measure[Any]]] = {
    "chat": chat,
    "embedding": embed,
    "reranker": rerank,
}
