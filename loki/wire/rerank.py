"""PURE. The reranking that compatible servers share: query and documents -> body -> scores."""

from __future__ import annotations

from returns.result import Failure, Result, Success

from loki.measures import Score, Scores
from loki.problems import Problem
from loki.records import Json, JsonObject, Target, Usage
from loki.wire.codec import dig, integer, said
from loki.wire.errors import unknown_answer


def draft_rerank(target: Target) -> Result[JsonObject, Problem]:
    """The body of a request for scores, as Jina and those after it have it."""
    ask = target.ask
    return Success(
        said(
            {
                "model": target.model.real_name,
                "query": ask.query,
                "documents": list(ask.texts),
                "top_n": ask.top,
            }
        )
    )


def read_rerank(body: Json) -> Result[Scores, Problem]:
    """Scores from any of the shapes that are about.

    >>> read_rerank({"results": [{"index": 1, "relevance_score": 0.9}]}).unwrap().scores
    (Score(place=1, score=0.9),)
    """
    match body:
        case {"results": list(rows)} | {"data": list(rows)}:
            scores = [read_score(row) for row in rows]
            known = tuple(score for score in scores if score is not None)
            if len(known) == len(scores):
                return Success(Scores(known, Usage(input=tokens(body), output=0)))
    return Failure(unknown_answer(body, "a ranking"))


def read_score(row: Json) -> Score | None:
    """One document's place and score, None where a row has no such thing."""
    match row:
        case {"index": int(place), "relevance_score": int() | float() as score}:
            return Score(place, score)
        case {"index": int(place), "score": int() | float() as score}:
            return Score(place, score)
        case _:
            return None


def tokens(body: Json) -> int | None:
    """The tokens that were read, None where nobody says."""
    told = integer(dig(body, "usage", "total_tokens"))
    return integer(dig(body, "usage", "prompt_tokens")) if told is None else told
