"""What stands beside the text, on every wire: calls, items, sources; whole and streamed alike."""

from __future__ import annotations

import json
from typing import Any

import pytest
from frames import CLIENTS, framed
from support import cut, request, stream_pieces

from loki.records import Response
from loki.replies import Reply
from loki.stages.parse import collect, parse

Gist = dict[str, Any]


def gist(reply: Reply) -> Gist:
    """Return the parts of a reply that are compared, without those that are empty."""
    calls = [(call.name, call.arguments) for call in reply.tool_calls]
    parts = {
        "text": reply.text,
        "calls": calls,
        "items": [next(iter(item.values())) for item in reply.items],
        "sources": [(source.url, source.title, source.quote) for source in reply.sources],
        "finish": reply.finish,
        "raw": reply.finish_raw,
        "output": reply.usage.output,
        "notes": len(reply.notes),
    }
    return {name: value for name, value in parts.items() if value}


def whole(wire: str, body: Any) -> Gist:
    """Return the gist of an answer in one piece."""
    asked = request(CLIENTS[wire])
    return gist(parse(Response(asked, 200, {}, json.dumps(body).encode())).unwrap())


def streamed(wire: str, events: list[Any]) -> Gist:
    """Return the gist of a stream, however it is cut."""
    asked = request(CLIENTS[wire], stream=True)
    data = b"".join(framed(wire, event) for event in events)
    one, two, three = (
        gist(collect(stream_pieces(asked, cut(data, n))).unwrap()) for n in (0, 1, 7)
    )
    assert one == two == three
    return one


# ---- Chat Completions ----------------------------------------------------------------------------


def message(finish: str = "stop", **parts: Any) -> Any:
    """Return a chat completion."""
    return {"choices": [{"message": {"content": None, **parts}, "finish_reason": finish}]}


def pieces(finish: str, *deltas: Any, **more: Any) -> list[Any]:
    """Return the chunks of a chat completion."""
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    return [*chunks, {"choices": [{"index": 0, "delta": {}, "finish_reason": finish, **more}]}]


def custom(text: str, **named: str) -> Any:
    """Return a call with free text, or a piece of one."""
    return {"index": 0, **({"id": "c"} if named else {}), "custom": {**named, "input": text}}


CUSTOM: Gist = {"calls": [("sum", {"input": "4 + 4"})], "finish": "tools", "raw": "tool_calls"}
LEGACY: Gist = {"calls": [("f", {"x": 1})], "finish": "tools", "raw": "function_call"}
SPOKEN: Gist = {"text": "Hello.", "finish": "stop", "raw": "stop"}
KEPT: Gist = {"text": "Hi", "calls": [("f", {})], "finish": "length", "raw": "length", "notes": 1}
FULL_CALL = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "null"}}
CUT_CALL = {"index": 1, "id": "b", "function": {"name": "g", "arguments": '{"x"'}}

COMPLETIONS: list[tuple[Any, list[Any], Gist]] = [
    (
        message("tool_calls", tool_calls=[custom("4 + 4", name="sum")]),
        pieces(
            "tool_calls",
            {"tool_calls": [custom("4 ", name="sum")]},
            {"tool_calls": [custom("+ 4")]},
        ),
        CUSTOM,
    ),
    (
        message("function_call", function_call={"name": "f", "arguments": '{"x": 1}'}),
        pieces(
            "function_call",
            {"function_call": {"name": "f", "arguments": '{"x"'}},
            {"function_call": {"arguments": ": 1}"}},
        ),
        LEGACY,
    ),
    (
        message(audio={"id": "a", "data": "AA==", "transcript": "Hello."}),
        pieces("stop", *({"audio": {"transcript": words}} for words in ("Hel", "lo."))),
        SPOKEN,
    ),
    (
        message("length", content="Hi", tool_calls=[FULL_CALL, CUT_CALL]),
        pieces("length", {"content": "Hi"}, *({"tool_calls": [c]} for c in (FULL_CALL, CUT_CALL))),
        KEPT,
    ),
]


@pytest.mark.parametrize(("body", "events", "expected"), COMPLETIONS)
def test_chat_completions(body: Any, events: list[Any], expected: Gist) -> None:
    assert whole("openai", body) == expected == streamed("openai", events)


