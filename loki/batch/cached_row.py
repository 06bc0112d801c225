"""A row -> its line as the cache of answers has it: nothing is sent, so no limit of cost holds."""

from __future__ import annotations

from collections.abc import Callable

from returns.result import Failure, Result, Success

from loki.batch.ask_row import ask_row
from loki.batch.rows import ReadyRow
from loki.json_text import JsonObject
from loki.pipeline import Env
from loki.problems import Problem
from loki.record import replace
from loki.records import Draft, Request, Response

#: Asks a row.
Asker = Callable[[ReadyRow], Result[JsonObject, Problem]]


def try_cache_first(env: Env, embed_it: bool, ask: Asker) -> Asker:
    """Return a step that asks only those rows whose answer the cache does not have."""
    env = cache_only(env)
    return lambda row: ask_row(env, embed_it, row).lash(lambda _: ask(row))


def cache_only(env: Env) -> Env:
    """Return an Env that sends nothing: what its cache has not got fails."""

    def authorize(draft: Draft) -> Result[Draft, Problem]:
        return env.authorize(draft).bind(
            lambda ready: Success(ready) if ready.kept else Failure(NOT_CACHED)
        )

    def send(request: Request) -> Result[Response, Problem]:
        return env.send(request) if request.draft.kept else Failure(NOT_CACHED)

    return replace(env, authorize=authorize, send=send)


NOT_CACHED = Problem("missing", "the answer cache has no answer")
