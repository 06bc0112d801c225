"""6. CachedResponse -> OpenResponse or Response, as if it came now; and what may be cached."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from returns.result import Failure, Result, Success

from loki.formats.structured_output import FindBreach, check_answer, find_schema_violation
from loki.problems import Problem
from loki.records import CachedResponse, Request, Response
from loki.replies import OpenResponse, Reply
from loki.stages.parse import collect, read_stream
from loki.wire.errors import REQUEST_IDS


def replay_stream(request: Request, kept: CachedResponse, now: float) -> OpenResponse:
    """Return a kept answer as one that has just begun; ``now`` is on the clock of Env."""
    return OpenResponse(
        request=request,
        status=kept.status,
        headers=kept.headers,
        chunks=iter([Success(piece) for piece in kept.pieces]),
        close=lambda: None,
        started=now,
        attempts=0,
    )


def replay_response(request: Request, kept: CachedResponse) -> Response:
    """Return a kept answer in one piece."""
    body = b"".join(kept.pieces)
    return Response(request, kept.status, kept.headers, body, attempts=0, seconds=0.0)


def headers_to_keep(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that reading an answer needs: the others may hold cookies or keys.

    >>> headers_to_keep({"content-type": "text/plain", "set-cookie": "a=b"})
    {'content-type': 'text/plain'}
    """
    return {
        name: value
        for name, value in headers.items()
        if name == "content-type" or name in REQUEST_IDS or name.endswith("-token-count")
    }


def parse_cached(
    request: Request, kept: CachedResponse, find: FindBreach = find_schema_violation
) -> Result[Any, Problem]:
    """Return what an answer says: a reply that meets its schema, vectors, or scores.

    Fails if it is not whole, or not a success: cut at its limit, filtered, garbled.
    """
    kind = request.target.model.type
    if kind == "chat":
        return collect(read_stream(lambda: 0.0)(replay_stream(request, kept, 0.0))).bind(
            partial(check_finish, find=find)
        )
    from loki.stages.parse_vectors import read_scores, read_vectors

    response = replay_response(request, kept)
    return read_vectors(response) if kind == "embedding" else read_scores(response)


def check_finish(reply: Reply, find: FindBreach = find_schema_violation) -> Result[Reply, Problem]:
    """Return a reply that came to its proper end and meets its schema."""
    if reply.finish not in ("stop", "tools") or reply.pause:
        return Failure(Problem("input", f"the answer is not whole: {reply.finish}"))
    return check_answer(reply.request.target.ask, reply, find).map(lambda pair: pair[0])
