"""The reranking that most servers share: query and documents -> body -> scores."""

from __future__ import annotations

from returns.result import Failure, Result, Success

from loki.json_text import Json, JsonObject
from loki.problems import Problem
from loki.records import Ask, Target
from loki.replies import Score, Scores
from loki.usage import Usage
from loki.wire.errors import unknown_answer
from loki.wire.openai.usage import read_cost
from loki.wire.protocol import DraftBody, as_count, as_index, get_in, without_none
from loki.wire.vectors import is_finite


def draft_rerank(target: Target) -> Result[JsonObject, Problem]:
    """Return the body of a reranking in the dialect of Cohere and Jina."""
    return Success(without_none({**shared_fields(target), "top_n": wanted_count(target.ask)}))


def draft_voyage(target: Target) -> Result[JsonObject, Problem]:
    """Return the body in Voyage's dialect."""
    return Success(without_none({**shared_fields(target), "top_k": wanted_count(target.ask)}))


def shared_fields(target: Target) -> JsonObject:
    """Return the fields that all dialects share."""
    ask = target.ask
    return {"model": target.model.real_name, "query": ask.query, "documents": list(ask.texts)}


def wanted_count(ask: Ask) -> int | None:
    """Return how many of the best are wanted, no more than there are; None for all.

    >>> wanted_count(Ask(texts=("a", "b"), top=5)), wanted_count(Ask(texts=("a", "b")))
    (2, None)
    """
    return None if ask.top is None else min(ask.top, len(ask.texts))


def read_rerank(body: Json) -> Result[Scores, Problem]:
    """Return scores from any of the shapes that servers use.

    >>> read_rerank({"results": [{"index": 1, "relevance_score": 0.9}]}).unwrap().scores
    (Score(text_index=1, score=0.9),)
    """
    match body:
        case {"results": list(rows)} | {"data": list(rows)}:
            scores = [read_score(row) for row in rows]
            known = tuple(score for score in scores if score is not None)
            if len(known) == len(scores):
                return Success(Scores(known, read_usage(body)))
    return Failure(unknown_answer(body, "a ranking"))


def read_score(row: Json) -> Score | None:
    """Return a document's index and score, None where a row has none."""
    match row:
        case {"index": place, "relevance_score": score}:
            return make_score(place, score)
        case {"index": place, "relevanceScore": score}:
            return make_score(place, score)
        case {"index": place, "score": score}:
            return make_score(place, score)
        case _:
            return None


def make_score(place: Json, score: Json) -> Score | None:
    """Return a score that is a finite number at a valid index, else None.

    >>> make_score(0, 0.5), make_score(0, float("nan")), make_score("0", 0.5)
    (Score(text_index=0, score=0.5), None, None)
    >>> make_score(0, 10**400)
    """
    index = as_index(place)
    match score:
        case bool():
            return None
        case int() | float() if index is not None and is_finite([score]):
            return Score(index, score)
        case _:
            return None


def read_usage(body: Json) -> Usage:
    """Return tokens, search units and cost, from wherever a provider puts them; output is 0.

    >>> read_usage({"meta": {"billed_units": {"search_units": 1}}}).searches
    1
    >>> read_usage({"usage": {"total_tokens": 17}}).input
    17
    """
    billed = as_count(get_in(body, "meta", "billed_units", "input_tokens"))
    usage = get_in(body, "usage")
    return Usage(
        input=first_count(body, TOKENS),
        output=0,
        billed_input=billed,
        billed_output=None if billed is None else 0,
        searches=first_count(body, SEARCHES),
        told_cost=read_cost(usage) if isinstance(usage, dict) else None,
    )


def first_count(body: Json, paths: tuple[tuple[str, ...], ...]) -> int | None:
    """Return the first count at one of several paths."""
    counts = (as_count(get_in(body, *place)) for place in paths)
    return next((count for count in counts if count is not None), None)


#: Where the tokens that were read are told: by most, and by Cohere.
TOKENS = (
    ("usage", "total_tokens"),
    ("usage", "prompt_tokens"),
    ("meta", "tokens", "input_tokens"),
    ("meta", "billed_units", "input_tokens"),
)
#: Where search units are told: by Cohere, and by OpenRouter for it.
SEARCHES = (("meta", "billed_units", "search_units"), ("usage", "search_units"))

#: The body in each dialect.
DRAFTS: dict[str, DraftBody] = {"common": draft_rerank, "voyage": draft_voyage}
