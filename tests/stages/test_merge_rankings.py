"""A ranking has all that was asked for; rankings of several requests become one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from support import config

from loki.records import Ask, Draft, Request
from loki.replies import Ranking, Score
from loki.stages import resolve
from loki.stages.merge_rankings import check_completeness, join_split_rankings
from loki.usage import Usage

CLIENT = {"type": "cohere", "models": [{"name": "m", "type": "reranker"}]}


def ranking(texts: int, *scores: tuple[int, float], top_n: Any = None, **fields: Any) -> Ranking:
    """Return the scores of some of so many texts."""
    ask = Ask(model="cohere:m", query="q", texts=("text",) * texts)
    target = resolve(config(CLIENT), "reranker")(ask).unwrap()
    body = {} if top_n is None else {"top_n": top_n}
    request = Request(Draft(target, "", {}, body), "", {}, b"")
    fields = {"usage": Usage(), **fields}
    return Ranking(target.name, request=request, scores=tuple(Score(*s) for s in scores), **fields)


COMPLETE: dict[str, tuple[Ranking, str]] = {
    "all": (ranking(2, (1, 0.9), (0, 0.1)), ""),
    "as many as the body asks for": (ranking(3, (1, 0.9), top_n=1), ""),
    "more asked for than there are": (ranking(1, (0, 0.9), top_n=5), ""),
    "one lacks": (ranking(2, (1, 0.9)), "scores for 1 of 2 texts, where 2 are due"),
    "a wanted one lacks": (ranking(3, top_n=1), "scores for 0 of 3 texts, where 1 is due"),
    "no count at all": (ranking(2, (0, 1), top_n="x"), "scores for 1 of 2 texts, where 2 are due"),
}


@pytest.mark.parametrize(("found", "message"), COMPLETE.values(), ids=list(COMPLETE))
def test_a_ranking_has_as_many_scores_as_are_due(found: Ranking, message: str) -> None:
    result = check_completeness(found)
    assert result.swap().map(lambda problem: problem.message).value_or("") == message


def test_a_ranking_that_lacks_scores_was_paid_for() -> None:
    problem = check_completeness(ranking(2, usage=Usage(searches=1))).failure()
    assert (problem.kind, problem.sent, problem.usage) == ("garbled", True, Usage(searches=1))


PARTS = (ranking(2, (1, 0.9), (0, 0.5)), ranking(3, (2, 0.7), (0, 0.5), (1, 0.1)))
BEST = (Score(1, 0.9), Score(4, 0.7), Score(0, 0.5), Score(2, 0.5), Score(3, 0.1))


@pytest.mark.parametrize("top", [None, 2, 9])
def test_joined_texts_have_their_place_in_the_whole_ask_best_first(top: int | None) -> None:
    assert join_split_rankings(top)(PARTS).scores == BEST[:top]


KNOWN = {"usage": Usage(searches=1), "cost": Decimal("0.1"), "seconds": 1.5, "attempts": 2}
UNKNOWN = {**KNOWN, "usage": Usage(), "cost": None, "seconds": None}
SUMS: list[tuple[dict[str, Any], tuple[int | None, Decimal | None, float, int]]] = [
    (KNOWN, (2, Decimal("0.2"), 3.0, 4)),
    (UNKNOWN, (None, None, 1.5, 4)),
]


@pytest.mark.parametrize(("second", "total"), SUMS, ids=["known", "unknown"])
def test_joined_rankings_took_and_cost_the_sum_of_all_or_it_is_unknown(
    second: dict[str, Any], total: tuple[Any, ...]
) -> None:
    whole = join_split_rankings(None)([ranking(1, **KNOWN), ranking(1, **second)])
    assert (whole.usage.searches, whole.cost, whole.seconds, whole.attempts) == total
