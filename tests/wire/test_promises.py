"""Four promises of every wire, kept by its fixtures: drafts, readings, any cut, and garbage.

A fixture is an exchange of our own making: ``client`` and ``ask`` draft ``request`` (headers: at
least these); ``answer`` reads as ``reply`` (fields: at least these) or as ``problem``.
"""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Result, Success
from support import auth_context, cut, stream_pieces

from loki.cli.describe import reply_json
from loki.config.build_config import build_config
from loki.edge.auth.credentials import make_authorize
from loki.edge.files import read_families
from loki.formats.openai_messages import read_messages, read_tools
from loki.pipeline import Env, prepare
from loki.problems import Problem, fail
from loki.records import Ask, Request, Response
from loki.redaction.redactor import Redactor
from loki.replies import Reply
from loki.stages.parse import collect, parse

HERE = Path(__file__).parent / "fixtures"
FIXTURES = {str(f.relative_to(HERE))[:-5]: json.loads(f.read_text()) for f in HERE.glob("*/*.json")}
assert FIXTURES


def with_part(part: str) -> list[Any]:
    """The fixtures that have a part."""
    return [pytest.param(f, id=name) for name, f in sorted(FIXTURES.items()) if part in f]


def nowhere(request: Request) -> Result[Any, Problem]:
    """These tests send nothing."""
    return fail("bug", "nothing is sent here")


def drafted(fixture: Any) -> Result[Request, Problem]:
    """The request of a fixture's ask; the time is fixed."""
    plain = {"clients": [fixture["client"]]}
    config = build_config(plain, "config.yaml", {}, families=read_families())
    env = config.map(
        lambda known: Env(
            known,
            make_authorize(auth_context({"AWS_EC2_METADATA_DISABLED": "true"})),
            nowhere,
            nowhere,
            lambda: 1.8e9,
            time.monotonic,
        )
    )
    asked = dict(fixture["ask"])
    asked["messages"] = read_messages(asked["messages"], "fixture").unwrap()
    asked["tools"] = read_tools(asked["tools"], "fixture").unwrap() if "tools" in asked else ()
    asked["stop"] = tuple(asked.get("stop", ()))
    asked.setdefault("stream", False)
    return env.bind(lambda ready: prepare(ready, Ask(**asked)))


@pytest.mark.parametrize("fixture", with_part("request"))
def test_an_ask_is_drafted_in_the_provider_s_words(fixture: Any) -> None:
    expected = fixture["request"]
    request = drafted(fixture).unwrap()
    assert json.loads(request.content) == expected["body"]
    assert request.url == expected["url"]
    assert request.headers.items() >= expected.get("headers", {}).items()


@pytest.mark.parametrize("fixture", with_part("refused"))
def test_what_a_provider_cannot_do_is_said_before_sending(fixture: Any) -> None:
    problem = drafted(fixture).failure()
    assert problem.kind == fixture["refused"]["kind"]
    assert fixture["refused"]["message"] in problem.message
    assert not problem.sent


def answer_of(fixture: Any) -> bytes:
    """The bytes of a fixture's answer."""
    answer = fixture["answer"]
    if "base64" in answer:
        return base64.b64decode(answer["base64"])
    return str(answer["text"]).encode() if "text" in answer else json.dumps(answer["json"]).encode()


def read_pieces(fixture: Any, data: bytes, size: int = 0) -> Result[Reply, Problem]:
    """What an answer says, streamed in pieces of a size if the ask was streamed."""
    request = drafted(fixture).unwrap()
    answer = fixture["answer"]
    status, headers = answer.get("status", 200), answer.get("headers", {})
    if fixture["ask"].get("stream") and status < 400:
        return collect(stream_pieces(request, cut(data, size), **headers))
    return parse(Response(request, status, headers, data))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 7])
@pytest.mark.parametrize("fixture", with_part("answer"))
def test_an_answer_reads_the_same_however_it_is_cut(fixture: Any, size: int) -> None:
    result = read_pieces(fixture, answer_of(fixture), size)
    if "problem" in fixture:
        problem = result.failure()
        found = {name: getattr(problem, name) for name in fixture["problem"]}
        assert found == fixture["problem"]
        return
    found = reply_json(result.unwrap(), Redactor())
    assert {name: found.get(name) for name in fixture["reply"]} == fixture["reply"]


STREAMED = [param for param in with_part("reply") if (param.values[0] or {})["ask"].get("stream")]


@pytest.mark.parametrize("fixture", STREAMED)
def test_an_answer_that_breaks_off_is_never_another_answer(fixture: Any) -> None:
    data = answer_of(fixture)
    for stop in range(len(data)):
        result = read_pieces(fixture, data[:stop])
        if isinstance(result, Success):  # only what follows the proper end may be missing
            reply, whole = result.unwrap(), fixture["reply"]
            assert reply.text == whole["text"] and reply.finish == whole["finish"], stop
        else:
            assert result.failure().kind in ("garbled", "refused"), stop


@pytest.mark.parametrize("fixture", with_part("answer"))
@given(noise=st.binary(max_size=60), place=st.floats(0, 1), whole=st.booleans())
def test_garbage_is_a_problem_and_never_a_crash(
    fixture: Any, noise: bytes, place: float, whole: bool
) -> None:
    data = answer_of(fixture)
    at = int(place * len(data))
    garbled = noise if whole else data[:at] + noise + data[at + len(noise) :]
    result = read_pieces(fixture, garbled)
    if whole:
        assert isinstance(result.failure(), Problem)


@pytest.mark.parametrize("fixture", with_part("answer"))
@pytest.mark.parametrize(
    "odd", [None, [], {}, "text", 7, {"choices": []}, {"choices": [None]}, [[[]]], {"type": "new"}]
)
def test_json_of_another_shape_is_never_a_silent_success(fixture: Any, odd: Any) -> None:
    text = json.dumps(odd).encode()
    streamed = fixture["ask"].get("stream") and fixture["answer"].get("status", 200) < 400
    result = read_pieces(fixture, b"data: " + text + b"\n\n" if streamed else text)
    assert result.failure().message
