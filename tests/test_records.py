"""The records that travel: what one of them has of those it came from."""

from __future__ import annotations

from support import request


def test_a_request_knows_its_target() -> None:
    asked = request({"type": "openai"})
    assert asked.target is asked.draft.target
    assert asked.target.client.name == "openai"
