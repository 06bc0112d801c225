"""A row that the cache has is answered from it; for the others the next step is asked."""

from __future__ import annotations

from typing import Any

import pytest
from returns.result import Failure, Result, Success
from servers import reply
from support import config, response

from loki.batch.cached_row import NOT_CACHED, cache_only, try_cache_first
from loki.batch.rows import ReadyRow
from loki.json_text import compact
from loki.pipeline import Env
from loki.problems import Problem
from loki.record import replace
from loki.records import Ask, CachedResponse, Draft, Request, Response

LOCAL = {
    "type": "openai-compatible",
    "name": "local",
    "api_base": "http://a.example",
    "models": [{"name": "m"}],
}


def env_of(kept: CachedResponse | None) -> Env:
    """Return an Env whose cache has this answer, or none."""

    def authorize(draft: Draft) -> Result[Draft, Problem]:
        return Success(replace(draft, kept=kept))

    def send(request: Request) -> Result[Response, Problem]:
        return Success(response(request, 200, compact(reply("Kept.")).encode()))

    def open_(request: Request) -> Any:
        raise AssertionError("a row is not streamed")

    return Env(config(LOCAL), authorize, send, open_, lambda: 0.0, lambda: 0.0)


@pytest.mark.parametrize(
    ("kept", "text"), [(CachedResponse(200, {}, ()), "Kept."), (None, "asked")]
)
def test_only_what_the_cache_has_not_got_is_asked(kept: CachedResponse | None, text: str) -> None:
    row = ReadyRow(1, 1, "k", Ask("Hi", model="local:m"))
    step = try_cache_first(env_of(kept), False, lambda row: Success({"text": "asked"}))
    assert step(row).unwrap()["text"] == text


def test_nothing_is_sent_that_is_not_cached() -> None:
    env = env_of(None)
    draft = Draft(None, "", {}, {})  # type: ignore[arg-type]
    assert cache_only(env).send(Request(draft, "", {}, b"")) == Failure(NOT_CACHED)
