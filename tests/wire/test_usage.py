"""The parts of a call that cost differently are read from every API, streamed or not."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from support import CLIENTS, cut, request, response, stream_pieces

from loki.stages.parse import collect, parse
from loki.usage import Usage

CHAT = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
RESPONSE: Any = {
    "object": "response",
    "status": "completed",
    "output": [
        {"type": "web_search_call", "id": "1", "status": "completed"},
        {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]},
    ],
}
MESSAGE: Any = {"type": "message", "content": [{"type": "text", "text": "Hi"}]}
GEMINI: Any = {"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]}
CONVERSE: Any = {"output": {"message": {"content": [{"text": "Hi"}]}}, "stopReason": "end_turn"}


def gemini(**counts: Any) -> Any:
    """An answer of Gemini's."""
    return {**GEMINI, "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 2, **counts}}


def claude(**counts: Any) -> Any:
    """An answer of Anthropic's."""
    usage = {"input_tokens": 9, "output_tokens": 2, **counts}
    return {**MESSAGE, "stop_reason": "end_turn", "usage": usage}


def openai(*, tier: str | None = None, **counts: Any) -> Any:
    """A chat completion."""
    usage = {"prompt_tokens": 9, "completion_tokens": 2, **counts}
    return {**CHAT, "usage": usage, **({"service_tier": tier} if tier else {})}


#: A client, an answer, and what is read from it beside 9 tokens in and 2 out.
USAGES: list[tuple[tuple[str, str], Any, dict[str, Any]]] = [
    (("openai", "chat"), openai(tier="flex"), {"tier": "flex"}),
    (("mistral", "chat"), openai(service_tier="batch"), {"tier": "batch"}),
    (
        ("openai", "chat"),
        openai(
            prompt_tokens_details={
                "cached_tokens": 1,
                "cache_write_tokens": 5,
                "cache_write_tokens_details": {"ttl_12h_tokens": 4, "ttl_30m_tokens": 1},
                "audio_tokens": 2,
            },
            completion_tokens_details={"audio_tokens": 1, "reasoning_tokens": 0},
        ),
        {
            "cache_read": 1,
            "cache_write": 5,
            "cache_write_12h": 4,
            "audio_input": 2,
            "audio_output": 1,
            "reasoning": 0,
        },
    ),
    (("deepseek", "chat"), openai(prompt_cache_hit_tokens=4), {"cache_read": 4}),
    (("together", "chat"), openai(cached_tokens=4), {"cache_read": 4}),
    (
        ("perplexity", "chat"),
        openai(num_search_queries=3, cost={"total_cost": 0.5}),
        {"searches": 3, "told_cost": Decimal("0.5")},
    ),
    (("openrouter", "chat"), openai(cost=0.00001), {"told_cost": Decimal("0.00001")}),
    (("openrouter", "chat"), openai(cost="free"), {}),
    (("openrouter", "chat"), openai(cost=0, is_byok=True), {}),
    (
        ("openrouter", "chat"),
        openai(cost=0.1, is_byok=True, cost_details={"upstream_inference_cost": 2}),
        {"told_cost": Decimal("2.1")},
    ),
    (
        ("openai", "responses"),
        {
            **RESPONSE,
            "service_tier": "priority",
            "usage": {
                "input_tokens": 9,
                "output_tokens": 2,
                "input_tokens_details": {
                    "cache_write_tokens": 7,
                    "cache_write_tokens_details": {"ttl_12h_tokens": 7, "ttl_30m_tokens": 0},
                },
            },
        },
        {"cache_write": 7, "cache_write_12h": 7, "searches": 1, "tier": "priority"},
    ),
    (
        ("anthropic", "chat"),
        claude(
            input_tokens=2,
            cache_creation_input_tokens=7,
            cache_creation={"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
            server_tool_use={"web_search_requests": 2},
            service_tier="standard",
        ),
        {"cache_write": 7, "cache_write_1h": 4, "searches": 2, "tier": "standard"},
    ),
    (("anthropic", "chat"), claude(service_tier="batch"), {"tier": "batch"}),
    (("anthropic", "chat"), claude(service_tier="standard", speed="fast"), {"tier": "fast"}),
    (("anthropic", "chat"), claude(speed="standard", inference_geo="us"), {"tier": "us"}),
    (("anthropic", "chat"), claude(service_tier="batch", inference_geo="us"), {"tier": "batch-us"}),
    (("anthropic", "chat"), claude(inference_geo="global"), {}),
    (("gemini", "chat"), gemini(serviceTier="flex"), {"tier": "flex"}),
    (("vertex", "chat"), gemini(trafficType="ON_DEMAND_FLEX"), {"tier": "ON_DEMAND_FLEX"}),
    (
        ("gemini", "chat"),
        gemini(
            promptTokenCount=4,
            toolUsePromptTokenCount=5,
            cachedContentTokenCount=3,
            candidatesTokenCount=1,
            thoughtsTokenCount=1,
            promptTokensDetails=[
                {"modality": "TEXT", "tokenCount": 2},
                {"modality": "AUDIO", "tokenCount": 2},
            ],
            cacheTokensDetails=[{"modality": "AUDIO", "tokenCount": 1}],
            candidatesTokensDetails=[{"modality": "AUDIO", "tokenCount": 1}],
        ),
        {
            "cache_read": 3,
            "reasoning": 1,
            "audio_input": 2,
            "audio_cache_read": 1,
            "audio_output": 1,
        },
    ),
    (
        ("bedrock", "converse"),
        {
            **CONVERSE,
            "usage": {
                "inputTokens": 2,
                "outputTokens": 2,
                "cacheWriteInputTokens": 7,
                "cacheDetails": [{"ttl": "1h", "inputTokens": 4}, {"ttl": "5m", "inputTokens": 3}],
            },
            "serviceTier": {"type": "flex"},
        },
        {"cache_write": 7, "cache_write_1h": 4, "tier": "flex"},
    ),
    (
        ("bedrock", "converse"),
        {
            **CONVERSE,
            "usage": {"inputTokens": 9, "outputTokens": 2},
            "performanceConfig": {"latency": "optimized"},
        },
        {"tier": "optimized"},
    ),
    (
        ("cohere", "chat"),
        {
            "message": {"content": [{"type": "text", "text": "Hi"}]},
            "finish_reason": "COMPLETE",
            "usage": {
                "tokens": {"input_tokens": 9.0, "output_tokens": 2.0},
                "billed_units": {"input_tokens": 3.0, "output_tokens": 1.0, "search_units": 1.0},
            },
        },
        {"billed_input": 3, "billed_output": 1, "searches": 1},
    ),
]


@pytest.mark.parametrize(("key", "answer", "expected"), USAGES)
def test_the_parts_that_cost_differently_are_read(
    key: tuple[str, str], answer: Any, expected: dict[str, Any]
) -> None:
    body = json.dumps(answer).encode()
    reply = parse(response(request(CLIENTS[key]), 200, body)).unwrap()
    assert reply.usage == Usage(**{"input": 9, "output": 2, **expected})


def sse(*events: Any) -> bytes:
    """A stream of events."""
    return b"".join(
        f"event: {event.get('type', 'x')}\ndata: {json.dumps(event)}\n\n".encode()
        for event in events
    )


def as_stream(key: tuple[str, str], answer: Any) -> bytes:
    """The same answer, told in pieces as its API does."""
    if key[1] == "responses":
        words = {"type": "response.output_text.delta", "output_index": 0, "delta": "Hi"}
        return sse(words, {"type": "response.completed", "response": answer})
    if key[0] == "anthropic":
        early = {**answer["usage"], "output_tokens": 1}
        return sse(
            {"type": "message_start", "message": {**MESSAGE, "content": [], "usage": early}},
            {"type": "content_block_start", "index": 0, "content_block": MESSAGE["content"][0]},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn"},
                "usage": {"output_tokens": answer["usage"]["output_tokens"]},
            },
            {"type": "message_stop"},
        )
    if key[0] in ("gemini", "vertex"):
        return sse({**GEMINI, "candidates": [{"content": {"parts": [{"text": "H"}]}}]}, answer)
    usage = {**answer, "choices": []}
    return sse({"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}, usage)


STREAMED = [row for row in USAGES if row[0][0] not in ("bedrock", "cohere")]


@pytest.mark.parametrize(("key", "answer", "expected"), STREAMED)
def test_a_stream_tells_the_same_parts(
    key: tuple[str, str], answer: Any, expected: dict[str, Any]
) -> None:
    asked = request(CLIENTS[key], stream=True)
    for size in (0, 9):
        reply = collect(stream_pieces(asked, cut(as_stream(key, answer), size))).unwrap()
        assert reply.usage == Usage(**{"input": 9, "output": 2, **expected})
