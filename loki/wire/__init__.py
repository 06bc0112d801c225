"""The wire protocols by name; a new one is a folder here, with its row, and a name below."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from loki.records import Task
from loki.wire import anthropic, bedrock, cohere, google, openai
from loki.wire.protocol import TextsWire, Wire

if TYPE_CHECKING:
    from loki.replies import Scores, Vectors

CHAT: dict[str, Callable[[], Wire]] = {
    **openai.CHAT,
    **anthropic.CHAT,
    **google.CHAT,
    **cohere.CHAT,
    **bedrock.CHAT,
}
EMBED: dict[str, Callable[[], TextsWire[Vectors]]] = {
    **openai.EMBED,
    **cohere.EMBED,
    **google.EMBED,
    **bedrock.EMBED,
}
RERANK: dict[str, Callable[[], TextsWire[Scores]]] = {
    **openai.RERANK,
    **google.RERANK,
    **bedrock.RERANK,
}


@cache
def chat_wire(name: str) -> Wire:
    """Return a chat protocol by its name; a pipe loads only the one that it speaks.

    >>> chat_wire("openai").read({"choices": [{"message": {"content": "Hi"}}]})
    (Text(text='Hi'),)
    """
    return CHAT[name]()


@cache
def embed_wire(name: str) -> TextsWire[Vectors]:
    """Return an embedding protocol by its name."""
    return EMBED[name]()


@cache
def rerank_wire(name: str) -> TextsWire[Scores]:
    """Return a reranking protocol by its name."""
    return RERANK[name]()


def wire(task: Task, name: str) -> Wire | TextsWire[Any]:
    """Return a protocol by its task and name."""
    return TASKS[task](name)


TASKS: dict[Task, Callable[[str], Wire | TextsWire[Any]]] = {
    "chat": chat_wire,
    "embedding": embed_wire,
    "reranker": rerank_wire,
}
