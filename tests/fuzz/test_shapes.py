"""Answers shaped like real ones, with odd things in odd places: a Success or a Problem, always."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from returns.result import Success
from support import config, request, told

from loki.cli.describe import reply_json
from loki.json_text import compact
from loki.problems import EXIT_CODES, Problem
from loki.records import Ask, Draft, Request, Response, Task
from loki.redaction.redactor import Redactor
from loki.stages import resolve
from loki.stages.account import account
from loki.stages.parse import collect, parse
from loki.stages.parse_vectors import read_scores, read_vectors
from loki.wire import EMBED, RERANK, chat_wire, embed_wire, rerank_wire
from loki.wire.answer_json import parse_json

CLIENTS: dict[str, dict[str, Any]] = {
    "openai": {"type": "openai-compatible", "name": "x", "api_base": "https://a.example"},
    "responses": {"type": "openai", "models": [{"name": "m", "endpoint": "responses"}]},
    "claude": {"type": "claude"},
    "gemini": {"type": "gemini"},
    "cohere": {"type": "cohere"},
    "converse": {"type": "bedrock", "region": "us-east-1"},
}
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


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        None, True, False, 0, -1, 1.5, 1e300, float("nan"), float("inf"), 10**400, -(10**30), "",
        "x", "\ud800", "\0", "{}", "[", "9" * 400, [], [None], [5], ["x"], {}, {"a": 1}, [[]],
        [{}], {"text": 5}, {"type": "text"}, "@150@", "@190@", "@400@", "@900@",
        "@950@",
    ]
)  # fmt: skip


def spots(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON value: what it is in, and by which key."""
    rows = value.items() if isinstance(value, dict) else enumerate(value)
    here = [(value, key) for key, _ in rows]
    inner = value.values() if isinstance(value, dict) else value
    return here + [spot for each in inner if isinstance(each, (dict, list)) for spot in spots(each)]


#: Changes of an answer: at which of its places, and what to put there; ``...`` takes it out.
CHANGES = st.lists(st.tuples(st.integers(0, 200), ODD | st.just(...)), min_size=1, max_size=3)


def changed(answer: Any, changes: list[tuple[int, Any]]) -> Any:
    """An answer with some changes."""
    inside = [deepcopy(answer)]
    for number, odd in changes:
        places = spots(inside)
        if not places:
            break
        holder, key = places[number % len(places)]
        if odd is ...:
            del holder[key]
        else:
            holder[key] = deepcopy(odd)
    return inside[0] if inside else None


def holds(result: Any) -> None:
    """A reply can be told and says something; a problem has a kind and words."""
    if isinstance(result, Success):
        reply = account(result.unwrap())
        assert reply.text or reply.tool_calls
        compact(reply_json(reply, Redactor())).encode("utf-8", "replace")
        for name in ("input", "output", "cache_read", "cache_write", "reasoning"):
            count = getattr(reply.usage, name)
            assert count is None or 0 <= count < 2**40
        assert reply.cost is None or 0 <= reply.cost < 10**6
        assert reply.usage.tier is None or reply.usage.tier.encode()
    else:
        problem = result.failure()
        assert isinstance(problem, Problem)
        assert problem.kind in EXIT_CODES and problem.message


PATIENT = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@cache
def asking(wire: str, stream: bool = False) -> Request:
    """Some request on a wire."""
    return request(CLIENTS[wire], stream=stream)


def encoded(value: Any) -> bytes:
    """JSON as a server that cares for nothing writes it; "@9@" stands for nine nested lists."""
    text = json.dumps(value)
    return re.sub(r'"@([0-9]+)@"', lambda m: "[" * int(m[1]) + "]" * int(m[1]), text).encode()


def parsed(value: Any) -> Any:
    """The same as a wire is given it, None where it is too deep to be given at all."""
    try:
        return parse_json(encoded(value).decode())
    except (ValueError, RecursionError):
        return None


@pytest.mark.parametrize("wire", CLIENTS)
@given(changes=CHANGES)
@PATIENT
@example(changes=[(0, "@900@")])
def test_a_changed_whole_answer_is_read_or_refused(wire: str, changes: Any) -> None:
    body = changed(WHOLE[wire], changes)
    holds(parse(Response(asking(wire), 200, {}, encoded(body))))


