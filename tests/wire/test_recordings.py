"""Real answers parse to what they say: whole, cut anywhere, broken off, and as errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from returns.result import Success
from support import CLIENTS, body_of, client_of, cut, recordings, request, response, stream_pieces

from loki.messages import Text
from loki.problems import Problem
from loki.replies import Reasoning, Reply
from loki.stages.first_event import chat_wire_of
from loki.stages.parse import collect, parse

#: These count thoughts beside the output, and bill for both: the cost they name says so.
BESIDE = {
    "xai-chat-stream-thinking-1": 2 + 198,
    "xai-chat-unary-tools-1": 26 + 97,
    "vercel-gateway-chat-stream-tools-1": 5 + 48,
    "vercel-gateway-chat-stream-toolresult-1": 14 + 43,
    "vercel-gateway-chat-unary-plain-1": 2 + 25,
    "vercel-gateway-chat-unary-tools-1": 9 + 69,
}


Counts = tuple[int | None, int, int | None]


def as_told(recording: Any) -> Counts:
    """All of the prompt, the cached part of it, all of the output."""
    result = recording["expected"]
    return result["usage_in"], result["cached_in"] or cached_beside(recording), result["usage_out"]


def cached_beside(recording: Any) -> int:
    """The recordings of the Responses API expect no cached part, but their bytes tell one."""
    words = body_of(recording).decode() if recording["kind"] == "responses" else ""
    return max(map(int, re.findall(r'"cached_tokens": *(\d+)', words)), default=0)


def thoughts_of(recording: Any) -> str:
    """The thoughts that were recorded; a space stands for some that were not looked into."""
    return str(recording["expected"]["reasoning"] or "").strip(" ")


def output_beside(recording: Any) -> Counts:
    """The same, where thoughts are counted beside the output."""
    prompt, cached, output = as_told(recording)
    return prompt, cached, BESIDE.get(recording["id"], output)


def fresh_prompt(recording: Any) -> Counts:
    """The prompt is told without what came from, or went into, the cache."""
    prompt, cached, output = as_told(recording)
    words = body_of(recording).decode("utf-8", "ignore")
    written = re.findall(r'"(?:cache_creation_input_tokens|cacheWriteInputTokens)": *(\d+)', words)
    return (prompt or 0) + cached + max(map(int, written), default=0), cached, output


def thoughts_beside(recording: Any) -> Counts:
    """Google counts thoughts beside the candidates, and what its tools found beside the prompt."""
    prompt, cached, output = as_told(recording)
    found = re.findall(r'"toolUsePromptTokenCount": *(\d+)', body_of(recording).decode())
    total = (prompt or 0) + max(map(int, found), default=0)
    return total, cached, (output or 0) + (recording["expected"]["thoughts"] or 0)


def cached_told(recording: Any) -> Counts:
    """Cohere tells the cached part of the prompt in a place that the recordings do not note."""
    prompt, _, output = as_told(recording)
    cached = re.findall(r'"cached_tokens": *(\d+)', body_of(recording).decode())
    return prompt, max(map(int, cached), default=0), output


COUNTED: dict[str, Callable[[Any], Counts]] = {
    "cohere": cached_told,
    "xai": output_beside,
    "vercel-gateway": output_beside,
    "anthropic": fresh_prompt,
    "vertex-claude": fresh_prompt,
    "bedrock": fresh_prompt,
    "gemini": thoughts_beside,
    "vertex": thoughts_beside,
}


#: Tools that the provider runs itself: its calls of them are no calls to us.
SERVER_TOOLS = ("nova_code_interpreter",)


def check(reply: Reply, recording: Any) -> None:
    expected = recording["expected"]
    assert reply.text == expected["text"]
    calls = [[call.name, call.arguments] for call in reply.tool_calls]
    asked_of_us = [pair for pair in expected["tools"] if pair[0] not in SERVER_TOOLS]
    assert calls == [[name, json.loads(arguments or "{}")] for name, arguments in asked_of_us]
    assert reply.finish_raw == expected["finish"]
    assert reply.finish == (
        "tools" if calls else chat_wire_of(reply.request).finish_reasons[expected["finish"]]
    )
    counts = COUNTED.get(recording["provider"], as_told)(recording)
    assert (reply.usage.input, reply.usage.cache_read or 0, reply.usage.output) == counts


@pytest.mark.parametrize("recording", recordings(streamed=False))
def test_whole_answers_say_what_was_recorded(recording: Any) -> None:
    asked = request(client_of(recording))
    reply = parse(response(asked, 200, body_of(recording))).unwrap()
    check(reply, recording)
    if thoughts := thoughts_of(recording):
        assert reply.reasoning == thoughts


#: Recordings whose answers name what they rest on; all others name nothing.
SOURCES = {
    "anthropic-chat-stream-web_search_tool_result-1",
    "bedrock-converse-stream-citations-1",
    "cohere-chat-stream-toolresult-1",
    "gemini-chat-stream-filtered-1",
    "openai-chat-unary-plain-3",
    "perplexity-chat-stream-plain-1",
    "perplexity-chat-unary-plain-1",
    "vertex-chat-stream-grounding-1",
    "vertex-chat-unary-thoughts-1",
}


@pytest.mark.parametrize("recording", recordings())
def test_answers_that_rest_on_something_name_it(recording: Any) -> None:
    asked = request(client_of(recording), stream=recording["stream"])
    if is_broken(recording):
        return
    reply = collect(stream_pieces(asked, [body_of(recording)])).unwrap()
    assert bool(reply.sources) == (recording["id"] in SOURCES), reply.sources


def is_broken(recording: Any) -> bool:
    return "midstream-error" in recording["labels"]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 7, 1000])
@pytest.mark.parametrize("recording", recordings(streamed=True))
def test_streams_say_the_same_however_they_are_cut(recording: Any, size: int) -> None:
    asked = request(client_of(recording), stream=True)
    pieces = cut(body_of(recording), size)
    if is_broken(recording):
        *events, last = stream_pieces(asked, pieces)
        received = [event.unwrap() for event in events]
        text = "".join(event.text for event in received if isinstance(event, Text))
        assert text == recording["expected"]["text"]
        problem = last.failure()
        assert problem.kind == "garbled" and problem.message and problem.sent
        return
    reply = collect(stream_pieces(asked, pieces)).unwrap()
    check(reply, recording)
    thoughts = thoughts_of(recording)
    if thoughts and recording["provider"] != "mistral":  # recorded there as JSON
        assert reply.reasoning == thoughts


#: Where a stream says that the answer has ended; other streams are cut in their first half only.
ENDS = (b'finish_reason":"', b'stopReason":"')


@pytest.mark.parametrize("recording", recordings(streamed=True))
def test_streams_that_break_off_are_never_a_success(recording: Any) -> None:
    asked = request(client_of(recording), stream=True)
    data = body_of(recording)
    whole = list(stream_pieces(asked, [data]))
    marks = [i for i in range(len(data)) if data.startswith(ENDS, i)]
    end = marks[0] if marks and not is_broken(recording) else len(data) // 2
    for stop in range(0, end, max(1, end // 40)):
        events = list(stream_pieces(asked, [data[:stop]]))
        assert isinstance(events[-1].failure(), Problem), stop
        words = events[:-1]
        assert all(isinstance(event, Success) for event in words)
        assert len(words) <= max(1, len(whole))


@pytest.mark.parametrize("recording", recordings(streamed=False))
def test_a_server_that_does_not_stream_is_understood(recording: Any) -> None:
    asked = request(client_of(recording), stream=True)
    headers = {"content-type": "application/json; charset=utf-8"}
    reply = collect(stream_pieces(asked, cut(body_of(recording), 100), **headers)).unwrap()
    check(reply, recording)


KINDS = {400: "input", 401: "auth", 403: "auth", 404: "config", 429: "busy"}

#: These say more by their code than by their status: there is no such model.
NAMED = {"openai-responses-unary-error-400-2": "config"}


@pytest.mark.parametrize("recording", recordings(failed=True))
def test_refusals_are_told_in_the_provider_s_words(recording: Any) -> None:
    asked = request(client_of(recording))
    body = body_of(recording)
    status = recording["response"]["status"]
    problem = parse(response(asked, status, body)).failure()
    assert problem.kind == NAMED.get(recording["id"], KINDS[status])
    assert problem.status == status and problem.sent and problem.retryable == (status == 429)
    parsed = json.dumps(json.loads(body), ensure_ascii=False)
    assert problem.message in parsed.replace('\\"', '"').replace("\\n", "\n")
    assert not problem.message.startswith(("HTTP", "{"))


def test_thoughts_are_kept_apart_from_the_answer() -> None:
    frame = 'data: {"choices":[{"delta":{"content":"%s"},"finish_reason":%s}]}\n\n'
    words = [("<thi", "null"), ("nk>Hm", "null"), ("m</think>", "null"), ("\\n\\nYes.", '"stop"')]
    data = "".join(frame % pair for pair in words).encode()
    asked = request(CLIENTS["ollama", "chat"], stream=True)
    for size in (0, 1, 4):
        events = [event.unwrap() for event in stream_pieces(asked, cut(data, size))][:-1]
        assert "".join(e.text for e in events if isinstance(e, Text)) == "Yes."
        assert "".join(e.text for e in events if isinstance(e, Reasoning)) == "Hmm"
