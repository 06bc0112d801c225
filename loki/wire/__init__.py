"""PURE. The wire protocols by name; adding one is a file here and a row in a table."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from loki.wire.codec import Wire

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


@cache
def chat(name: str) -> Wire:
    """A wire by its name; a pipe loads only the one that it speaks.

    >>> chat("openai").read({"choices": [{"message": {"content": "Hi"}}]})
    (Text(text='Hi'),)
    """
    places = (place.partition(".") for place in CHAT[name])
    return Wire(*(getattr(import_module(f"loki.wire.{m}"), function) for m, _, function in places))
