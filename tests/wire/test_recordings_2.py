"""The second set of real answers parses to what an independent reader read in the same bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from returns.result import Result
from support import SHARED, body_of, config, cut, request, response, stream_pieces

from loki.config.build_config import build_config
from loki.messages import Message
from loki.problems import Problem, is_curable
from loki.records import Ask, Draft, Request
from loki.replies import Reply, Source
from loki.stages import resolve
from loki.stages.parse import collect, parse
from loki.stages.parse_vectors import read_vectors
from loki.stages.suggest_models import make_suggest

FILES = sorted(SHARED.glob("recordings-2/s-*.json"))
MISSING = pytest.mark.skip(reason="no recorded exchanges: shared/recordings-2 is not there")

#: Providers with a wire of their own; all others speak OpenAI's.
TYPES = {
    "anthropic": {"type": "claude"},
    "gemini": {"type": "gemini"},
    "cohere": {"type": "cohere"},
}

#: Texts that the independent reader did not look for: the words of a sound.
TEXTS = {"s-openai-chat-unary-audio-out-2": "Hello! How can I help you today?"}

#: Free text is an argument of ours; the independent reader took it as it is, or not at all.
CALLS = {
    "s-openai-chat-unary-tooltype-custom-1": [["math_exp", {"input": "4 + 4"}]],
    "s-openai-responses-unary-reasoning-item-2": [["math_exp", {"input": "4 + 4"}]],
}

#: Answers whose whole allowance went into thoughts: they parse, and are no success.
EMPTY = {
    "s-doubleword-chat-stream-reasoning_details-5",
    "s-doubleword-chat-unary-thinking-1",
    "s-mistralrs-chat-unary-thinking-1",
    "s-venice-chat-stream-thinking-1",
    "s-venice-chat-unary-thinking-1",
}


def recorded(streamed: bool | None, failed: bool, *kinds: str) -> list[Any]:
    """Return recordings as parameters; a visible skip where there are none."""
    found = [json.loads(file.read_text()) for file in FILES]
    chosen = [
        pytest.param(each, id=each["id"])
        for each in found
        if each["kind"] in kinds
        and (streamed is None or each["stream"] == streamed)
        and (each["response"]["status"] >= 400) == failed
    ]
    return chosen or [pytest.param(None, id="recordings-2", marks=MISSING)]


def client_of(recording: Any) -> dict[str, Any]:
    """Return a client that speaks as the recording's provider does."""
    if recording["provider"] in TYPES:
        return TYPES[recording["provider"]]
    endpoint = {"endpoint": "responses"} if recording["kind"] == "responses" else {}
    type_ = {"type": "embedding"} if recording["kind"] == "embed" else {}
    model = {"name": "m", **endpoint, **type_}
    own = {"type": "openai", "api_base": "https://a.example", "models": [model]}
    compatible = {**own, "type": "openai-compatible", "name": recording["provider"]}
    return own if recording["kind"] == "responses" else compatible


def counts_of(recording: Any) -> tuple[Any, ...]:
    """Return the whole input and output, then the parts that are read, written and thought."""
    expected = recording["expected"]
    parts = (expected[name] or 0 for name in ("cached_in", "cache_write", "reasoning_tokens"))
    return expected["usage_in"], expected["usage_out"], *parts


def check(reply: Reply, recording: Any) -> None:
    """Compare all that was read independently."""
    expected, id = recording["expected"], recording["id"]
    assert reply.text == (json_text(expected) or TEXTS.get(id, expected["text"]))
    calls = [[call.name, call.arguments] for call in reply.tool_calls]
    assert calls == (CALLS.get(id) or [[n, arguments_of(given)] for n, given in expected["tools"]])
    assert (reply.finish, reply.finish_raw) == (expected["finish"], expected["finish_raw"])
    usage = reply.usage
    parts = (usage.cache_read or 0, usage.cache_write or 0, usage.reasoning or 0)
    assert (usage.input, usage.output, *parts) == counts_of(recording)
    check_thoughts(reply.reasoning, expected["reasoning"])
    check_sources(reply.sources, expected["sources"])


def json_text(expected: Any) -> str:
    """Return the text of an answer that is JSON, as we write it."""
    written = expected.get("text_is_json")
    return json.dumps(json.loads(expected["text"]), ensure_ascii=False) if written else ""


def arguments_of(text: str) -> Any:
    """Return the arguments of a call: nothing and null are none."""
    return json.loads(text or "{}") or {}


def check_thoughts(reasoning: str, expected: str) -> None:
    """Compare thoughts, which were not looked for everywhere, and cut short where they are long."""
    assert reasoning.startswith(expected.removesuffix("..."))


