"""Chat completions: what goes into the body for reasoning, earlier calls and tools."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import resolved, target

from loki.messages import Media, Message, Text, ToolCall
from loki.records import Ask
from loki.wire.openai.chat_request import draft_chat

#: Clients that are asked for reasoning in four ways.
CLIENTS = {"effort": "groq", "object": "openrouter", "switch": "deepseek", "budget": "qianwen"}

REASONING: list[tuple[str, str | int, dict[str, Any]]] = [
    ("effort", "none", {"reasoning_effort": "none"}),
    ("effort", "high", {"reasoning_effort": "high"}),
    ("object", "none", {"reasoning": {"effort": "none"}}),
    ("object", "low", {"reasoning": {"effort": "low"}}),
    ("object", 2000, {"reasoning": {"max_tokens": 2000}}),
    ("switch", "none", {"thinking": {"type": "disabled"}}),
    ("switch", "low", {"thinking": {"type": "enabled"}}),
    ("budget", "none", {"enable_thinking": False}),
    ("budget", "low", {"enable_thinking": True, "thinking_budget": 1024}),
    ("budget", "medium", {"enable_thinking": True, "thinking_budget": 8192}),
    ("budget", 77, {"enable_thinking": True, "thinking_budget": 77}),
]
KEYS = {"reasoning_effort", "reasoning", "thinking", "enable_thinking", "thinking_budget"}


def body_of(client: str, messages: tuple[Message, ...], **fields: Any) -> dict[str, Any]:
    """Return the body of an ask of a client."""
    entry = {"type": "openai-compatible", "name": client, "api_base": "http://127.0.0.1:9"}
    ask = Ask(messages, model=f"{client}:m", **fields)
    return draft_chat(target(entry, ask)).unwrap()


@pytest.mark.parametrize(("way", "wanted", "expected"), REASONING)
def test_reasoning_is_asked_for_in_the_words_of_each_server(
    way: str, wanted: str | int, expected: dict[str, Any]
) -> None:
    body = body_of(CLIENTS[way], (Message("user", "Hi"),), reasoning=wanted)
    assert {key: body[key] for key in KEYS & body.keys()} == expected


@pytest.mark.parametrize("client", CLIENTS.values())
def test_reasoning_that_nobody_asked_for_is_not_mentioned(client: str) -> None:
    assert not KEYS & body_of(client, (Message("user", "Hi"),)).keys()


@pytest.mark.parametrize("client", [CLIENTS["effort"], CLIENTS["switch"]])
def test_a_server_without_budgets_is_not_sent_tokens(client: str) -> None:
    entry = {"type": "openai-compatible", "name": client, "api_base": "http://127.0.0.1:9"}
    ask = Ask((Message("user", "Hi"),), model=f"{client}:m", reasoning=2000)
    problem = resolved(entry, ask).failure()
    assert problem.kind == "usage" and client in problem.message


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4))
def test_arguments_of_earlier_calls_go_back_as_they_are(arguments: dict[str, str]) -> None:
    call = ToolCall("a", "weather", arguments)
    body = body_of("groq", (Message("assistant", "", tool_calls=(call,)),))
    (message,) = body["messages"]
    (sent,) = message["tool_calls"]
    assert json.loads(sent["function"]["arguments"]) == arguments


def test_arguments_in_other_scripts_are_not_escaped() -> None:
    call = ToolCall("a", "weather", {"city": "Zürich", "country": "日本"})
    body = body_of("groq", (Message("assistant", "", tool_calls=(call,)),))
    arguments = body["messages"][0]["tool_calls"][0]["function"]["arguments"]
    assert arguments == '{"city": "Zürich", "country": "日本"}'


PDF = Media("application/pdf", b"abc", name="a.pdf")
IMAGE = Media("image/png", b"abc")
DATA = "base64,YWJj"

ATTACHED: list[tuple[str, Media, dict[str, Any]]] = [
    (
        "mistral",
        PDF,
        {
            "type": "document_url",
            "document_url": f"data:application/pdf;{DATA}",
            "document_name": "a.pdf",
        },
    ),
    (
        "mistral",
        Media("application/pdf", url="https://a.example/a.pdf"),
        {"type": "document_url", "document_url": "https://a.example/a.pdf"},
    ),
    ("mistral", Media("audio/wav", b"abc"), {"type": "input_audio", "input_audio": "YWJj"}),
    (
        "mistral",
        IMAGE,
        {"type": "image_url", "image_url": {"url": f"data:image/png;{DATA}"}},
    ),
    (
        "groq",
        PDF,
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;{DATA}"},
        },
    ),
]


@pytest.mark.parametrize(("client", "media", "expected"), ATTACHED)
def test_files_are_attached_in_the_words_of_each_server(
    client: str, media: Media, expected: dict[str, Any]
) -> None:
    turn = Message("user", (Text("See:"), media))
    (sent,) = body_of(client, (turn,))["messages"]
    assert sent["content"] == [{"type": "text", "text": "See:"}, expected]


def test_a_server_that_knows_no_developer_has_its_words_as_the_system_s() -> None:
    turns = (Message("developer", "Be brief."), Message("user", "Hi"))
    assert [turn["role"] for turn in body_of("mistral", turns)["messages"]] == ["system", "user"]
    assert [turn["role"] for turn in body_of("groq", turns)["messages"]] == ["developer", "user"]


def test_images_of_tools_follow_all_answers_to_one_turn() -> None:
    calls = tuple(ToolCall(id, "see", {}) for id in "ab")
    turns = (
        Message("assistant", tool_calls=calls),
        Message("tool", (Text("One"), IMAGE), tool_call_id="a"),
        Message("tool", (IMAGE,), tool_call_id="b"),
        Message("user", "And?"),
    )
    _, first, second, images, last = body_of("groq", turns)["messages"]
    assert (first["content"], second["content"], last["content"]) == ("One", "", "And?")
    assert images["role"] == "user"
    assert [part["type"] for part in images["content"]] == ["text", "image_url", "image_url"]
