"""What an answer rests on, of every provider that names it: as an object, as events, in Python."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from commands import Home
from frames import framed
from servers import Asked, Script, plain, serving

from loki import Ask, answer, open_env
from loki.replies import Source

Json = dict[str, Any]
PAGE = Source("https://a.example/1", "One")


class Answer(NamedTuple):
    """A provider's answer that names its sources: whole, as the events of a stream, as ours."""

    client: str  # its settings, below the address
    model: str
    wire: str
    whole: Json
    events: Sequence[Json]
    sources: Sequence[Source]
    flags: Sequence[str] = ()


# ---- OpenAI, xAI, Perplexity ---------------------------------------------------------------------

CITED: Json = {"type": "url_citation", "url": PAGE.url, "title": PAGE.title}
OUTPUT: list[Json] = [
    {"type": "web_search_call", "id": "ws_1", "status": "completed"},
    {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "Yes.", "annotations": [CITED]}],
    },
]
RESPONSE: Json = {
    "object": "response",
    "status": "completed",
    "output": OUTPUT,
    "usage": {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11},
}
RESPONSE_EVENTS: list[Json] = [
    {"type": "response.output_item.done", "output_index": 0, "item": OUTPUT[0]},
    {"type": "response.output_text.delta", "output_index": 1, "delta": "Yes."},
    {"type": "response.output_text.annotation.added", "output_index": 1, "annotation": CITED},
    {"type": "response.output_item.done", "output_index": 1, "item": OUTPUT[1]},
    {"type": "response.completed", "response": RESPONSE},
]

SEARCHED: Json = {
    "citations": [PAGE.url, "https://a.example/2"],
    "search_results": [{"url": PAGE.url, "title": PAGE.title, "snippet": "So it is."}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
}
SAID: Json = {"role": "assistant", "content": "Yes."}

# ---- the others ----------------------------------------------------------------------------------

LOCATION: Json = {
    "type": "web_search_result_location",
    "url": PAGE.url,
    "title": PAGE.title,
    "cited_text": "So it is.",
}
CLAUDE_USAGE: Json = {
    "input_tokens": 9,
    "output_tokens": 2,
    "server_tool_use": {"web_search_requests": 1},
}

GROUNDED: Json = {
    "candidates": [
        {
            "content": {"role": "model", "parts": [{"text": "Yes."}]},
            "groundingMetadata": {
                "webSearchQueries": ["why"],
                "groundingChunks": [{"web": {"uri": PAGE.url, "title": PAGE.title}}],
            },
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 2, "totalTokenCount": 11},
}

COHERE_CITATION: Json = {
    "start": 0,
    "end": 4,
    "text": "Yes.",
    "sources": [{"type": "document", "document": {"url": PAGE.url, "title": PAGE.title}}],
}
COHERE_END: Json = {
    "finish_reason": "COMPLETE",
    "usage": {"tokens": {"input_tokens": 9, "output_tokens": 2}},
}

GROUNDING: Json = {"title": PAGE.title, "location": {"web": {"url": PAGE.url}}}
CONVERSE_USAGE: Json = {"inputTokens": 9, "outputTokens": 2, "totalTokens": 11}

QUOTED = Source(PAGE.url, PAGE.title, "So it is.")

ANSWERS: dict[str, Answer] = {
    "openai": Answer(
        "type: openai\napi_key: k",
        "gpt-4.1",
        "responses",
        RESPONSE,
        RESPONSE_EVENTS,
        [PAGE],
        ["--search"],
    ),
    "xai": Answer(
        "type: openai-compatible\napi_key: k",
        "grok-4.3",
        "responses",
        RESPONSE,
        RESPONSE_EVENTS,
        [PAGE],
        ["--search"],
    ),
    "perplexity": Answer(
        "type: openai-compatible\napi_key: k",
        "sonar",
        "openai",
        {**SEARCHED, "choices": [{"index": 0, "message": SAID, "finish_reason": "stop"}]},
        [
            {**SEARCHED, "choices": [{"index": 0, "delta": SAID, "finish_reason": None}]},
            {**SEARCHED, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        ],
        [QUOTED, Source("https://a.example/2")],
    ),
    "claude": Answer(
        "type: claude\napi_key: k",
        "claude-sonnet-4-6",
        "claude",
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": "Yes.", "citations": [LOCATION]}],
            "stop_reason": "end_turn",
            "usage": CLAUDE_USAGE,
        },
        [
            {"type": "message_start", "message": {"usage": CLAUDE_USAGE}},
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "text", "text": "", "citations": []},
            },
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "citations_delta", "citation": LOCATION},
            },
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": "Yes."},
            },
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn"},
                "usage": CLAUDE_USAGE,
            },
            {"type": "message_stop"},
        ],
        [QUOTED],
        ["--search"],
    ),
    "gemini": Answer(
        "type: gemini\napi_key: k",
        "gemini-3.5-flash",
        "gemini",
        GROUNDED,
        [GROUNDED],
        [PAGE],
        ["--search"],
    ),
    "vertexai": Answer(
        "type: vertexai\naccess_token: t\nproject_id: p",
        "gemini-3.5-flash",
        "gemini",
        GROUNDED,
        [GROUNDED],
        [PAGE],
        ["--search"],
    ),
    "cohere": Answer(
        "type: cohere\napi_key: k",
        "command-a-03-2025",
        "cohere",
        {
            "message": {
                "role": "assistant",
                "content": [{"type": "text", "text": "Yes."}],
                "citations": [COHERE_CITATION],
            },
            **COHERE_END,
        },
        [
            {"type": "content-delta", "delta": {"message": {"content": {"text": "Yes."}}}},
            {"type": "citation-start", "delta": {"message": {"citations": COHERE_CITATION}}},
            {"type": "message-end", "delta": COHERE_END},
        ],
        [Source(PAGE.url, PAGE.title, "Yes.")],
    ),
    "bedrock": Answer(
        "type: bedrock\nregion: us-east-1\naccess_token: t",
        "amazon.nova-premier-v1:0",
        "converse",
        {
            "output": {
                "message": {
                    "role": "assistant",
                    "content": [
                        {
                            "citationsContent": {
                                "content": [{"text": "Yes."}],
                                "citations": [GROUNDING],
                            }
                        }
                    ],
                }
            },
            "stopReason": "end_turn",
            "usage": CONVERSE_USAGE,
        },
        [
            {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Yes."}}},
            {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"citation": GROUNDING}}},
            {"messageStop": {"stopReason": "end_turn"}},
            {"metadata": {"usage": CONVERSE_USAGE}},
        ],
        [PAGE],
        ["--search"],
    ),
}


