"""Which of OpenAI's two protocols an ask takes: the newer one for what is only done there."""

from __future__ import annotations

from typing import Any

import pytest
from support import target

from loki.messages import Media, Message, Text
from loki.providers import wire_name
from loki.records import Ask
from loki.stages import draft

HI = (Message("user", "Hi"),)
ADDRESS = Media("application/pdf", url="https://a.example/a.pdf")
LISTED: list[dict[str, Any]] = [
    {"name": "m", "endpoint": "responses"},
    {"name": "gpt-4o-search-preview"},
    {"name": "n", "supports_vision": True},
]
OPENAI: dict[str, Any] = {"type": "openai", "models": LISTED}
XAI: dict[str, Any] = {"type": "openai-compatible", "name": "xai", "models": LISTED}
OTHER: dict[str, Any] = {"type": "openai-compatible", "name": "groq", "models": LISTED}

WIRES: list[tuple[dict[str, Any], str, Media | None, bool, str]] = [
    (OPENAI, "n", None, False, "openai"),
    (OPENAI, "m", None, False, "responses"),
    (OPENAI, "n", None, True, "responses"),
    (OPENAI, "gpt-4o-search-preview", None, True, "openai"),
    (OPENAI, "n", ADDRESS, False, "responses"),
    (OPENAI, "n", Media("application/pdf", b"%PDF"), False, "openai"),
    (OPENAI, "n", Media("image/png", url="https://a.example/a.png"), False, "openai"),
    (XAI, "n", ADDRESS, False, "responses"),
    (OTHER, "n", ADDRESS, False, "openai"),
    (OTHER, "m", ADDRESS, False, "responses"),
]


@pytest.mark.parametrize(("client", "model", "media", "search", "wire"), WIRES)
def test_an_ask_goes_where_it_can_be_done(
    client: dict[str, Any], model: str, media: Media | None, search: bool, wire: str
) -> None:
    messages = (Message("user", (Text("Hi"), media)),) if media else HI
    name = client.get("name", client["type"])
    asked = target(client, Ask(messages, model=f"{name}:{model}", search=search))
    assert wire_name(asked) == wire


def test_a_pdf_by_its_address_is_fetched_by_openai() -> None:
    asked = target(OPENAI, Ask((Message("user", (Text("Hi"), ADDRESS)),), model="openai:n"))
    drafted = draft(asked).unwrap()
    assert drafted.url == "https://api.openai.com/v1/responses"
    parts = drafted.body["input"][0]["content"]
    assert parts[1] == {"type": "input_file", "file_url": "https://a.example/a.pdf"}


def test_who_pays_is_named_in_the_headers() -> None:
    known = {**OPENAI, "organization_id": "org-1", "project_id": "proj-1"}
    headers = draft(target(known, Ask(HI, model="openai:n"))).unwrap().headers
    assert headers.items() >= {"OpenAI-Organization": "org-1", "OpenAI-Project": "proj-1"}.items()
