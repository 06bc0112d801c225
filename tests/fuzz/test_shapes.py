"""Answers shaped like real ones, with odd things in odd places: a Success or a Problem, always."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from frames import CLIENTS
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from returns.result import Success
from shapes import COMMON, COUNTS, OPENAI_ROWS, SCORES, STREAMS, VECTORS, WHOLE
from support import config, request, stream_pieces

from loki.cli.describe import reply_json
from loki.json_text import compact
from loki.problems import EXIT_CODES, Problem
from loki.records import Ask, Draft, Request, Response, Task
from loki.redaction.redactor import Redactor
from loki.stages import resolve
from loki.stages.account import account
from loki.stages.parse import collect, parse
from loki.stages.parse_vectors import read_scores, read_vectors
from loki.wire import EMBED, RERANK, chat_wire, embed_wire, rerank_wire
from loki.wire.provider_json import parse_json

ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        None, True, False, 0, -1, 1.5, 1e300, float("nan"), float("inf"), 10**400, -(10**30), "",
        "x", "\ud800", "\0", "{}", "[", "9" * 400, [], [None], [5], ["x"], {}, {"a": 1}, [[]],
        [{}], {"text": 5}, {"type": "text"}, "@150@", "@190@", "@400@", "@900@",
        "@950@",
    ]
)  # fmt: skip


def spots(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON value: what it is in, and by which key."""
    rows = value.items() if isinstance(value, dict) else enumerate(value)
    here = [(value, key) for key, _ in rows]
    inner = value.values() if isinstance(value, dict) else value
    return here + [spot for each in inner if isinstance(each, (dict, list)) for spot in spots(each)]


#: Changes of an answer: at which of its places, and what to put there; ``...`` takes it out.
CHANGES = st.lists(st.tuples(st.integers(0, 200), ODD | st.just(...)), min_size=1, max_size=3)


def changed(answer: Any, changes: list[tuple[int, Any]]) -> Any:
    """An answer with some changes."""
    inside = [deepcopy(answer)]
    for number, odd in changes:
        places = spots(inside)
        if not places:
            break
        holder, key = places[number % len(places)]
        if odd is ...:
            del holder[key]
        else:
            holder[key] = deepcopy(odd)
    return inside[0] if inside else None


def holds(result: Any) -> None:
    """A reply can be told and says something; a problem has a kind and words."""
    if isinstance(result, Success):
        reply = account(result.unwrap())
        assert reply.text or reply.tool_calls
        compact(reply_json(reply, Redactor())).encode("utf-8", "replace")
        for name in ("input", "output", "cache_read", "cache_write", "reasoning"):
            count = getattr(reply.usage, name)
            assert count is None or 0 <= count < 2**40
        assert reply.cost is None or 0 <= reply.cost < 10**6
        assert reply.usage.tier is None or reply.usage.tier.encode()
    else:
        problem = result.failure()
        assert isinstance(problem, Problem)
        assert problem.kind in EXIT_CODES and problem.message


PATIENT = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@cache
def asking(wire: str, stream: bool = False) -> Request:
    """Some request on a wire."""
    return request(CLIENTS[wire], stream=stream)


def encoded(value: Any) -> bytes:
    """JSON as a server that cares for nothing writes it; "@9@" stands for nine nested lists."""
    text = json.dumps(value)
    return re.sub(r'"@([0-9]+)@"', lambda m: "[" * int(m[1]) + "]" * int(m[1]), text).encode()


def parsed(value: Any) -> Any:
    """The same as a wire is given it, None where it is too deep to be given at all."""
    try:
        return parse_json(encoded(value).decode())
    except (ValueError, RecursionError):
        return None


@pytest.mark.parametrize("wire", CLIENTS)
@given(changes=CHANGES)
@PATIENT
@example(changes=[(0, "@900@")])
def test_a_changed_whole_answer_is_read_or_refused(wire: str, changes: Any) -> None:
    body = changed(WHOLE[wire], changes)
    holds(parse(Response(asking(wire), 200, {}, encoded(body))))


