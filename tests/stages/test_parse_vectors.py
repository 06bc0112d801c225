"""Vectors and scores are read for the texts that were sent, or what is wrong is said."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from support import config

from loki.records import Ask, Draft, Request, Response, Task
from loki.replies import Embeddings, Score
from loki.stages import resolve
from loki.stages.parse_vectors import (
    add_costs,
    add_usages,
    join_embeddings,
    read_scores,
    read_vectors,
    with_token_header,
)
from loki.usage import Usage

OPENAI = {"type": "openai", "models": [{"name": "m", "type": "embedding"}]}
COHERE = {"type": "cohere", "models": [{"name": "m", "type": "reranker"}]}
ONE = {"data": [{"index": 0, "embedding": [0.5, 1]}], "usage": {"prompt_tokens": 3}}


def answer(client: dict[str, Any], task: Task, body: bytes, status: int = 200) -> Response:
    """Return an answer to an ask with two texts."""
    ask = Ask(model=f"{client['type']}:m", query="q", texts=("a", "b"))
    target = resolve(config(client), task)(ask).unwrap()
    return Response(Request(Draft(target, "", {}, {}), "", {}, b""), status, {}, body, 2, 1.5)


def scored(*places: int) -> bytes:
    """Return scores of some texts, of which the last is the best."""
    scores = [{"index": place, "relevance_score": 0.5} for place in places]
    scores[-1]["relevance_score"] = 0.9
    return json.dumps({"results": scores, "meta": {"billed_units": {"search_units": 1}}}).encode()


VECTORS: list[tuple[bytes, int, str, str]] = [
    (json.dumps(ONE).encode(), 200, "garbled", "1 vector for 2 texts"),
    (b"<html>", 200, "garbled", "the answer is not JSON: <html>"),
    (b"", 200, "garbled", "the answer is not JSON: nothing"),
    (b"\xff", 200, "garbled", "the answer is not JSON: "),
    (b"[" * 9999, 200, "garbled", "the answer is not JSON: [["),
    (b'{"error": {"message": "Slow down."}}', 429, "busy", "Slow down."),
]


@pytest.mark.parametrize(("body", "status", "kind", "message"), VECTORS)
def test_what_is_no_vector_for_each_text_is_refused(
    body: bytes, status: int, kind: str, message: str
) -> None:
    problem = read_vectors(answer(OPENAI, "embedding", body, status)).failure()
    assert problem.kind == kind and message in problem.message and problem.sent


@pytest.mark.parametrize("places", [(0, 0), (0, 2)])
def test_a_score_of_no_text_or_twice_of_one_is_refused_but_was_paid_for(
    places: tuple[int, ...],
) -> None:
    problem = read_scores(answer(COHERE, "reranker", scored(*places))).failure()
    assert problem.message == f"scores for {[*places]}, but 2 texts were sent"
    assert problem.usage and problem.usage.searches == 1


def test_scores_come_best_first_with_what_their_request_took() -> None:
    ranking = read_scores(answer(COHERE, "reranker", scored(0, 1))).unwrap()
    assert ranking.scores == (Score(1, 0.9), Score(0, 0.5))
    assert (ranking.model, ranking.seconds, ranking.attempts) == ("cohere:m", 1.5, 2)


@pytest.mark.parametrize("header", ["", "x", "-1", "3.5", "1" * 10, "٣"])
def test_a_header_that_is_no_count_of_tokens_tells_nothing(header: str) -> None:
    assert with_token_header(Usage(), header) == Usage() != with_token_header(Usage(), "3")


def test_joined_embeddings_keep_their_order_and_an_unknown_part_makes_the_sum_unknown() -> None:
    request = answer(OPENAI, "embedding", b"").request
    one = Embeddings("m", Usage(input=1, tier="flex"), request, 1.0, 2, vectors=((1.0,),))
    whole = join_embeddings([one, replace(one, vectors=((2.0,),), seconds=None)])
    assert (whole.vectors, whole.seconds, whole.attempts) == (((1.0,), (2.0,)), 1.0, 4)
    assert whole.usage == Usage(input=2, tier="flex") and whole.cost is None
    assert add_usages([Usage(input=1), Usage(output=1)]) == Usage()
    assert add_costs([Decimal(1), None]) is None and add_costs([Decimal(1), Decimal(2)]) == 3