def provider(given: Answer) -> Any:
    """Return a server's script: the answer in one piece, or as a stream where that is asked for."""

    def script(asked: Asked) -> Script:
        path = asked.line.split()[1]
        streamed = '"stream":true' in asked.body.decode().replace(" ", "")
        if not (streamed or "stream" in path):
            return plain(given.whole)
        data = b"".join(framed(given.wire, event) for event in given.events)
        kind = "vnd.amazon.eventstream" if given.wire == "converse" else ""
        head = f"content-type: {'application/' + kind if kind else 'text/event-stream'}\r\n"
        return plain(data, headers=head)

    return script


def configure(home: Home, name: str, given: Answer, address: str) -> str:
    """Write the configuration of a provider; return the name of its model."""
    settings = "".join(f"  {line}\n" for line in given.client.splitlines())
    home.configure(f"clients:\n- name: {name}\n  api_base: {address}\n{settings}")
    return f"{name}:{given.model}"


@pytest.mark.parametrize("name", ANSWERS)
def test_sources_are_told_in_each_way(home: Home, name: str) -> None:
    given = ANSWERS[name]
    with serving(provider(given)) as server:
        words = ["-m", configure(home, name, given, server.address), *given.flags, "Why?"]
        whole, stream = home.call("-S", "-o", "json", *words), home.call("-o", "json", *words)
        events = home.call("-o", "events", *words)
    expected = [
        {"url": each.url or None, "title": each.title or None, "quote": each.quote or None}
        for each in given.sources
    ]
    assert (whole.code, stream.code, events.code) == (0, 0, 0), whole.err + stream.err
    assert whole.json["text"] == stream.json["text"] == "Yes."
    assert whole.json["sources"] == expected == stream.json["sources"]
    result = [line for line in events.lines if line["type"] == "source"]
    assert [{**line, "type": None} for line in result] == [{**e, "type": None} for e in expected]
    assert events.lines[-1]["sources"] == expected


@pytest.mark.parametrize("name", ANSWERS)
def test_sources_are_a_reply_s_in_python(home: Home, name: str) -> None:
    given = ANSWERS[name]
    with serving(provider(given)) as server:
        model = configure(home, name, given, server.address)
        env = open_env(environ=home.variables()).unwrap()
        ask = Ask("Why?", model=model, search="--search" in given.flags)
        assert answer(env, ask).unwrap().sources == (*given.sources,)


# ---- the provider's own tools --------------------------------------------------------------------

SEARCHES: Json = {
    "type": "server_tool_use",
    "id": "s",
    "name": "web_search",
    "input": {"query": "q"},
}
FOUND: Json = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
PAUSED: Json = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "Let me see. "}, SEARCHES, FOUND],
    "stop_reason": "pause_turn",
    "usage": CLAUDE_USAGE,
}


def test_a_paused_turn_goes_on_and_its_searches_are_paid_for(home: Home) -> None:
    given = ANSWERS["claude"]
    with serving(plain(PAUSED), plain(given.whole)) as server:
        model = configure(home, "claude", given, server.address)
        done = home.call("-S", "-o", "json", "-m", model, "--search", "Why?")
        spent = home.call("-o", "json", prog="loki-cost").lines
    first, second = (asked.json for asked in server.asked)
    assert first["tools"] == second["tools"] and first["tools"][0]["name"] == "web_search"
    assert second["messages"] == [
        *first["messages"],
        {"role": "assistant", "content": PAUSED["content"]},
    ]
    assert (done.code, done.json["text"]) == (0, "Let me see. Yes.")
    assert done.json["finish"] == "stop" and done.json["tool_calls"] == []
    assert done.json["usage"]["input"] == 18 and len(done.json["sources"]) == 1
    tokens = Decimal(18 * 3 + 4 * 15) / 10**6  # 3 and 15 dollars a million
    assert Decimal(str(done.json["cost"])) == tokens + Decimal("0.02")  # two searches, a cent each
    assert Decimal(str(spent[0]["cost"])) == Decimal(str(done.json["cost"]))


#: What the answers above cost: their tokens (9 and 2) and one search, by the catalogue; a search
#: that it has no price for makes the cost unknown, never less.
COSTS: dict[str, float | None] = {
    "openai": 0.025034,
    "claude": 0.010057,
    "xai": None,
    "gemini": None,
    "vertexai": None,
}


@pytest.mark.parametrize("name", COSTS)
def test_a_search_costs_what_the_catalogue_says(home: Home, name: str) -> None:
    given = ANSWERS[name]
    with serving(provider(given)) as server:
        words = ["-m", configure(home, name, given, server.address), "--search", "Why?"]
        whole, stream = (home.call(*way, "-o", "json", *words).json for way in (["-S"], []))
    assert whole["cost"] == stream["cost"] == COSTS[name]
