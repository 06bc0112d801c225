"""Every reranking wire, by its fixtures: drafts, readings, refusals, garbage; and recordings.

A fixture is an exchange of our own making: ``client`` and ``ask`` draft ``request`` (headers: at
least these) or are ``refused``; ``answer`` reads as ``ranking`` (usage: at least this) or as
``problem``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Result, Success
from support import SHARED, auth_context, body_of

from loki.config.build_config import build_config
from loki.edge.auth.credentials import make_authorize
from loki.pipeline import Env, prepare, rerank
from loki.problems import Problem, fail
from loki.records import Ask, Request, Response
from loki.replies import Ranking, Scores
from loki.stages.account import Entry
from loki.wire import RERANK
from loki.wire import rerank_wire as wire

HERE = Path(__file__).parent / "fixtures"
FIXTURES = {file.stem: json.loads(file.read_text()) for file in sorted(HERE.glob("*.json"))}
CATALOGUE = (Path(__file__).parents[3] / "loki/data/models.json").read_text()


def with_part(part: str) -> list[Any]:
    """The fixtures that have a part."""
    return [pytest.param(f, id=name) for name, f in FIXTURES.items() if part in f]


def nowhere(request: Request) -> Result[Any, Problem]:
    """These tests send nothing."""
    return fail("bug", "nothing is sent here")


def env_of(
    client: Any, send: Callable[[Request], Result[Response, Problem]] = nowhere, **more: Any
) -> Env:
    """A world in which nothing but a client is configured, and the time is fixed."""
    config = build_config({"clients": [client]}, "config.yaml", {}, CATALOGUE).unwrap()
    return Env(
        config, make_authorize(auth_context({})), send, nowhere, lambda: 1.8e9, float, **more
    )


def ask_of(fixture: Any) -> Ask:
    """What a fixture asks."""
    asked = dict(fixture["ask"])
    return Ask(**{**asked, "texts": tuple(asked["texts"])})


def drafted(fixture: Any) -> Result[Request, Problem]:
    """The request of a fixture."""
    return prepare(env_of(fixture["client"]), ask_of(fixture), "reranker")


def answering(body: bytes) -> Callable[[Request], Result[Response, Problem]]:
    """A server with one answer."""
    return lambda request: Success(Response(request, 200, {}, body))


@pytest.mark.parametrize("fixture", with_part("request"))
def test_an_ask_is_drafted_in_the_provider_s_words(fixture: Any) -> None:
    expected = fixture["request"]
    request = drafted(fixture).unwrap()
    assert json.loads(request.content) == expected["body"]
    assert request.url == expected["url"]
    assert request.headers.items() >= expected.get("headers", {}).items()
    assert expected.get("signed", "") in request.headers.get("Authorization", "")


@pytest.mark.parametrize("fixture", with_part("refused"))
def test_what_a_provider_cannot_do_is_said_before_sending(fixture: Any) -> None:
    problem = drafted(fixture).failure()
    assert (problem.kind, problem.message) == tuple(fixture["refused"].values())
    assert not problem.sent


@pytest.mark.parametrize("fixture", with_part("ranking"))
def test_an_answer_reads_as_it_says(fixture: Any) -> None:
    noted: list[Entry] = []
    send = answering(json.dumps(fixture["answer"]).encode())
    ranking = rerank(env_of(fixture["client"], send, record=noted.append), ask_of(fixture)).unwrap()
    expected = fixture["ranking"]
    assert [list(score) for score in ranking.scores] == expected["scores"]
    for name, count in expected.get("usage", {}).items():
        assert getattr(ranking.usage, name) == count, name
    assert [(entry.outcome, entry.task, entry.usage) for entry in noted] == [
        ("ok", "reranker", ranking.usage)
    ]


@pytest.mark.parametrize("fixture", with_part("problem"))
def test_a_wrong_answer_is_a_problem(fixture: Any) -> None:
    noted: list[Entry] = []
    send = answering(json.dumps(fixture["answer"]).encode())
    env = env_of(fixture["client"], send, record=noted.append)
    problem = rerank(env, ask_of(fixture)).failure()
    assert problem.kind == fixture["problem"]["kind"] and problem.sent
    assert problem.message.startswith(fixture["problem"]["message"])
    assert [entry.outcome for entry in noted] == [problem.kind]


@pytest.mark.parametrize("score", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_score_that_cannot_be_compared_is_garbled(score: str) -> None:
    body = f'{{"results": [{{"index": 0, "relevance_score": {score}}}]}}'.encode()
    ask = Ask(model="own:m", query="q", texts=("a",))
    problem = rerank(env_of(FIXTURES["jina"]["client"] | {"name": "own", "api_base": "http://a"},
                            answering(body)), ask).failure()  # fmt: skip
    assert problem.kind == "garbled"


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"null", b"[" * 9000])
def test_what_is_not_json_is_garbled(body: bytes) -> None:
    fixture = FIXTURES["cohere"]
    problem = rerank(env_of(fixture["client"], answering(body)), ask_of(fixture)).failure()
    assert problem.kind == "garbled" and problem.sent


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["results", "data", "records", "index", "id", "score", "relevance_score", "meta",
             "relevanceScore", "usage", "billed_units", "tokens", "total_tokens", "search_units"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@pytest.mark.parametrize("name", RERANK)
@given(body=JSON)
def test_garbage_is_a_problem_and_never_a_crash(name: str, body: Any) -> None:
    found = wire(name).read(body)
    if isinstance(found, Success):
        assert isinstance(found.unwrap(), Scores)
    else:
        assert found.failure().kind == "garbled" and found.failure().sent


def test_every_wire_has_a_fixture_that_drafts_and_one_that_reads() -> None:
    from loki.providers import route_of

    for part in ("request", "ranking"):
        targets = [drafted(f).unwrap().draft.target for f in FIXTURES.values() if part in f]
        routes = [(route_of(target), target) for target in targets]
        assert {route.wire(target) for route, target in routes if route} == set(RERANK)


# ---- many documents -----------------------------------------------------------------------------


def scoring(request: Request) -> Result[Response, Problem]:
    """A server whose scores are the numbers that the documents are."""
    body = json.loads(request.content)
    scores = [float(text) for text in body["documents"]]
    rows = [{"index": i, "relevance_score": score} for i, score in enumerate(scores)]
    best = sorted(rows, key=lambda row: (-row["relevance_score"], -row["index"]))
    result = {"results": best[: body.get("top_n", len(best))], "usage": {"total_tokens": len(best)}}
    return answering(json.dumps(result).encode())(request)


@given(
    numbers=st.lists(st.integers(0, 5), min_size=1, max_size=12),
    size=st.integers(1, 13),
    top=st.none() | st.integers(1, 15),
)
def test_several_requests_rank_as_one_would(numbers: list[int], size: int, top: int | None) -> None:
    sent: list[int] = []

    def send(request: Request) -> Result[Response, Problem]:
        sent.append(len(json.loads(request.content)["documents"]))
        return scoring(request)

    client = {
        "type": "openai-compatible",
        "name": "own",
        "api_base": "http://localhost",
        "models": [{"name": "m", "type": "reranker", "max_batch_size": size, "input_price": 1.0}],
    }
    noted: list[Entry] = []
    ask = Ask(model="own:m", query="q", texts=tuple(map(str, numbers)), top=top)
    ranking: Ranking = rerank(env_of(client, send, record=noted.append), ask).unwrap()
    best = [number for _, number in ranking.scores]
    assert best == sorted(numbers, reverse=True)[:top]
    assert [numbers[place] for place, _ in ranking.scores] == best
    if top is None:  # ties keep their order
        assert list(ranking.scores) == sorted(
            ranking.scores, key=lambda s: (-s.score, s.text_index)
        )
        assert sorted(place for place, _ in ranking.scores) == list(range(len(numbers)))
    assert sum(sent) == ranking.usage.input == len(numbers) and max(sent) <= size
    assert len(noted) == len(sent) and ranking.cost == sum(entry.cost or 0 for entry in noted)


@pytest.mark.parametrize(
    ("name", "most"), [("cohere", 1000), ("voyage", 1000), ("ernie", 64), ("vertexai", 200)]
)
def test_providers_are_not_sent_more_documents_than_they_take(name: str, most: int) -> None:
    sent: list[int] = []

    def send(request: Request) -> Result[Response, Problem]:
        body = json.loads(request.content)
        count = len(body.get("documents") or body["records"])
        sent.append(count)
        key, score = ("id", "score") if "records" in body else ("index", "relevance_score")
        rows = [{key: str(i) if key == "id" else i, score: 0} for i in range(count)]
        result = json.dumps({"records": rows} if key == "id" else {"results": rows})
        return answering(result.encode())(request)

    fixture = FIXTURES[name]
    ask = Ask(model=fixture["ask"]["model"], query="q", texts=("a",) * (2 * most + 1))
    ranking = rerank(env_of(fixture["client"], send), ask).unwrap()
    assert sent == [most, most, 1]
    assert [place for place, _ in ranking.scores] == list(range(2 * most + 1))


def test_a_patch_may_ask_for_fewer() -> None:
    from loki.records import Patch

    body = json.dumps({"results": [{"index": 2, "relevance_score": 0.5}]}).encode()
    env = env_of(FIXTURES["cohere"]["client"], answering(body), patches=(Patch(body={"top_n": 1}),))
    ask = Ask(model="cohere:rerank-v3.5", query="q", texts=("a", "b", "c"))
    assert rerank(env, ask).unwrap().scores == ((2, 0.5),)


# ---- recordings ---------------------------------------------------------------------------------

#: Which of our clients speaks to the provider of a recording.
CLIENTS: dict[str, dict[str, Any]] = {
    "cohere": {"type": "cohere", "api_key": "k"},
    "voyage": {"type": "openai-compatible", "name": "voyageai"},
    "openrouter": {"type": "openai-compatible", "name": "openrouter"},
}
#: What another client sends of its own accord, though it is the provider's default.
DEFAULTS = ("truncation",)


def recordings() -> list[Any]:
    """The recorded rankings, as parameters; a visible skip where there are none."""
    found = [json.loads(file.read_text()) for file in sorted(SHARED.glob("recordings/*rerank*"))]
    missing = pytest.mark.skip(reason="no recorded exchanges: shared/recordings is not there")
    return [pytest.param(each, id=each["id"]) for each in found] or [
        pytest.param(None, id="recordings", marks=missing)
    ]


def recorded_ask(recording: Any) -> Ask:
    """What was asked; of a recording without its request, what its answer needs."""
    client = CLIENTS[recording["provider"]]
    asked = recording["request"]["body"] or {"query": "q", "documents": ["a", "b"], "model": "m"}
    name = client.get("name", client["type"])
    top = asked.get("top_k", asked.get("top_n"))
    texts = tuple(asked["documents"])
    return Ask(model=f"{name}:{asked['model']}", query=asked["query"], texts=texts, top=top)


def recorded_env(recording: Any) -> Env:
    """A world in which the recorded answer comes; any model's name will do."""
    ask = recorded_ask(recording)
    _, _, model = str(ask.model).partition(":")
    client = CLIENTS[recording["provider"]]
    listed = {**client, "api_key": "k", "models": [{"name": model, "type": "reranker"}]}
    return env_of(listed, answering(body_of(recording)))