def check_sources(sources: tuple[Source, ...], expected: list[Any]) -> None:
    """Compare sources: each once, however often it was named, and with all that was read of it."""
    assert len(set(sources)) == len(sources)
    for url, title, quote in expected:
        assert any(
            (source.url, title or source.title, quote or source.quote)
            == (url or "", source.title, source.quote)
            for source in sources
        ), (url, title, quote)
    assert {source.url for source in sources} == {url or "" for url, _, _ in expected}


def check_outcome(result: Result[Reply, Problem], recording: Any) -> None:
    """Compare an answer; of one that is empty what it cost."""
    if recording["id"] not in EMPTY:
        check(result.unwrap(), recording)
        return
    problem = result.failure()
    assert (problem.kind, problem.sent) == ("input", True)
    assert problem.usage is not None
    prompt, output, *_ = counts_of(recording)
    assert (problem.usage.input, problem.usage.output) == (prompt, output)


@pytest.mark.parametrize("recording", recorded(False, False, "chat", "responses"))
def test_whole_answers_say_what_was_recorded(recording: Any) -> None:
    asked = request(client_of(recording))
    check_outcome(parse(response(asked, 200, body_of(recording))), recording)


@pytest.mark.parametrize("label", ["application/json", "text/event-stream"])
@pytest.mark.parametrize("recording", recorded(True, False, "chat", "responses"))
def test_streams_say_what_was_recorded_whatever_they_are_labelled(
    recording: Any, label: str
) -> None:
    asked = request(client_of(recording), stream=True)
    headers = {"content-type": label}
    check_outcome(collect(stream_pieces(asked, cut(body_of(recording), 0), **headers)), recording)


#: Bytes of a stream up to which it is cut at every one; a larger one is cut at so many places.
PLACES = 400


@pytest.mark.parametrize("recording", recorded(True, False, "chat", "responses"))
def test_streams_say_the_same_wherever_they_are_cut(recording: Any) -> None:
    asked, data = request(client_of(recording), stream=True), body_of(recording)
    whole = outcome(asked, [data])
    assert outcome(asked, cut(data, 1)) == whole
    for place in range(1, len(data), max(1, len(data) // PLACES)):
        assert outcome(asked, [data[:place], data[place:]]) == whole, place


def outcome(asked: Request, pieces: list[bytes]) -> Any:
    """Return all of an answer, or of the Problem instead."""
    result = collect(stream_pieces(asked, pieces))
    return result.value_or(None) or result.failure()


@pytest.mark.parametrize("recording", recorded(False, False, "chat", "responses"))
def test_a_server_that_does_not_stream_is_understood(recording: Any) -> None:
    asked = request(client_of(recording), stream=True)
    headers = {"content-type": "application/json; charset=utf-8"}
    pieces = [b" \n", *cut(body_of(recording), 100)]
    check_outcome(collect(stream_pieces(asked, pieces, **headers)), recording)


@pytest.mark.parametrize("recording", recorded(None, True, "chat", "embed"))
def test_a_model_that_the_provider_does_not_know_is_named_with_its_nearest(recording: Any) -> None:
    name = recording["request"]["body"]["model"]
    listed = CATALOGUE % json.dumps(f"{name}2")
    known = build_config({"clients": [{"type": "openai"}]}, "c.yaml", {}, listed).unwrap()
    asked = resolve(known)(Ask((Message("user", "Hi"),), model=f"openai:{name}")).unwrap()
    sent = Request(Draft(asked, URL, {}, {}), URL, {}, b"{}")
    answered = response(sent, recording["response"]["status"], body_of(recording))
    problem = make_suggest(known)(sent)(parse(answered).failure())
    assert problem.message.endswith(f"; did you mean '{name}2'?")
    assert problem.kind == "config" and is_curable(problem)


URL = "https://a.example"
CATALOGUE = '{\n"clients": {\n"openai": {\n%s: {"type": "chat"}\n}\n}\n}\n'


@pytest.mark.parametrize("recording", recorded(None, False, "embed"))
def test_vectors_are_those_that_were_recorded(recording: Any) -> None:
    expected = recording["expected"]
    count, length = expected["vectors"]
    client, ask = client_of(recording), Ask(texts=("a",) * count, model=recording["provider"])
    drafted = Draft(resolve(config(client), "embedding")(ask).unwrap(), URL, {}, {})
    answered = response(Request(drafted, URL, {}, b"{}"), 200, body_of(recording))
    found = read_vectors(answered).unwrap()
    assert [len(vector) for vector in found.vectors] == [length] * count
    for vector, head in zip(found.vectors, expected["vector_heads"], strict=True):
        assert [*vector[: len(head)]] == pytest.approx(head, rel=1e-5)
    assert found.usage.input == expected["usage_in"]
