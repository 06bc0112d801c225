"""PURE. The wire protocols by name; adding one is a file here and a row in a table."""

from loki.wire import (
    claude,
    claude_reply,
    cohere,
    converse,
    converse_thoughts,
    gemini,
    gemini_reply,
    openai,
    responses,
    sse,
    vertex,
)
from loki.wire.codec import Wire

CHAT: dict[str, Wire] = {
    "openai": Wire(openai.draft_chat, openai.read_chat, sse.split, openai.read_chat_event),
    "cohere": Wire(cohere.draft_chat, cohere.read_chat, cohere.split, cohere.read_chat_event),
    "responses": Wire(
        responses.draft_chat, responses.read_chat, sse.split, responses.read_chat_event
    ),
    "claude": Wire(
        claude.draft_chat, claude_reply.read_chat, claude_reply.split, claude_reply.read_chat_event
    ),
    "claude-vertex": Wire(
        claude.draft_vertex_chat,
        claude_reply.read_chat,
        claude_reply.split,
        claude_reply.read_chat_event,
    ),
    "gemini": Wire(
        gemini.draft_chat, gemini_reply.read_chat, gemini_reply.split, gemini_reply.read_chat_event
    ),
    "mistral-vertex": Wire(
        vertex.draft_mistral, openai.read_chat, sse.split, openai.read_chat_event
    ),
    "converse": Wire(
        converse.draft_chat, converse.read_chat, converse_thoughts.split, converse.read_chat_event
    ),
}
