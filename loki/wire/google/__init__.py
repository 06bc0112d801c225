"""Google's protocols, and Mistral's on Vertex AI: their rows; each loads what it needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from loki.record import replace
from loki.wire.protocol import TextsWire, Wire

if TYPE_CHECKING:
    from loki.replies import Scores, Vectors


def generate_content() -> Wire:
    """Return generateContent, of Gemini and of Vertex AI."""
    from loki.wire.decoder import Decoder
    from loki.wire.google import request, response

    return Wire(
        draft=request.draft_chat,
        read=response.read_chat,
        decoder=lambda: Decoder(response.StreamSplitter(), response.read_chat_event),
        finish_reasons=response.FINISH_REASONS,
        content_keys=("contents", "systemInstruction", "tools", "toolConfig"),
        search=lambda target: {"tools": [{"googleSearch": {}}]},
    )


def vertex_mistral() -> Wire:
    """Return Chat Completions as Mistral's models on Vertex AI take them."""
    from loki.wire.google.mistral import draft_mistral
    from loki.wire.openai import chat_completions

    return replace(chat_completions(), draft=draft_mistral, has_names=False)


def batch_embed_contents() -> TextsWire[Vectors]:
    """Return batchEmbedContents, of Gemini."""
    from loki.wire.google.embeddings import draft_embed, read_embed

    return TextsWire(draft_embed, read_embed, content_keys=("requests",), max_texts=100)


def vertex_embed_contents() -> TextsWire[Vectors]:
    """Return embedContent and batchEmbedContents, of Gemini models on Vertex AI."""
    from loki.wire.google.embeddings import draft_vertex
    from loki.wire.google.predict import read_embed

    return TextsWire(
        draft=draft_vertex,
        read=read_embed,
        content_keys=("requests", "content"),
        max_texts=100,
        max_tokens=20_000,
    )


def vertex_predict() -> TextsWire[Vectors]:
    """Return predict, of all other embedding models on Vertex AI."""
    from loki.wire.google.predict import draft_embed, read_embed

    return TextsWire(
        draft=draft_embed,
        read=read_embed,
        content_keys=("instances",),
        max_texts=250,
        max_tokens=20_000,
    )


def rank() -> TextsWire[Scores]:
    """Return the ranking of the Discovery Engine."""
    from loki.wire.google.rerank import draft_rerank, read_rerank

    return TextsWire(
        draft=draft_rerank,
        read=read_rerank,
        content_keys=("query", "records"),
        max_texts=200,
        top_paths=(("topN",),),
    )


CHAT: dict[str, Callable[[], Wire]] = {
    "gemini": generate_content,
    "mistral-vertex": vertex_mistral,
}

EMBED: dict[str, Callable[[], TextsWire[Vectors]]] = {
    "gemini": batch_embed_contents,
    "gemini-vertex": vertex_embed_contents,
    "predict": vertex_predict,
}

RERANK: dict[str, Callable[[], TextsWire[Scores]]] = {"vertex-rerank": rank}
