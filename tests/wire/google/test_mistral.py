"""Mistral's models on Vertex AI: what goes into the body, and what stands in the URL."""

from __future__ import annotations

from support import target

from loki.messages import Message
from loki.records import Ask
from loki.wire.google.mistral import draft_mistral


def test_mistral_s_model_goes_without_its_version() -> None:
    listed = [{"name": "m", "real_name": "mistral-medium@2505"}]
    client = {"type": "vertexai", "project_id": "p q", "models": listed}
    asked = target(client, Ask((Message("user", "Hi"),), model="vertexai:m", stream=True))
    body = draft_mistral(asked).unwrap()
    assert body["model"] == "mistral-medium" and "stream_options" not in body
