"""Bodies of rows in jobs: what is asked outside jobs, and nothing that no job can have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from batch_visits import Place
from fake_batches import provider

PATCHES: list[tuple[dict[str, Any], str]] = [
    ({"url": "https://elsewhere.example/"}, "a patch sets url"),
    ({"headers": {"X-Beta": "1"}}, "a patch sets headers"),
    ({"body": {"stream": True}}, "patch sets stream"),
]


@pytest.mark.parametrize(("patch", "message"), PATCHES)
def test_what_no_row_of_a_job_can_have_is_refused(
    tmp_path: Path, patch: dict[str, Any], message: str
) -> None:
    more = f"    patch:\n      chat_completions:\n        m: {json.dumps(patch)}\n"
    with provider("openai") as (fake, server):
        place = Place(tmp_path, "openai", 1)
        place.configure(server, more)
        place.visit()
        (bad,) = place.lines()
        assert bad["error"]["kind"] == "usage" and message in bad["error"]["message"]
        assert fake.calls == []


def test_bodies_are_what_the_provider_is_asked_outside_jobs(tmp_path: Path) -> None:
    with provider("openai") as (fake, server):
        place = Place(tmp_path, "openai", 1)
        place.configure(server)
        place.visit()
        (row,) = map(json.loads, fake.files["file-1"].splitlines())
    assert row["method"] == "POST" and row["url"] == "/v1/chat/completions"
    assert row["body"] == {
        "model": "m",
        "messages": [{"role": "user", "content": "P0"}],
        "max_completion_tokens": 100,
    }


def test_a_time_that_is_not_offered_is_refused(tmp_path: Path) -> None:
    for kind, hours, message in (("openai", 48, "offers 24h"), ("anthropic", 24, "no choice")):
        folder = tmp_path / kind
        folder.mkdir()
        with provider(kind) as (fake, server):
            place = Place(folder, kind, 1)
            place.configure(server)
            place.visit(hours=hours)
            assert message in place.lines()[0]["error"]["message"] and fake.calls == []
