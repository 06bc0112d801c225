"""The wire protocols by name; a new one is a folder here, with its row, and a name below."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from loki.records import Task
from loki.wire import anthropic, bedrock, cohere, google, openai
from loki.wire.codec import Measure, Wire

if TYPE_CHECKING:
    from loki.replies import Scores, Vectors

CHAT: dict[str, Callable[[], Wire]] = {
    **openai.CHAT,
    **anthropic.CHAT,
    **google.CHAT,
    **cohere.CHAT,
    **bedrock.CHAT,
}
EMBED: dict[str, Callable[[], Measure[Vectors]]] = {
    **openai.EMBED,
    **cohere.EMBED,
    **google.EMBED,
    **bedrock.EMBED,
}
RERANK: dict[str, Callable[[], Measure[Scores]]] = {
    **openai.RERANK,
    **google.RERANK,
    **bedrock.RERANK,
}


@cache
def chat(name: str) -> Wire:
    """Return a chat protocol by its name; a pipe loads only the one that it speaks.

    >>> chat("openai").read({"choices": [{"message": {"content": "Hi"}}]})
    (Text(text='Hi'),)
    """
    return CHAT[name]()


@cache
def embed(name: str) -> Measure[Vectors]:
    """Return an embedding protocol by its name."""
    return EMBED[name]()


@cache
def rerank(name: str) -> Measure[Scores]:
    """Return a reranking protocol by its name."""
    return RERANK[name]()


def wire(task: Task, name: str) -> Wire | Measure[Any]:
    """Return a protocol by its task and name."""
    return TASKS[task](name)


TASKS: dict[Task, Callable[[str], Wire | Measure[Any]]] = {
    "chat": chat,
    "embedding": embed,
    "reranker": rerank,
}
