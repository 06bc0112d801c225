"""Drafted chats are what OpenAI's own package knows, key by key, and would send itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from vendors import strict
from wire.test_promises import FIXTURES, drafted

openai = pytest.importorskip("openai")
pydantic = pytest.importorskip("pydantic")
completions = pytest.importorskip("openai.types.chat.completion_create_params")
pytest.importorskip("openai.types.responses.response_create_params")


def drafts(wire: str) -> list[Any]:
    """The fixtures of a wire that ask OpenAI itself; its imitators have words of their own."""
    return [
        pytest.param(fixture, id=name)
        for name, fixture in sorted(FIXTURES.items())
        if name.startswith(f"{wire}/")
        and fixture["client"]["type"] in ("openai", "azure-openai")
        and fixture.get("request", {}).get("url", "").endswith(WIRES[wire])
    ]


WIRES = {"openai": "/chat/completions", "responses": "/responses"}


def body_of(fixture: Any) -> Any:
    """The body that we would send."""
    return json.loads(drafted(fixture).unwrap().content)


def sent_by_vendor(task: str, fixture: Any) -> Any:
    """The body of the vendor's own request for what we ask."""
    httpx = pytest.importorskip("httpx2")
    sent: list[tuple[str, Any]] = []

    def answer(request: Any) -> Any:
        sent.append((str(request.url), json.loads(request.content)))
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, text="")

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        vendor = openai.OpenAI(api_key="sk-test", http_client=client)
        place = vendor.responses if task == "responses" else vendor.chat.completions
        place.create(**body_of(fixture))
    return sent


ADAPTER = strict("openai.types", completions.CompletionCreateParamsNonStreaming)
STREAMED = strict("openai.types", completions.CompletionCreateParamsStreaming)


@pytest.mark.parametrize("fixture", drafts("openai"))
def test_the_vendor_knows_every_key_of_a_chat(fixture: Any) -> None:
    body = body_of(fixture)
    (STREAMED if body.get("stream") else ADAPTER).validate_python(body, strict=True)


@pytest.mark.parametrize("fixture", drafts("openai"))
def test_the_vendor_would_send_the_same_chat(fixture: Any) -> None:
    url = "https://api.openai.com/v1/chat/completions"
    assert sent_by_vendor("chat", fixture) == [(url, body_of(fixture))]


def test_a_key_that_the_vendor_does_not_know_is_found_at_any_depth() -> None:
    asked = {"role": "user", "content": [{"type": "text", "text": "Hi", "odd": 1}]}
    with pytest.raises(pydantic.ValidationError):
        ADAPTER.validate_python({"model": "m", "messages": [asked]}, strict=True)
