"""Drafted bodies are what Cohere's own client knows, key by key, and would send itself."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

import pytest
from wire.test_promises import FIXTURES, drafted

cohere = pytest.importorskip("cohere")
pydantic = pytest.importorskip("pydantic")
httpx = pytest.importorskip("httpx")
V2Client = pytest.importorskip("cohere.v2.client").V2Client

DRAFTED = [
    pytest.param(fixture, id=name)
    for name, fixture in sorted(FIXTURES.items())
    if name.startswith("cohere/") and "request" in fixture
]


def body_of(fixture: Any) -> Any:
    """The body that we would send."""
    return json.loads(drafted(fixture).unwrap().content)


def unknown(value: Any) -> Iterator[str]:
    """The keys, at any depth, that a model of the vendor's took in without knowing them."""
    match value:
        case list():
            yield from (key for each in value for key in unknown(each))
        case _ if hasattr(value, "model_extra"):
            yield from value.model_extra or ()
            yield from unknown([getattr(value, name) for name in type(value).model_fields])


@pytest.mark.parametrize("fixture", DRAFTED)
def test_the_vendor_knows_every_key(fixture: Any) -> None:
    body = body_of(fixture)
    streamed = body.pop("stream", False)
    known = inspect.signature(V2Client.chat_stream if streamed else V2Client.chat).parameters
    assert body.keys() <= known.keys()
    for name, value in body.items():
        typed = pydantic.TypeAdapter(known[name].annotation).validate_python(value, strict=True)
        assert list(unknown(typed)) == [], name


@pytest.mark.parametrize("fixture", DRAFTED)
def test_the_vendor_would_send_the_same(fixture: Any) -> None:
    body, sent = body_of(fixture), []
    streamed = body.pop("stream", False)

    def answer(request: Any) -> Any:
        sent.append((str(request.url), json.loads(request.content)))
        result = {"id": "c", "finish_reason": "COMPLETE", "message": {"role": "assistant"}}
        events = {"headers": {"content-type": "text/event-stream"}, "text": "data: [DONE]\n\n"}
        return httpx.Response(200, **(events if streamed else {"json": result}))

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        vendor = cohere.ClientV2(api_key="co-test", httpx_client=client)
        list((vendor.chat_stream if streamed else vendor.chat)(**body))
    assert sent == [("https://api.cohere.com/v2/chat", {**body, "stream": streamed})]
