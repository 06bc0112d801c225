"""Anthropic's Messages, at home and on Vertex AI: its rows; each loads what it needs."""

from __future__ import annotations

from collections.abc import Callable

from loki.record import replace
from loki.wire.protocol import RateLimitHeaders, Wire

RATE_LIMIT_HEADERS: RateLimitHeaders = tuple(
    (f"anthropic-ratelimit-{kind}-remaining", f"anthropic-ratelimit-{kind}-reset")
    for kind in ("requests", "tokens", "input-tokens", "output-tokens")
)


def messages() -> Wire:
    """Return the Messages API."""
    from loki.wire.anthropic import request, response
    from loki.wire.decoder import Decoder
    from loki.wire.sse import EventSplitter

    return Wire(
        draft=request.draft_chat,
        read=response.read_chat,
        decoder=lambda: Decoder(EventSplitter(), response.MessageReader().read_event),
        finish_reasons=response.FINISH_REASONS,
        content_keys=("messages", "system", "tools"),
        rate_limit_headers=RATE_LIMIT_HEADERS,
        search=lambda target: {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    )


def vertex_messages() -> Wire:
    """Return the same with the version in its body and the model in its URL, as on Vertex AI."""
    from loki.wire.anthropic.request import draft_vertex_chat

    return replace(messages(), draft=draft_vertex_chat)


CHAT: dict[str, Callable[[], Wire]] = {"claude": messages, "claude-vertex": vertex_messages}