@pytest.mark.parametrize("wire", CLIENTS)
@given(changes=CHANGES)
@PATIENT
def test_a_changed_stream_is_read_or_refused(wire: str, changes: Any) -> None:
    events = changed(STREAMS[wire], changes)
    rows = events if isinstance(events, list) else [events]
    if wire == "converse":  # its frames are Amazon's: what stands in them is read one by one
        decoder = chat_wire(wire).decoder()
        for event in rows:
            assert isinstance(decoder.read_event(parsed(event)), tuple)
        return
    asked = asking(wire, True)
    holds(collect(told(asked, [b"data: %s\n\n" % encoded(event) for event in rows])))


#: The first event of a stream that says that the answer is over.
ENDING = {"openai": 2, "responses": 5, "claude": 6, "gemini": 1, "cohere": 3}


@pytest.mark.parametrize("wire", ENDING)
@given(
    cut=st.floats(0, 1),
    tail=st.sampled_from(
        [b"", b"\n", b"\r", b"\n\n", b"data", b"data: ", b": c\n\n", b"\xff", b"}"]
    ),
    deep=st.sampled_from([0, 0, 150, 250, 5000]),
)
@PATIENT
@example(cut=0.5, tail=b"", deep=5000)
def test_a_stream_that_breaks_off_is_no_answer(
    wire: str, cut: float, tail: bytes, deep: int
) -> None:
    frames = [b"data: %s\n\n" % encoded(event) for event in STREAMS[wire]]
    data = b"".join(frames)
    at = int(cut * len(data))
    unfinished = b'data: {"a": ' + b"[" * deep if deep else b""
    result = collect(told(asking(wire, True), [data[:at] + tail, unfinished]))
    holds(result)
    if at < len(b"".join(frames[: ENDING[wire]])):
        assert not isinstance(result, Success)


#: Where an answer of each wire has its counts.
COUNTED = ("usage", "usageMetadata")
NUMBERS: st.SearchStrategy[Any] = ODD | st.integers() | st.floats() | st.integers(10**8, 10**12)


@pytest.mark.parametrize("wire", CLIENTS)
@given(changes=st.lists(st.tuples(st.integers(0, 50), NUMBERS), min_size=1, max_size=4))
@PATIENT
@example(changes=[(0, 10**300), (1, 1e300), (2, 10**400), (3, float("inf"))])
def test_odd_counts_are_unknown_and_never_money(wire: str, changes: Any) -> None:
    body = deepcopy(WHOLE[wire])
    for number, odd in changes:
        places = [place for name in COUNTED if name in body for place in spots(body[name])]
        if places:
            holder, key = places[number % len(places)]
            holder[key] = deepcopy(odd)
    holds(parse(Response(asking(wire), 200, {}, encoded(body))))


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


def measured(task: Task, body: Any) -> Response:
    """An answer about two texts."""
    return Response(measuring(task), 200, {}, encoded(body))


@cache
def measuring(task: Task) -> Request:
    """A request about two texts."""
    known = config({"type": "cohere", "models": [{"name": "m", "type": task}]})
    target = resolve(known, task)(Ask(model="cohere:m", texts=("a", "b"), query="q")).unwrap()
    return Request(Draft(target, "https://a.example/", {}, {}), "https://a.example/", {}, b"{}")


@pytest.mark.parametrize("wire", EMBED)
@given(changes=CHANGES)
@PATIENT
def test_changed_vectors_are_read_or_refused(wire: str, changes: Any) -> None:
    body = changed(VECTORS.get(wire, {**OPENAI_ROWS, "usage": COUNTS}), changes)
    result = embed_wire(wire).read(parsed(body))
    if isinstance(result, Success):
        assert len({*map(len, result.unwrap().vectors)}) <= 1
    else:
        assert result.failure().kind in EXIT_CODES
    read = read_vectors(measured("embedding", body))
    assert isinstance(read, Success) or read.failure().kind in EXIT_CODES


@pytest.mark.parametrize("wire", RERANK)
@given(changes=CHANGES)
@PATIENT
@example(changes=[(4, 10**400)])
def test_changed_scores_are_read_or_refused(wire: str, changes: Any) -> None:
    body = changed(SCORES.get(wire, COMMON), changes)
    result = rerank_wire(wire).read(parsed(body))
    if isinstance(result, Success):
        places = [score.text_index for score in result.unwrap().scores]
        assert all(type(place) is int for place in places)
    else:
        assert result.failure().kind in EXIT_CODES
    ranking = read_scores(measured("reranker", body))
    if isinstance(ranking, Success):
        assert {score.text_index for score in ranking.unwrap().scores} <= {0, 1}
