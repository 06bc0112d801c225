"""7. Response -> Embeddings or Ranking; and Embeddings of several requests put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from returns.result import Failure, Result, Success

from loki.json_text import Json
from loki.problems import Problem, count_of, count_that_are, excerpt_bytes, fail
from loki.providers import wire_name
from loki.record import field_names, replace
from loki.records import Response
from loki.replies import Embeddings, Ranking, Scores, Vectors
from loki.usage import Usage
from loki.wire import embed_wire, rerank_wire
from loki.wire.errors import read_error, request_id
from loki.wire.provider_json import parse_json

A = TypeVar("A")


def read_vectors(response: Response) -> Result[Embeddings, Problem]:
    """Return a vector for each text that was sent, or the Problem."""
    target = response.request.draft.target
    texts, protocol = target.ask.texts, embed_wire(wire_name(target))

    def whole(result: Vectors) -> Result[Embeddings, Problem]:
        usage = with_token_header(result.usage, response.headers.get(protocol.token_header, ""))
        if len(result.vectors) != len(texts):
            return fail(
                "garbled",
                f"{count_of(len(result.vectors), 'vector')} for {count_of(len(texts), 'text')}",
                sent=True,
                usage=usage,
            )
        return Success(Embeddings(**shared_fields(response), usage=usage, vectors=result.vectors))

    return read_with(response, protocol.read).bind(whole)


def read_scores(response: Response) -> Result[Ranking, Problem]:
    """Return the scores of the texts that were sent, best first."""
    texts = response.request.draft.target.ask.texts

    def whole(result: Scores) -> Result[Ranking, Problem]:
        places = [score.text_index for score in result.scores]
        if len({*places}) != len(places) or not all(0 <= place < len(texts) for place in places):
            return fail(
                "garbled",
                f"scores for {places[:20]},"
                f" but {count_that_are(len(texts), 'text', past=True)} sent",
                sent=True,
                usage=result.usage,
            )
        best = sorted(result.scores, key=lambda score: (-score.score, score.text_index))
        return Success(Ranking(**shared_fields(response), usage=result.usage, scores=tuple(best)))

    return read_with(response, rerank_wire(wire_name(response.request.draft.target)).read).bind(
        whole
    )


def with_token_header(usage: Usage, header: str) -> Usage:
    """Return usage with the tokens that a header counts, where the body does not count them.

    >>> with_token_header(Usage(), "3").input, with_token_header(Usage(input=2), "3").input
    (3, 2)
    """
    unknown = usage.input is None and re.fullmatch(r"[0-9]{1,9}", header)
    return replace(usage, input=int(header)) if unknown else usage


def read_with(
    response: Response, reader: Callable[[Json], Result[A, Problem]]
) -> Result[A, Problem]:
    """Read the JSON of an answer."""
    if not 200 <= response.status < 300:
        return Failure(read_error(response.status, response.headers, response.body))
    try:
        value = parse_json(str(response.body, "utf-8"))
    except (ValueError, RecursionError):
        shown = excerpt_bytes(response.body, 120) or "nothing"
        return fail("garbled", f"the answer is not JSON: {shown}", sent=True)
    return reader(value)


def shared_fields(response: Response) -> dict[str, Any]:
    """Return the fields that all kinds of answers have."""
    return {
        "model": response.request.draft.target.name,
        "request": response.request,
        "seconds": response.seconds,
        "attempts": response.attempts,
        "request_id": request_id(response.headers),
    }


# ---- several requests --------------------------------------------------------------------------


def join_embeddings(parts: Sequence[Embeddings]) -> Embeddings:
    """Return one answer to an ask that took several requests."""
    return replace(
        parts[0],
        vectors=tuple(vector for part in parts for vector in part.vectors),
        usage=add_usages([part.usage for part in parts]),
        cost=add_costs([part.cost for part in parts]),
        seconds=sum(part.seconds or 0.0 for part in parts),
        attempts=sum(part.attempts for part in parts),
    )


def add_usages(usages: Sequence[Usage]) -> Usage:
    """Return the sum of several requests' usage; a count that one of them lacks is None.

    >>> add_usages([Usage(input=3), Usage(input=4)]).input
    7
    """
    summed = {
        name: None if None in counts else sum(counts)
        for name in field_names(Usage)
        if name != "tier"
        for counts in [[getattr(usage, name) for usage in usages]]
    }
    return Usage(**summed, tier=usages[0].tier)


def add_costs(costs: Sequence[Decimal | None]) -> Decimal | None:
    """Return the sum of costs in US dollars, None if one of them is unknown."""
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if len(known) == len(costs) else None