@pytest.mark.parametrize(
    ("reason", "native", "expected"),
    [
        ("tool_calls", "length", ("length", "length")),
        ("tool_calls", "MAX_TOKENS", ("length", "MAX_TOKENS")),
        ("length", "max_tokens", ("length", "length")),
        ("tool_calls", "tool_calls", ("tools", "tool_calls")),
        ("tool_calls", None, ("tools", "tool_calls")),
        ("tool_calls", 5, ("tools", "tool_calls")),
    ],
)
def test_a_length_that_a_router_hides_counts(
    reason: str, native: Any, expected: tuple[str, str]
) -> None:
    events = pieces(reason, {"tool_calls": [FULL_CALL]}, native_finish_reason=native)
    found = streamed("openai", events)
    assert (found["finish"], found["raw"]) == expected


def test_usage_beside_another_choice_counts() -> None:
    other = {"index": 1, "delta": {"content": "No"}, "finish_reason": "stop"}
    events = pieces("stop", {"content": "Hi"})
    events.append({"choices": [other], "usage": {"prompt_tokens": 18, "completion_tokens": 2}})
    assert streamed("openai", events) == {**SPOKEN, "text": "Hi", "output": 2, "notes": 1}


# ---- Responses -----------------------------------------------------------------------------------


def response(*items: Any, reason: str = "") -> Any:
    """Return a whole response."""
    if not reason:
        return {"status": "completed", "output": list(items)}
    details = {"incomplete_details": {"reason": reason}}
    return {"status": "incomplete", "output": list(items), **details}


def item_events(*items: Any, reason: str = "") -> list[Any]:
    """Return the events of a response whose items come whole."""
    kind = "incomplete" if reason else "completed"
    events: list[Any] = []
    for row, item in enumerate(items):
        events.append({"type": "response.output_item.added", "output_index": row, "item": item})
        if item["type"] == "message":
            for part in item["content"]:
                events.append({"type": "response.output_text.delta", "delta": part["text"]})
        events.append({"type": "response.output_item.done", "output_index": row, "item": item})
    return [*events, {"type": f"response.{kind}", "response": response(reason=reason)}]


TEXT = {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}
CITED = {
    "type": "message",
    "content": [
        {
            "type": "output_text",
            "text": "Hi",
            "annotations": [{"type": "url_citation", "url": "https://a.example", "title": "A"}],
        }
    ],
}
SUM = {"type": "custom_tool_call", "call_id": "c", "name": "sum", "input": "4 + 4"}
OWN = {"type": "custom_tool_call", "call_id": "c", "name": "x_keyword_search", "input": "{}"}
IMAGE = {"type": "image_generation_call", "id": "i", "result": "AA=="}
SHELL = {"type": "shell_call", "call_id": "s", "action": {}}
COMPUTER = {"type": "computer_call", "call_id": "p", "action": {}}
MCP = {"type": "mcp_call", "id": "m", "name": "f", "arguments": "{}", "output": "1"}
SEARCH = {"type": "web_search_call", "id": "w", "status": "completed"}
PAGE = {"url": "https://a.example", "title": "A", "snippet": "a"}
FOUND = {"type": "search_results", "queries": ["a"], "results": [PAGE]}  # Perplexity
HALF = {
    "type": "function_call",
    "call_id": "h",
    "name": "g",
    "arguments": '{"x"',
    "status": "incomplete",
}
DONE: Gist = {"finish": "stop", "raw": "completed"}

RESPONSES: list[tuple[list[Any], str, Gist]] = [
    ([SUM], "", {"calls": [("sum", {"input": "4 + 4"})], "finish": "tools", "raw": "completed"}),
    ([OWN, TEXT], "", {"text": "Hi", **DONE}),
    ([IMAGE], "", {"items": ["image_generation_call"], **DONE}),
    ([SHELL, MCP, TEXT], "", {"text": "Hi", "items": ["shell_call", "mcp_call"], **DONE}),
    ([COMPUTER], "", {"items": ["computer_call"], **DONE}),
    ([FOUND, TEXT], "", {"text": "Hi", "sources": [("https://a.example", "A", "a")], **DONE}),
    ([SEARCH, CITED], "", {"text": "Hi", "sources": [("https://a.example", "A", "")], **DONE}),
    (
        [TEXT, HALF],
        "max_output_tokens",
        {"text": "Hi", "finish": "length", "raw": "max_output_tokens", "notes": 1},
    ),
]


