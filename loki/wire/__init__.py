"""PURE. The wire protocols by name; adding one is a file here and a row in a table."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from loki.records import Task
from loki.wire.codec import Measure, Wire

if TYPE_CHECKING:
    from loki.measures import Scores, Vectors

#: Where the four functions of each wire are: draft, read, split, read_event (see Wire).
CHAT: dict[str, tuple[str, str, str, str]] = {
    "openai": (
        "openai.draft_chat",
        "openai.read_chat",
        "sse.split",
        "openai.read_chat_event",
    ),
    "responses": (
        "responses.draft_chat",
        "responses.read_chat",
        "sse.split",
        "responses.read_chat_event",
    ),
    "claude": (
        "claude.draft_chat",
        "claude_reply.read_chat",
        "claude_reply.split",
        "claude_reply.read_chat_event",
    ),
    "claude-vertex": (
        "claude.draft_vertex_chat",
        "claude_reply.read_chat",
        "claude_reply.split",
        "claude_reply.read_chat_event",
    ),
    "gemini": (
        "gemini.draft_chat",
        "gemini_reply.read_chat",
        "gemini_reply.split",
        "gemini_reply.read_chat_event",
    ),
    "mistral-vertex": (
        "vertex.draft_mistral",
        "openai.read_chat",
        "sse.split",
        "openai.read_chat_event",
    ),
    "cohere": (
        "cohere.draft_chat",
        "cohere.read_chat",
        "cohere.split",
        "cohere.read_chat_event",
    ),
    "converse": (
        "converse.draft_chat",
        "converse.read_chat",
        "converse_thoughts.split",
        "converse.read_chat_event",
    ),
}


#: Where the two functions of each are: draft, read (see Measure).
EMBED: dict[str, tuple[str, str]] = {
    "openai": ("openai_embed.draft_embed", "openai_embed.read_embed"),
    "qianwen": ("openai_embed.draft_embed", "openai_embed.read_embed"),
    "ernie": ("openai_embed.draft_embed", "openai_embed.read_embed"),
    "zhipuai": ("openai_embed.draft_embed", "openai_embed.read_embed"),
    "jina": ("openai_embed.draft_jina", "openai_embed.read_embed"),
    "voyage": ("openai_embed.draft_voyage", "openai_embed.read_embed"),
    "mistral": ("openai_embed.draft_mistral", "openai_embed.read_embed"),
    "perplexity": ("openai_embed.draft_perplexity", "openai_embed.read_perplexity"),
    "cohere": ("cohere_embed.draft_embed", "cohere_embed.read_embed"),
    "cohere-bedrock": ("cohere_embed.draft_bedrock", "cohere_embed.read_embed"),
    "titan": ("titan_embed.draft_embed", "titan_embed.read_embed"),
    "gemini": ("gemini_embed.draft_embed", "gemini_embed.read_embed"),
    "gemini-vertex": ("gemini_embed.draft_vertex", "vertex_embed.read_embed"),
    "predict": ("vertex_embed.draft_embed", "vertex_embed.read_embed"),
}
RERANK: dict[str, tuple[str, str]] = {
    "common": ("common_rerank.draft_rerank", "common_rerank.read_rerank"),
    "cohere-rerank": ("common_rerank.draft_rerank", "common_rerank.read_rerank"),
    "qianfan-rerank": ("common_rerank.draft_rerank", "common_rerank.read_rerank"),
    "voyage-rerank": ("common_rerank.draft_voyage", "common_rerank.read_rerank"),
    "bedrock-rerank": ("bedrock_rerank.draft_rerank", "common_rerank.read_rerank"),
    "vertex-rerank": ("vertex_rerank.draft_rerank", "vertex_rerank.read_rerank"),
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
    module, _, name = place.partition(".")
    return getattr(import_module(f"loki.wire.{module}"), name)


TASKS: dict[Task, Callable[[str], Wire | Measure[Any]]] = {
    "chat": chat,
    "embedding": embed,
    "reranker": rerank,
}
