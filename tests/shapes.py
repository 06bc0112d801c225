"""Answers of every wire that have nearly everything a wire can say, for those who change them."""

from __future__ import annotations

from typing import Any

COUNTS = {
    "prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13, "cost": 0.1,
    "prompt_tokens_details": {"cached_tokens": 1, "audio_tokens": 0, "cache_write_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 0},
}  # fmt: skip
CALL = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
GEMINI_COUNTS = {
    "promptTokenCount": 9, "candidatesTokenCount": 2, "thoughtsTokenCount": 1, "serviceTier": "x",
    "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 3}],
}  # fmt: skip
CLAUDE_COUNTS = {
    "input_tokens": 9, "output_tokens": 2, "cache_read_input_tokens": 1, "service_tier": "standard",
    "cache_creation": {"ephemeral_1h_input_tokens": 1},
    "server_tool_use": {"web_search_requests": 1},
}  # fmt: skip
FUNCTION_CALL = {
    "type": "function_call", "status": "completed", "call_id": "c", "name": "f", "arguments": "{}",
}  # fmt: skip
RESPONSE = {
    "status": "completed",
    "output": [
        {"type": "reasoning", "summary": [{"text": "Hm."}], "content": [{"text": "Hm"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]},
        FUNCTION_CALL,
    ],
    "usage": {"input_tokens": 9, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 1}},
}

#: A whole answer of each wire that has nearly everything.
WHOLE: dict[str, Any] = {
    "openai": {
        "choices": [
            {
                "index": 0,
                "message": {
                    "content": [
                        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                        {"type": "text", "text": "Hi"},
                    ],
                    "reasoning_content": "Hm.",
                    "refusal": None,
                    "tool_calls": [CALL],
                },
                "finish_reason": "stop",
            }
        ],
        "usage": COUNTS,
        "service_tier": "flex",
    },
    "responses": RESPONSE,
    "claude": {
        "type": "message",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
            {"type": "text", "text": "Hi"},
            {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
        ],
        "stop_reason": "end_turn",
        "stop_details": {"explanation": "No."},
        "usage": CLAUDE_COUNTS,
    },
    "gemini": {
        "candidates": [
            {
                "index": 0,
                "content": {
                    "parts": [
                        {"text": "Hm.", "thought": True},
                        {"text": "Hi", "thoughtSignature": "c2ln"},
                        {"functionCall": {"id": "a", "name": "f", "args": {"x": 1}}},
                    ]
                },
                "finishReason": "STOP",
                "groundingMetadata": {"webSearchQueries": ["q"]},
            }
        ],
        "promptFeedback": {},
        "usageMetadata": GEMINI_COUNTS,
    },
    "cohere": {
        "message": {
            "tool_plan": "I will.",
            "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Hi"}],
            "tool_calls": [CALL],
        },
        "finish_reason": "COMPLETE",
        "usage": {
            "tokens": {"input_tokens": 9.0, "output_tokens": 2.0},
            "billed_units": {"input_tokens": 7, "output_tokens": 2},
            "cached_tokens": 1,
        },
    },
    "converse": {
        "output": {
            "message": {
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
                    {"text": "Hi"},
                    {"citationsContent": {"content": [{"text": "!"}]}},
                    {"toolUse": {"toolUseId": "a", "name": "f", "input": {"x": 1}}},
                ]
            }
        },
        "stopReason": "end_turn",
        "usage": {"inputTokens": 9, "outputTokens": 2, "cacheDetails": [{"ttl": "1h"}]},
        "serviceTier": {"type": "flex"},
    },
}

#: The events of a stream of each wire.
STREAMS: dict[str, list[Any]] = {
    "openai": [
        {"choices": [{"index": 0, "delta": {"reasoning": "Hm."}}]},
        {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [CALL]}, "finish_reason": "stop"}]},
        {"choices": [], "usage": COUNTS},
    ],
    "responses": [
        {"type": "response.reasoning_summary_part.added", "summary_index": 1},
        {"type": "response.output_text.delta", "output_index": 0, "delta": "Hi"},
        {"type": "response.output_item.added", "output_index": 1, "item": FUNCTION_CALL},
        {
            "type": "response.function_call_arguments.done",
            "output_index": 1,
            "arguments": "{}",
        },
        {"type": "response.output_item.done", "output_index": 1, "item": FUNCTION_CALL},
        {"type": "response.completed", "response": RESPONSE},
    ],
    "claude": [
        {"type": "message_start", "message": {"content": [], "usage": CLAUDE_COUNTS}},
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": ""},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "signature_delta", "signature": "c2ln"},
        },
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "text_delta", "text": "Hi"},
        },
        {
            "type": "content_block_start",
            "index": 2,
            "content_block": {"type": "tool_use", "id": "a", "name": "f", "input": {}},
        },
        {
            "type": "content_block_delta",
            "index": 2,
            "delta": {"type": "input_json_delta", "partial_json": "{}"},
        },
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": CLAUDE_COUNTS},
        {"type": "message_stop"},
    ],
    "gemini": [
        {"candidates": [{"content": {"parts": [{"text": "Hi"}]}}], "usageMetadata": GEMINI_COUNTS},
        WHOLE["gemini"],
    ],
    "cohere": [
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I will."}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hi"}}}},
        {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": CALL}}},
        {
            "type": "message-end",
            "delta": {"finish_reason": "COMPLETE", "usage": WHOLE["cohere"]["usage"]},
        },
    ],
    "converse": [
        {
            "contentBlockDelta": {
                "contentBlockIndex": 0,
                "delta": {"reasoningContent": {"text": "Hm.", "signature": "c2ln"}},
            }
        },
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"text": "Hi"}}},
        {
            "contentBlockStart": {
                "contentBlockIndex": 2,
                "start": {"toolUse": {"toolUseId": "a", "name": "f"}},
            }
        },
        {"contentBlockDelta": {"contentBlockIndex": 2, "delta": {"toolUse": {"input": "{}"}}}},
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": {"usage": WHOLE["converse"]["usage"]}},
        {"exception": {"throttlingException": {"message": "Too many."}}},
    ],
}

#: Answers about two texts, by the wires that embed or rerank.
OPENAI_ROWS = {
    "data": [{"index": 0, "embedding": [1, 2]}, {"index": 1, "embedding": "AACAPwAAAEA="}]
}
VECTORS: dict[str, Any] = {
    "cohere": {"embeddings": {"float": [[1, 2], [3, 4]]}, "meta": {"billed_units": {}}},
    "cohere-bedrock": {"embeddings": [[1, 2], [3, 4]]},
    "titan": {"embedding": [1, 2], "inputTextTokenCount": 2},
    "gemini": {"embeddings": [{"values": [1, 2]}, {"values": [3, 4]}], "usageMetadata": {}},
    "gemini-vertex": {"embedding": {"values": [1, 2]}, "usageMetadata": {"promptTokenCount": 1}},
    "predict": {
        "predictions": [{"embeddings": {"values": [1, 2], "statistics": {"token_count": 2}}}]
    },
}
SCORES: dict[str, Any] = {
    "bedrock-rerank": {"results": [{"index": 1, "relevanceScore": 0.5}, {"index": 0}]},
    "vertex-rerank": {"records": [{"id": "1", "score": 0.5}, {"id": "0", "score": 0.25}]},
}
COMMON = {
    "results": [{"index": 1, "relevance_score": 0.5}, {"index": 0, "score": 0.25}],
    "usage": COUNTS,
    "meta": {"billed_units": {"search_units": 1}},
}
