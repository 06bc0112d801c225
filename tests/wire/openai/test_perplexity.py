"""Perplexity's Responses and chats: what its own package types, at its own addresses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import request, resolved, response, stream_pieces

from loki.edge.files import read_catalogue
from loki.messages import Media, Message, Tool, ToolCall
from loki.records import Ask
from loki.stages.draft import draft
from loki.stages.parse import collect, parse

CLIENT: dict[str, Any] = {
    "type": "openai-compatible",
    "name": "perplexity",
    "api_key": "k",
    "models": [
        {
            "name": name,
            "endpoint": "responses",
            "supports_function_calling": True,
            "supports_vision": True,
        }
        for name in ("openai/gpt-5.1", "preset/pro-search")
    ]
    + [{"name": "sonar", "supports_function_calling": True, "supports_vision": True}],
}
HI = (Message("user", "Hi"),)
IMAGE = Media("image/png", b"abc", name="a.png")
TOOL = Tool("now", "", {"type": "object"})


def drafted(messages: tuple[Message, ...] = HI, model: str = "openai/gpt-5.1", **asked: Any) -> Any:
    """The draft of an ask."""
    asked.setdefault("stream", False)
    ask = Ask(messages, model=f"perplexity:{model}", **asked)
    return resolved({**CLIENT, "models": [dict(m) for m in CLIENT["models"]]}, ask).bind(draft)


def test_messages_are_typed_and_sent_to_a_version() -> None:
    found = drafted((Message("system", "Be brief."), *HI)).unwrap()
    assert found.url == "https://api.perplexity.ai/v1/responses"
    assert found.body == {
        "model": "openai/gpt-5.1",
        "input": [{"type": "message", "role": "user", "content": "Hi"}],
        "instructions": "Be brief.",
        "store": False,
    }


def test_chat_completions_are_where_they_were() -> None:
    found = drafted(model="sonar").unwrap()
    assert found.url == "https://api.perplexity.ai/chat/completions"
    assert found.body["messages"] == [{"role": "user", "content": "Hi"}]


def test_a_preset_is_no_model() -> None:
    body = drafted(model="preset/pro-search").unwrap().body
    assert body["preset"] == "pro-search" and "model" not in body


def test_calls_and_their_answers_keep_their_types_and_thoughts_stay_here() -> None:
    call = ToolCall("c", "now", {})
    carried = ({"type": "reasoning", "encrypted_content": "x"},)
    turns = (
        Message("user", (IMAGE,)),
        Message("assistant", tool_calls=(call,), carry=carried),
        Message("tool", "noon", tool_call_id="c"),
    )
    items = drafted(turns, tools=(TOOL,)).unwrap().body["input"]
    assert [item["type"] for item in items] == ["message", "function_call", "function_call_output"]
    assert items[0]["content"] == [
        {"type": "input_image", "image_url": "data:image/png;base64,YWJj"}
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_a_signed_call_goes_back_signed_and_so_does_its_answer(stream: bool) -> None:
    item = {
        "type": "function_call",
        "call_id": "c",
        "name": "now",
        "arguments": "{}",
        "thought_signature": "c2ln",
    }
    body = {"status": "completed", "output": [item]}
    events = [
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {**body, "output": []}},
    ]
    asked = request({**CLIENT, "models": [{"name": "m", "endpoint": "responses"}]}, stream)
    if stream:
        data = b"".join(b"data: %s\n\n" % json.dumps(each).encode() for each in events)
        reply = collect(stream_pieces(asked, [data])).unwrap()
    else:
        reply = parse(response(asked, 200, json.dumps(body).encode())).unwrap()
    turns = (
        *HI,
        Message("assistant", tool_calls=reply.tool_calls, carry=reply.carry),
        Message("tool", "noon", tool_call_id="c"),
    )
    items = drafted(turns, tools=(TOOL,)).unwrap().body["input"]
    assert [item.get("thought_signature") for item in items] == [None, "c2ln", "c2ln"]


def test_reasoning_and_a_schema_are_in_its_own_words() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    body = drafted(reasoning="max", schema=schema, tools=(TOOL,)).unwrap().body
    assert body["reasoning"] == {"effort": "xhigh"}
    assert body["response_format"]["json_schema"] == {"name": "answer", "schema": schema}
    assert not {"text", "include"} & body.keys()


@pytest.mark.parametrize(
    ("messages", "asked", "message"),
    [
        (HI, {"tools": (TOOL,), "tool_choice": "required"}, "takes no --tool-choice required with"),
        ((Message("user", (Media("application/pdf", b"a", name="b.pdf"),)),), {}, "takes no appl"),
        (
            (Message("tool", (IMAGE,), tool_call_id="c"),),
            {},
            "takes text alone from a tool (a.p",
        ),
        (HI, {"temperature": 0.5}, "takes no temperature for openai/gpt-5.1"),
        (HI, {"temperature": 1}, "takes no --temperature with openai/gpt-5.1"),
        (HI, {"top_p": 1}, "takes no --top-p with openai/gpt-5.1"),
        (HI, {"reasoning": "none"}, ":openai/gpt-5.1 takes no --reasoning none: minimal is"),
    ],
)
def test_what_it_lacks_is_said(messages: Any, asked: Any, message: str) -> None:
    problem = drafted(messages, **asked).failure()
    assert problem.kind == "usage" and f"perplexity {message}".replace(" :", ":") in problem.message


@pytest.mark.parametrize(("model", "sent"), [("openai/gpt-5.1", None), ("sonar", 0.5)])
def test_a_default_of_the_configuration_is_sent_where_it_is_taken(
    model: str, sent: float | None
) -> None:
    ask = Ask(HI, model=f"perplexity:{model}")
    body = resolved(CLIENT, ask, temperature=0.5).bind(draft).unwrap().body
    assert body.get("temperature") == sent


def test_the_catalogue_names_the_models_of_responses() -> None:
    assert '"perplexity/sonar": {"type": "chat", "endpoint": "responses"' in read_catalogue()


# ---- chat completions ----------------------------------------------------------------------------

SOUND = Media("audio/wav", b"abc", name="a.wav")
PARTS: list[tuple[Media, dict[str, Any]]] = [
    (
        Media("application/pdf", b"abc", name="a.pdf"),
        {"type": "file_url", "file_url": {"url": "YWJj"}, "file_name": "a.pdf"},
    ),
    (
        Media("application/pdf", url="https://a.example/b", name="b.pdf"),
        {"type": "file_url", "file_url": {"url": "https://a.example/b"}, "file_name": "b.pdf"},
    ),
    (
        Media("image/png", b"abc", detail="low"),
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,YWJj"}},
    ),
]


@pytest.mark.parametrize(("media", "part"), PARTS)
def test_files_go_along_in_the_words_of_a_chat(media: Media, part: dict[str, Any]) -> None:
    body = drafted((Message("user", (media,)),), model="sonar").unwrap().body
    assert body["messages"][0]["content"] == [part]


def test_a_tool_is_always_described_and_one_that_must_be_called_is_alone() -> None:
    other = Tool("other", "Other.", {"type": "object", "properties": {}})
    asked: dict[str, Any] = {"model": "sonar", "tools": (TOOL, other)}
    both = drafted(**asked).unwrap().body["tools"]
    assert [tool["function"]["description"] for tool in both] == ["", "Other."]
    body = drafted(**asked, tool_choice="other").unwrap().body
    assert [tool["function"]["name"] for tool in body["tools"]] == ["other"]
    assert body["tool_choice"] == "required"


def test_any_json_is_asked_for_in_the_prompt_alone() -> None:
    body = drafted(model="sonar", schema={"type": "object"}).unwrap().body
    assert "response_format" not in body and "JSON" in body["messages"][0]["content"]
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    body = drafted(model="sonar", schema=schema).unwrap().body
    assert body["response_format"]["json_schema"]["schema"] == schema


def test_instructions_of_a_developer_are_the_system_s() -> None:
    body = drafted((Message("developer", "Be brief."), *HI), model="sonar").unwrap().body
    assert [turn["role"] for turn in body["messages"]] == ["system", "user"]


@pytest.mark.parametrize(
    ("messages", "asked", "message"),
    [
        (HI, {"seed": 1}, "perplexity takes no --seed"),
        ((Message("user", (SOUND,)),), {}, "perplexity takes no audio/wav (a.wav)"),
        (HI, {"reasoning": "none"}, "perplexity:sonar takes no --reasoning none: minimal is"),
    ],
)
def test_what_a_chat_lacks_is_said(messages: Any, asked: Any, message: str) -> None:
    problem = drafted(messages, model="sonar", **asked).failure()
    assert problem.kind == "usage" and message in problem.message