@pytest.mark.parametrize("wire", CLIENTS)
@given(changes=CHANGES)
@PATIENT
def test_a_changed_stream_is_read_or_refused(wire: str, changes: Any) -> None:
    events = changed(STREAMS[wire], changes)
    rows = events if isinstance(events, list) else [events]
    if wire == "converse":  # its frames are Amazon's: what stands in them is read one by one
        decoder = chat_wire(wire).decoder()
        for event in rows:
            assert isinstance(decoder.read_event(parsed(event)), tuple)
        return
    asked = asking(wire, True)
    holds(collect(stream_pieces(asked, [b"data: %s\n\n" % encoded(event) for event in rows])))


#: The first event of a stream that says that the answer is over.
ENDING = {"openai": 2, "responses": 5, "claude": 6, "gemini": 1, "cohere": 3}


@pytest.mark.parametrize("wire", ENDING)
@given(
    cut=st.floats(0, 1),
    tail=st.sampled_from(
        [b"", b"\n", b"\r", b"\n\n", b"data", b"data: ", b": c\n\n", b"\xff", b"}"]
    ),
    deep=st.sampled_from([0, 0, 150, 250, 5000]),
)
@PATIENT
@example(cut=0.5, tail=b"", deep=5000)
def test_a_stream_that_breaks_off_is_no_answer(
    wire: str, cut: float, tail: bytes, deep: int
) -> None:
    frames = [b"data: %s\n\n" % encoded(event) for event in STREAMS[wire]]
    data = b"".join(frames)
    at = int(cut * len(data))
    unfinished = b'data: {"a": ' + b"[" * deep if deep else b""
    result = collect(stream_pieces(asking(wire, True), [data[:at] + tail, unfinished]))
    holds(result)
    if at < len(b"".join(frames[: ENDING[wire]])):
        assert not isinstance(result, Success)


#: Where an answer of each wire has its counts.
COUNTED = ("usage", "usageMetadata")
NUMBERS: st.SearchStrategy[Any] = ODD | st.integers() | st.floats() | st.integers(10**8, 10**12)


@pytest.mark.parametrize("wire", CLIENTS)
@given(changes=st.lists(st.tuples(st.integers(0, 50), NUMBERS), min_size=1, max_size=4))
@PATIENT
@example(changes=[(0, 10**300), (1, 1e300), (2, 10**400), (3, float("inf"))])
def test_odd_counts_are_unknown_and_never_money(wire: str, changes: Any) -> None:
    body = deepcopy(WHOLE[wire])
    for number, odd in changes:
        places = [place for name in COUNTED if name in body for place in spots(body[name])]
        if places:
            holder, key = places[number % len(places)]
            holder[key] = deepcopy(odd)
    holds(parse(Response(asking(wire), 200, {}, encoded(body))))


def measured(task: Task, body: Any) -> Response:
    """An answer about two texts."""
    return Response(measuring(task), 200, {}, encoded(body))


@cache
def measuring(task: Task) -> Request:
    """A request about two texts."""
    known = config({"type": "cohere", "models": [{"name": "m", "type": task}]})
    target = resolve(known, task)(Ask(model="cohere:m", texts=("a", "b"), query="q")).unwrap()
    return Request(Draft(target, "https://a.example/", {}, {}), "https://a.example/", {}, b"{}")


@pytest.mark.parametrize("wire", EMBED)
@given(changes=CHANGES)
@PATIENT
def test_changed_vectors_are_read_or_refused(wire: str, changes: Any) -> None:
    body = changed(VECTORS.get(wire, {**OPENAI_ROWS, "usage": COUNTS}), changes)
    result = embed_wire(wire).read(parsed(body))
    if isinstance(result, Success):
        assert len({*map(len, result.unwrap().vectors)}) <= 1
    else:
        assert result.failure().kind in EXIT_CODES
    read = read_vectors(measured("embedding", body))
    assert isinstance(read, Success) or read.failure().kind in EXIT_CODES


@pytest.mark.parametrize("wire", RERANK)
@given(changes=CHANGES)
@PATIENT
@example(changes=[(4, 10**400)])
def test_changed_scores_are_read_or_refused(wire: str, changes: Any) -> None:
    body = changed(SCORES.get(wire, COMMON), changes)
    result = rerank_wire(wire).read(parsed(body))
    if isinstance(result, Success):
        places = [score.text_index for score in result.unwrap().scores]
        assert all(type(place) is int for place in places)
    else:
        assert result.failure().kind in EXIT_CODES
    ranking = read_scores(measured("reranker", body))
    if isinstance(ranking, Success):
        assert {score.text_index for score in ranking.unwrap().scores} <= {0, 1}
