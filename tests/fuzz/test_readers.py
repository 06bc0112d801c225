"""JSON that nobody expected: no wire crashes on it, and none takes it for an answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Success
from support import patient, request, stream_pieces

from loki.problems import EXIT_CODES, Problem
from loki.records import Response
from loki.replies import Reply
from loki.stages.parse import collect, parse
from loki.wire import CHAT, chat_wire
from loki.wire.errors import read_error

#: A client for each of the wires.
CLIENTS: dict[str, dict[str, Any]] = {
    "openai": {"type": "openai-compatible", "name": "x", "api_base": "https://a.example"},
    "responses": {"type": "openai", "models": [{"name": "m", "endpoint": "responses"}]},
    "claude": {"type": "claude"},
    "gemini": {"type": "gemini"},
    "cohere": {"type": "cohere"},
    "converse": {"type": "bedrock", "region": "us-east-1"},
}

NAMES = [
    "choices", "delta", "message", "content", "text", "type", "usage", "finish_reason", "index",
    "stop_reason", "tool_calls", "function", "name", "arguments", "id", "error", "code", "status",
    "details", "candidates", "parts", "functionCall", "args", "finishReason", "promptFeedback",
    "blockReason", "usageMetadata", "output", "item", "response", "reasoning", "thinking", "input",
    "reasoning_content", "content_block", "stopReason", "contentBlockDelta", "contentBlockStart",
    "start", "toolUse", "messageStop", "metadata", "tool_plan", "billed_units", "prompt_tokens",
    "annotations", "events", "pieces", "exception", "refusal", "summary", "encrypted_content",
]  # fmt: skip
WORDS = st.sampled_from(
    ["text", "message_start", "content_block_delta", "message_delta", "message_stop", "error",
     "message-end", "content-delta", "tool-call-start", "tool-call-delta", "response.completed",
     "response.failed", "response.output_item.done", "tool_use", "function_call", "stop", "", "{}"]
)  # fmt: skip
LEAVES = (
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats() | WORDS | st.text(max_size=5)
)
JSON: Any = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)
    ),
    max_leaves=25,
)
PATIENT = patient(150)


@pytest.mark.parametrize("name", sorted(CHAT))
@given(body=JSON)
@PATIENT
def test_no_json_makes_a_reader_crash(name: str, body: Any) -> None:
    wire = chat_wire(name)
    for read in (wire.read, wire.decoder().read_event):
        assert isinstance(read(body), tuple)


def is_answer(reply: Reply) -> bool:
    """Whether a reply answers anything: an end alone, or thoughts alone, are no answer."""
    return bool(reply.text or reply.tool_calls)


@pytest.mark.parametrize("client", CLIENTS.values(), ids=list(CLIENTS))
@given(body=JSON, events=st.lists(JSON, max_size=4))
@PATIENT
def test_odd_json_is_an_answer_or_a_problem(client: Any, body: Any, events: list[Any]) -> None:
    whole = parse(Response(request(client), 200, {}, json.dumps(body).encode()))
    frames = [b"data: %s\n\n" % json.dumps(event).encode() for event in events]
    streamed = collect(stream_pieces(request(client, stream=True), frames))
    for result in (whole, streamed):
        if isinstance(result, Success):
            assert is_answer(result.unwrap())
        else:
            assert result.failure().kind in EXIT_CODES


def fixtures() -> list[Any]:
    """The exchanges that the wires are tested with, but for Amazon's frames."""
    folder = Path(__file__).parent.parent / "wire" / "fixtures"
    found = [(file, json.loads(file.read_text())) for file in sorted(folder.glob("*/*.json"))]
    return [
        pytest.param(fixture, id=f"{file.parent.name}/{file.stem}")
        for file, fixture in found
        if "reply" in fixture and "base64" not in fixture["answer"]
    ]


def spots(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON value: what it is in, and by which key."""
    rows = value.items() if isinstance(value, dict) else enumerate(value)
    here = [(value, key) for key, _ in rows]
    inner = value.values() if isinstance(value, dict) else value
    return here + [spot for each in inner if isinstance(each, (dict, list)) for spot in spots(each)]


@pytest.mark.parametrize("fixture", fixtures())
@given(chosen=st.data(), odd=JSON)
@patient(25)
def test_a_real_answer_with_something_odd_in_it_does_not_crash(
    fixture: Any, chosen: st.DataObject, odd: Any
) -> None:
    answer = json.loads(json.dumps(fixture["answer"]))
    parts = [line[6:] for line in str(answer.get("text", "")).splitlines() if line[:6] == "data: "]
    frames = [json.loads(part) for part in parts if part != "[DONE]"] or [answer.get("json")]
    places = [spot for frame in frames if isinstance(frame, (dict, list)) for spot in spots(frame)]
    if places:
        inside, key = places[chosen.draw(st.integers(0, len(places) - 1))]
        inside[key] = odd
    client = fixture["client"]
    (model, *_) = client.get("models") or [{}]
    named = {"real_name": model.get("name", fixture["ask"]["model"].partition(":")[2])}
    known = {**client, "models": [{**named, **model, "name": "m"}]}
    target = request(known, stream=bool(parts))
    data = [b"data: %s\n\n" % json.dumps(frame).encode() for frame in frames]
    whole = Response(target, 200, {}, json.dumps(frames[0]).encode())
    result = collect(stream_pieces(target, data)) if parts else parse(whole)
    assert isinstance(result, Success) or result.failure().message


@pytest.mark.parametrize("client", CLIENTS.values(), ids=list(CLIENTS))
@given(noise=st.lists(st.binary(max_size=60), max_size=5))
@PATIENT
def test_noise_is_never_an_answer(client: Any, noise: list[bytes]) -> None:
    whole = parse(Response(request(client), 200, {}, b"".join(noise)))
    assert isinstance(whole.failure(), Problem)
    streamed = collect(stream_pieces(request(client, stream=True), noise))
    assert isinstance(streamed.failure(), Problem)


@given(
    status=st.integers(300, 599),
    body=st.binary(max_size=80) | JSON.map(lambda result: json.dumps(result).encode()),
    headers=st.dictionaries(
        st.sampled_from(["location", "x-request-id", "x-amzn-errortype", "retry-after"]), st.text()
    ),
)
@PATIENT
def test_every_refusal_is_a_problem_in_one_piece(
    status: int, body: bytes, headers: dict[str, str]
) -> None:
    problem = read_error(status, headers, body)
    assert problem.kind in EXIT_CODES and problem.message and problem.status == status
    assert problem.request_id is None or isinstance(problem.request_id, str)
    assert problem.code is None or isinstance(problem.code, str)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"error":' * 50_000, b"9" * 5000])
def test_deep_and_long_json_does_not_crash(body: bytes) -> None:
    assert read_error(400, {}, body).kind == "input"
