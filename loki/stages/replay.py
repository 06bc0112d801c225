"""6. Kept -> Opened or Response, as if it came now; and whether an answer is fit to be kept."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from returns.result import Failure, Result, Success

from loki.formats.structured_output import FindBreach, check_answer, find_breach
from loki.problems import Problem
from loki.records import Kept, Request, Response
from loki.replies import Opened, Reply
from loki.stages.parse import collect, follow
from loki.wire.errors import REQUEST_IDS


def reopen(request: Request, kept: Kept, now: float) -> Opened:
    """Return a kept answer as one that has just begun; ``now`` is on the clock of Env."""
    return Opened(
        request=request,
        status=kept.status,
        headers=kept.headers,
        chunks=iter([Success(piece) for piece in kept.pieces]),
        close=lambda: None,
        started=now,
        attempts=0,
    )


def respond(request: Request, kept: Kept) -> Response:
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


def read_kept(request: Request, kept: Kept, find: FindBreach = find_breach) -> Result[Any, Problem]:
    """Return what an answer says: a reply that meets its schema, vectors, or scores.

    Fails if it is not whole, or not a success: cut at its limit, filtered, garbled.
    """
    kind = request.target.model.type
    if kind == "chat":
        return collect(follow(lambda: 0.0)(reopen(request, kept, 0.0))).bind(
            partial(check_finish, find=find)
        )
    from loki.stages.parse_vectors import read_scores, read_vectors

    response = respond(request, kept)
    return read_vectors(response) if kind == "embedding" else read_scores(response)


def check_finish(reply: Reply, find: FindBreach = find_breach) -> Result[Reply, Problem]:
    """Return a reply that came to its proper end and meets its schema."""
    if reply.finish not in ("stop", "tools") or reply.pause:
        return Failure(Problem("input", f"the answer is not whole: {reply.finish}"))
    return check_answer(reply.request.target.ask, reply, find).map(lambda pair: pair[0])