@pytest.mark.parametrize("recording", recordings())
def test_recorded_rankings_read_as_they_say(recording: Any) -> None:
    ranking = rerank(recorded_env(recording), recorded_ask(recording)).unwrap()
    parsed = json.loads(body_of(recording))
    rows = parsed.get("results") or parsed["data"]
    assert list(ranking.scores) == [(row["index"], row["relevance_score"]) for row in rows]
    order = ",".join(str(place) for place, _ in ranking.scores)
    assert f"order {order}" == recording["expected"]["text"]
    assert ranking.usage.input == parsed.get("usage", {}).get("total_tokens")
    assert ranking.usage.searches == (recording["expected"]["billed"] or {}).get("search_units")
    cost = parsed.get("usage", {}).get("cost")  # which OpenRouter tells
    assert ranking.usage.told_cost == (None if cost is None else Decimal(str(cost)))


@pytest.mark.parametrize("recording", recordings())
def test_recorded_requests_are_drafted_the_same(recording: Any) -> None:
    request = prepare(recorded_env(recording), recorded_ask(recording), "reranker").unwrap()
    assert request.url == recording["request"]["url"]
    body = recording["request"]["body"]
    if body:
        kept = {name: value for name, value in body.items() if name not in DEFAULTS}
        assert json.loads(request.content) == kept
