"""7b. Ranking -> Ranking: all that was asked for; and Rankings of several requests -> one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

from returns.result import Result, Success

from loki.json_text import JsonObject
from loki.problems import Problem, count_of, fail
from loki.providers import wire_name
from loki.record import replace
from loki.replies import Ranking, Score
from loki.stages.parse_vectors import add_costs, add_usages
from loki.wire import rerank_wire
from loki.wire.protocol import as_count, get_in


def check_completeness(ranking: Ranking) -> Result[Ranking, Problem]:
    """Return the ranking, or the Problem that it lacks a document that was asked for."""
    draft = ranking.request.draft
    texts = len(draft.target.ask.texts)
    due = min([*wanted_counts(draft.body, rerank_wire(wire_name(draft.target)).top_paths), texts])
    if len(ranking.scores) >= due:
        return Success(ranking)
    return fail(
        "garbled",
        f"scores for {len(ranking.scores)} of {count_of(texts, 'text')},"
        f" where {due} {'is' if due == 1 else 'are'} due",
        sent=True,
        usage=ranking.usage,
    )


def wanted_counts(body: JsonObject, top_paths: Iterable[Sequence[str]]) -> list[int]:
    """Return how many of the best a body asks for, after all patches; empty is all of them.

    >>> wanted_counts({"top_n": 3}, [("top_n",)]), wanted_counts({}, [("top_n",)])
    ([3], [])
    """
    counts = (as_count(get_in(body, *path)) for path in top_paths)
    return [count for count in counts if count]


def join_split_rankings(top: int | None) -> Callable[[Sequence[Ranking]], Ranking]:
    """Return a stage that merges rankings: scores of several requests compare."""

    def stage(parts: Sequence[Ranking]) -> Ranking:
        sizes = (len(part.request.draft.target.ask.texts) for part in parts)
        starts = accumulate(sizes, initial=0)
        scores = [
            Score(start + score.text_index, score.score)
            for start, part in zip(starts, parts, strict=False)
            for score in part.scores
        ]
        best = sorted(scores, key=lambda score: (-score.score, score.text_index))
        return replace(
            parts[0],
            scores=tuple(best[:top]),
            usage=add_usages([part.usage for part in parts]),
            cost=add_costs([part.cost for part in parts]),
            seconds=sum(part.seconds or 0.0 for part in parts),
            attempts=sum(part.attempts for part in parts),
        )

    return stage
