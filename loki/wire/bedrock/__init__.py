"""The protocols of AWS Bedrock: their rows; each loads what it needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from loki.wire.protocol import AMAZON_TOKENS, TextsWire, Wire

if TYPE_CHECKING:
    from loki.replies import Scores, Vectors


def converse_stream() -> Wire:
    """Return Converse and ConverseStream."""
    from loki.wire.bedrock import request, response
    from loki.wire.bedrock.event_stream import FrameSplitter
    from loki.wire.bedrock.reasoning_stream import StreamReader
    from loki.wire.decoder import Decoder

    return Wire(
        draft=request.draft_chat,
        read=response.read_chat,
        decoder=lambda: Decoder(FrameSplitter(), StreamReader().read_event),
        finish_reasons=response.FINISH_REASONS,
        content_keys=("messages", "system", "toolConfig"),
        tools_path=("toolConfig", "tools"),
        search=lambda target: NOVA_SEARCH if "amazon.nova-" in target.model.real_name else None,
    )


#: The web search of Amazon's own models; others have none here.
NOVA_SEARCH = {"toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]}}


def titan_embed() -> TextsWire[Vectors]:
    """Return the embeddings of Amazon's Titan, one text at a time."""
    from loki.wire.bedrock.titan import draft_embed, read_embed

    return TextsWire(
        draft=draft_embed,
        read=read_embed,
        content_keys=("inputText",),
        token_header=AMAZON_TOKENS,
        max_texts=1,
    )


def agents_rerank() -> TextsWire[Scores]:
    """Return Rerank of the agents' runtime."""
    from loki.wire.bedrock.rerank import draft_rerank
    from loki.wire.openai.rerank import read_rerank

    configuration = ("rerankingConfiguration", "bedrockRerankingConfiguration", "numberOfResults")
    return TextsWire(
        draft=draft_rerank,
        read=read_rerank,
        content_keys=("queries", "sources"),
        max_texts=1000,
        top_paths=(configuration,),
    )


CHAT: dict[str, Callable[[], Wire]] = {"converse": converse_stream}

EMBED: dict[str, Callable[[], TextsWire[Vectors]]] = {"titan": titan_embed}

RERANK: dict[str, Callable[[], TextsWire[Scores]]] = {"bedrock-rerank": agents_rerank}
