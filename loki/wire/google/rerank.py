"""Google Cloud's ranking API (discoveryengine v1): query and documents -> body -> scores."""

from __future__ import annotations

import re

from returns.result import Failure, Result, Success

from loki.json_text import Json, JsonObject
from loki.problems import Problem, fail
from loki.records import Target
from loki.replies import Score, Scores
from loki.wire.errors import unknown_answer
from loki.wire.openai.rerank import make_score, wanted_count
from loki.wire.protocol import without_none


def draft_rerank(target: Target) -> Result[JsonObject, Problem]:
    """Return the body of a reranking; a record's id is its index among the documents."""
    ask = target.ask
    if "project_id" not in target.client.settings:
        return fail("config", "needs a project_id: the Google Cloud project that pays for ranking")
    return Success(
        without_none(
            {
                "model": target.model.real_name,
                "query": ask.query,
                "records": [{"id": str(i), "content": text} for i, text in enumerate(ask.texts)],
                "topN": wanted_count(ask),
                "ignoreRecordDetailsInResponse": True,
            }
        )
    )


def read_rerank(body: Json) -> Result[Scores, Problem]:
    """Scores by the ids that we gave; Google tells no usage.

    >>> read_rerank({"records": [{"id": "1", "score": 0.9}]}).unwrap().scores
    (Score(text_index=1, score=0.9),)
    """
    match body:
        case {"records": list(rows)}:
            scores = [read_score(row) for row in rows]
            known = tuple(score for score in scores if score is not None)
            if len(known) == len(scores):
                return Success(Scores(known))
    return Failure(unknown_answer(body, "a ranking"))


def read_score(row: Json) -> Score | None:
    """Return a record's index and score, None where a row has none."""
    match row:
        case {"id": str(name), "score": score} if re.fullmatch(r"[0-9]{1,9}", name):
            return make_score(int(name), score)
        case _:
            return None
