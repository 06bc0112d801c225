"""Cohere's protocols, v2, at home and on Bedrock: their rows; each loads what it needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from loki.record import replace
from loki.wire.protocol import AMAZON_TOKENS, TextsWire, Wire

if TYPE_CHECKING:
    from loki.replies import Vectors


def chat_v2() -> Wire:
    """Return Chat v2."""
    from loki.wire.cohere import request, response
    from loki.wire.decoder import Decoder
    from loki.wire.sse import EventSplitter

    return Wire(
        draft=request.draft_chat,
        read=response.read_chat,
        decoder=lambda: Decoder(EventSplitter(), response.ChatReader().read_event),
        finish_reasons=response.FINISH_REASONS,
        content_keys=("messages", "tools"),
    )


def embed_v2() -> TextsWire[Vectors]:
    """Return Embed v2."""
    from loki.wire.cohere.embeddings import draft_embed, read_embed

    return TextsWire(draft_embed, read_embed, content_keys=("texts",), max_texts=96)


def embed_on_bedrock() -> TextsWire[Vectors]:
    """Return the same without the model in its body, as on Bedrock."""
    from loki.wire.cohere.embeddings import draft_bedrock

    return replace(embed_v2(), draft=draft_bedrock, token_header=AMAZON_TOKENS)


CHAT: dict[str, Callable[[], Wire]] = {"cohere": chat_v2}

EMBED: dict[str, Callable[[], TextsWire[Vectors]]] = {
    "cohere": embed_v2,
    "cohere-bedrock": embed_on_bedrock,
}
