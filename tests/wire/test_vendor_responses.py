"""Drafted responses are what OpenAI's own package knows, key by key, and would send itself."""

from __future__ import annotations

from typing import Any

import pytest
from vendors import strict
from wire.test_vendor_openai import body_of, drafts, sent_by_vendor

params = pytest.importorskip("openai.types.responses.response_create_params")
pydantic = pytest.importorskip("pydantic")

ADAPTER = strict("openai.types", params.ResponseCreateParamsNonStreaming)
STREAMED = strict("openai.types", params.ResponseCreateParamsStreaming)


@pytest.mark.parametrize("fixture", drafts("responses"))
def test_the_vendor_knows_every_key_of_a_response(fixture: Any) -> None:
    body = body_of(fixture)
    (STREAMED if body.get("stream") else ADAPTER).validate_python(body, strict=True)


@pytest.mark.parametrize("fixture", drafts("responses"))
def test_the_vendor_would_send_the_same_request(fixture: Any) -> None:
    url = "https://api.openai.com/v1/responses"
    assert sent_by_vendor("responses", fixture) == [(url, body_of(fixture))]


def test_a_key_that_the_vendor_does_not_know_in_an_item_is_found() -> None:
    for odd in ({"type": "reasoning", "id": "rs", "summary": [{"text": "t", "kind": "odd"}]}, {}):
        with pytest.raises(pydantic.ValidationError):
            ADAPTER.validate_python({"model": "m", "input": [odd]}, strict=True)