@pytest.mark.parametrize(("items", "reason", "expected"), RESPONSES)
def test_responses(items: list[Any], reason: str, expected: Gist) -> None:
    assert whole("responses", response(*items, reason=reason)) == expected
    assert streamed("responses", item_events(*items, reason=reason)) == expected


def test_a_source_that_comes_by_itself_is_told_once() -> None:
    annotation = CITED["content"][0]["annotations"][0]  # type: ignore[index]
    alone = {"type": "response.output_text.annotation.added", "annotation": annotation}
    found = streamed("responses", [alone, *item_events(CITED)])
    assert found["sources"] == [("https://a.example", "A", "")]


# ---- the others ----------------------------------------------------------------------------------

CITATION = {"type": "char_location", "document_title": "A", "cited_text": "a"}
BLOCKS = [
    {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
    {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
    {"type": "text", "text": "Hi", "citations": [CITATION]},
]


def test_claude_s_own_tools_are_no_calls_and_its_citations_are_sources() -> None:
    expected: Gist = {
        "text": "Hi",
        "sources": [("", "A", "a")],
        "finish": "stop",
        "raw": "end_turn",
    }
    body = {"type": "message", "content": BLOCKS, "stop_reason": "end_turn"}
    starts = [
        {"type": "content_block_start", "index": i, "content_block": block}
        for i, block in enumerate(BLOCKS[:2])
    ]
    cited = {"type": "citations_delta", "citation": CITATION}
    words = {"type": "text_delta", "text": "Hi"}
    events = [
        *starts,
        *({"type": "content_block_delta", "index": 2, "delta": delta} for delta in (cited, words)),
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    ]
    assert whole("claude", body) == expected == streamed("claude", events)


def test_gemini_s_images_and_code_are_items_and_its_grounding_is_sources() -> None:
    candidate = {
        "content": {
            "parts": [
                {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
                {"executableCode": {"code": "1"}},
                {"text": "Hi"},
            ]
        },
        "groundingMetadata": {"groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}]},
        "finishReason": "STOP",
    }
    body = {"candidates": [candidate]}
    expected = whole("gemini", body)
    assert expected == streamed("gemini", [body])
    assert expected["sources"] == [("https://a", "A", "")] and len(expected["items"]) == 2


def test_cohere_s_citations_are_sources() -> None:
    document = {"url": "https://a", "title": "A"}
    citation = {"text": "Hi", "sources": [{"type": "document", "document": document}]}
    content = [{"type": "text", "text": "Hi"}]
    body = {
        "message": {"content": content, "citations": [citation]},
        "finish_reason": "COMPLETE",
    }
    events = [
        {"type": "content-delta", "delta": {"message": {"content": {"text": "Hi"}}}},
        {"type": "citation-start", "delta": {"message": {"citations": citation}}},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}},
    ]
    assert whole("cohere", body)["sources"] == [("https://a", "A", "Hi")]
    assert whole("cohere", body) == streamed("cohere", events)


def test_converse_s_own_tools_are_no_calls_and_its_citations_are_sources() -> None:
    call = {"toolUseId": "s", "name": "nova_grounding", "type": "server_tool_use"}
    web = {"web": {"url": "https://a", "domain": "a"}}
    citation = {"title": "A", "location": web, "sourceContent": [{"text": "a"}]}
    cited = {"content": [{"text": "Hi"}], "citations": [citation]}
    blocks = [{"toolUse": {**call, "input": {}}}, {"citationsContent": cited}]
    body = {"output": {"message": {"content": blocks}}, "stopReason": "end_turn"}
    deltas = [(0, {"toolUse": {"input": "{}"}}), (1, {"text": "Hi"}), (1, {"citation": citation})]
    events: list[Any] = [
        {"contentBlockStart": {"contentBlockIndex": 0, "start": {"toolUse": call}}},
        *({"contentBlockDelta": {"contentBlockIndex": i, "delta": delta}} for i, delta in deltas),
        {"messageStop": {"stopReason": "end_turn"}},
    ]
    expected = whole("converse", body)
    assert expected == streamed("converse", events)
    assert expected == {
        "text": "Hi",
        "sources": [("https://a", "A", "a")],
        "finish": "stop",
        "raw": "end_turn",
    }
