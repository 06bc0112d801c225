"""7b. Ranking -> Ranking: all that was asked for; and Rankings of several requests -> one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate

from returns.result import Result, Success

from loki.problems import Problem, fail
from loki.records import JsonObject
from loki.replies import Ranking, Score
from loki.stages.parse_vectors import added, total
from loki.wire.codec import dig, integer


def complete(ranking: Ranking) -> Result[Ranking, Problem]:
    """A ranking in which no document is missing: fewer than were asked for is half an answer."""
    draft = ranking.request.draft
    texts = len(draft.target.ask.texts)
    due = min([*wanted(draft.body), texts])
    if len(ranking.scores) >= due:
        return Success(ranking)
    return fail(
        "garbled",
        f"scores for {len(ranking.scores)} of {texts} texts, where {due} are due",
        sent=True,
        usage=ranking.usage,
    )


def wanted(body: JsonObject) -> list[int]:
    """How many of the best a body asks for, after all patches; nothing is all of them.

    >>> wanted({"top_n": 3}), wanted({})
    ([3], [])
    """
    told = (integer(dig(body, *place)) for place in TOPS)
    return [count for count in told if count]


#: Where the wires say how many are wanted.
TOPS = (
    ("top_n",),
    ("top_k",),
    ("topN",),
    ("rerankingConfiguration", "bedrockRerankingConfiguration", "numberOfResults"),
)


def merged(top: int | None) -> Callable[[Sequence[Ranking]], Ranking]:
    """One ranking of all texts: a score is of one text, so those of several requests compare."""

    def stage(parts: Sequence[Ranking]) -> Ranking:
        sizes = (len(part.request.draft.target.ask.texts) for part in parts)
        starts = accumulate(sizes, initial=0)
        scores = [
            Score(start + score.place, score.score)
            for start, part in zip(starts, parts, strict=False)
            for score in part.scores
        ]
        best = sorted(scores, key=lambda score: (-score.score, score.place))
        return replace(
            parts[0],
            scores=tuple(best[:top]),
            usage=total([part.usage for part in parts]),
            cost=added([part.cost for part in parts]),
            seconds=sum(part.seconds or 0.0 for part in parts),
            attempts=sum(part.attempts for part in parts),
        )

    return stage
