"""Vectors and scores of whom nobody can say whose they are, or that are no numbers: garbled."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import config

from loki.records import Ask, Draft, Request, Response, Task
from loki.stages import resolve
from loki.stages.parse_vectors import read_scores, read_vectors


def response(client: dict[str, Any], task: Task, texts: int, body: Any) -> Response:
    """An answer to a request about some texts."""
    known = config({**client, "models": [{"name": client.pop("model", "m"), "type": task}]})
    ask = Ask(model=known.clients[0].name, texts=("text",) * texts, query="q")
    target = resolve(known, task)(ask).unwrap()
    request = Request(Draft(target, "https://a.example/", {}, {}), "https://a.example/", {}, b"{}")
    return Response(request, 200, {}, json.dumps(body).encode())


OPENAI = {"type": "openai"}
USAGE = {"prompt_tokens": 4, "total_tokens": 4}


def rows(*places: Any, vectors: Any = ([1, 2], [3, 4], [5, 6])) -> Any:
    """An answer whose rows have these indexes; ``...`` is none."""
    result = [
        {"embedding": vector, **({} if place is ... else {"index": place})}
        for place, vector in zip(places, vectors, strict=False)
    ]
    return {"data": result, "usage": USAGE}


BAD_INDEXES = [(0, 0), (0, -1), (0, "1"), (False, True), (0.0, 1.0), (0, ...), (0, None), (1, 2)]


@pytest.mark.parametrize("places", [*BAD_INDEXES, (0, 10**400), (0, 1, 1)])
def test_vectors_whose_indexes_do_not_count_them_are_garbled(places: Any) -> None:
    problem = read_vectors(response(OPENAI, "embedding", len(places), rows(*places))).failure()
    assert problem.kind == "garbled" and problem.sent and problem.usage
    assert problem.usage.input == 4
    assert "indexes" in problem.message and f"not 0 to {len(places) - 1}" in problem.message


@pytest.mark.parametrize(
    ("places", "first"), [((0, 1), [1, 2]), ((1, 0), [3, 4]), ((..., ...), [1, 2])]
)
def test_vectors_are_put_in_the_order_of_their_indexes(places: Any, first: Any) -> None:
    found = read_vectors(response(OPENAI, "embedding", 2, rows(*places))).unwrap()
    assert list(found.vectors[0]) == first


ODD_VECTORS = [[1, float("nan")], [1, float("inf")], [1, 10**400], [1, True], [1, "2"], [], [1]]


@pytest.mark.parametrize("odd", ODD_VECTORS)
@pytest.mark.parametrize("client", ["openai", "cohere", "gemini"])
def test_vectors_of_other_lengths_or_of_no_numbers_are_garbled(client: str, odd: Any) -> None:
    good = [1, 2]
    bodies = {
        "openai": rows(0, 1, vectors=(good, odd)),
        "cohere": {"embeddings": {"float": [good, odd]}},
        "gemini": {"embeddings": [{"values": good}, {"values": odd}]},
    }
    problem = read_vectors(response({"type": client}, "embedding", 2, bodies[client])).failure()
    assert problem.kind == "garbled" and problem.sent


SCORES = [
    (-1, 0.5), (2, 0.5), ("0", 0.5), (True, 0.5), (0.0, 0.5), (None, 0.5), (10**400, 0.5),
    (0, "0.5"), (0, True), (0, None), (0, float("nan")), (0, float("inf")), (0, 10**400), (1, 0.5),
]  # fmt: skip


@pytest.mark.parametrize(("place", "score"), SCORES)
def test_scores_that_are_of_no_text_or_no_numbers_are_garbled(place: Any, score: Any) -> None:
    result = [{"index": 1, "relevance_score": 0.25}, {"index": place, "relevance_score": score}]
    problem = read_scores(
        response({"type": "cohere"}, "reranker", 2, {"results": result})
    ).failure()
    assert problem.kind == "garbled" and problem.sent


def test_deep_or_long_answers_about_vectors_are_garbled() -> None:
    for body in (b"[" * 100_000, b"9" * 5000):
        answer = response(OPENAI, "embedding", 1, {})
        result = Response(answer.request, 200, {}, body)
        assert read_vectors(result).failure().kind == "garbled"


@pytest.mark.parametrize("expected", ["9" * 5000, "٣", "-1", "1.5", ""])
def test_an_odd_count_in_a_header_is_unknown(expected: str) -> None:
    titan = {"type": "bedrock", "region": "us-east-1", "model": "cohere.embed-english-v3"}
    answer = response(titan, "embedding", 1, {"embeddings": {"float": [[1, 2]]}})
    headers = {"x-amzn-bedrock-input-token-count": expected}
    found = read_vectors(Response(answer.request, 200, headers, answer.body)).unwrap()
    assert found.usage.input is None
