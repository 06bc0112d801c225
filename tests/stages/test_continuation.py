"""An answer that its provider paused goes on: one call, one reply, all of it paid for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from returns.result import Failure, Result, Success
from support import config

from loki.messages import Message, Text
from loki.pipeline import Env, answer, stream
from loki.problems import Problem, fail
from loki.records import Ask, Request, Response
from loki.replies import Done, OpenResponse, Reply
from loki.stages.account import Entry
from loki.stages.continuation import MAX_PAUSES
from loki.stages.parse import collect

CLIENT = {"type": "claude", "models": [{"name": "m", "input_price": 1, "output_price": 1}]}
SEARCH = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "a"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
USAGE = {"input_tokens": 10, "output_tokens": 5}
CITED = {"type": "web_search_result_location", "url": "https://a.example", "cited_text": "A."}
PAUSED = [{"type": "text", "text": "Hm. ", "citations": [CITED]}, SEARCH, FOUND]
ENDED = [{"type": "text", "text": "Yes.", "citations": [CITED]}]


def message(blocks: list[Any], stop: str) -> bytes:
    """Return a whole message."""
    body = {"type": "message", "content": blocks, "stop_reason": stop, "usage": USAGE}
    return json.dumps(body).encode()


def events(blocks: list[Any], stop: str) -> bytes:
    """Return the same message as a stream."""
    result: list[Any] = [{"type": "message_start", "message": {"usage": {"input_tokens": 10}}}]
    for index, block in enumerate(blocks):
        start, deltas = dict(block), []
        if block["type"] == "text":
            start = {"type": "text", "text": "", "citations": []}
            cited = [{"type": "citations_delta", "citation": each} for each in block["citations"]]
            words = [{"type": "text_delta", "text": letter} for letter in block["text"]]
            deltas = [*cited, *words]
        if block["type"] == "server_tool_use":
            start = {**block, "input": {}}
            text = json.dumps(block["input"])
            pieces = (text[:3], text[3:])
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        result.append({"type": "content_block_start", "index": index, "content_block": start})
        result += [
            {"type": "content_block_delta", "index": index, "delta": each} for each in deltas
        ]
        result.append({"type": "content_block_stop", "index": index})
    result.append({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": USAGE})
    result.append({"type": "message_stop"})
    return b"".join(b"data: %s\n\n" % json.dumps(each).encode() for each in result)


Turn = tuple[list[Any], str]
PAUSE: Turn = (PAUSED, "pause_turn")
END: Turn = (ENDED, "end_turn")


class Provider:
    """A provider that answers with one turn after the other, the last one for ever."""

    def __init__(self, *turns: Turn | Problem) -> None:
        self.turns = turns
        self.asked: list[Any] = []
        self.entries: list[Entry] = []

    def answer(self, request: Request) -> Result[bytes, Problem]:
        """Return the bytes of the next turn."""
        turn = self.turns[min(len(self.asked), len(self.turns) - 1)]
        self.asked.append(json.loads(request.content))
        form = events if request.target.ask.stream else message
        return Failure(turn) if isinstance(turn, Problem) else Success(form(*turn))

    def send(self, request: Request) -> Result[Response, Problem]:
        """Return the next turn in one piece."""
        return self.answer(request).map(lambda body: Response(request, 200, {}, body, seconds=1.0))

    def open(self, request: Request) -> Result[OpenResponse, Problem]:
        """Return the next turn as it comes."""

        def opened(body: bytes) -> OpenResponse:
            chunks: Iterator[Result[bytes, Problem]] = iter([Success(body)])
            return OpenResponse(request, 200, {}, chunks, lambda: None, started=0.0)

        return self.answer(request).map(opened)

    def env(self) -> Env:
        """Return an Env that asks this provider."""
        return Env(
            config(CLIENT),
            Success,
            self.send,
            self.open,
            lambda: 1.8e9,
            lambda: 1.0,
            record=self.entries.append,
        )


ASK = Ask((Message("user", "Hi"),), model="claude:m")


def whole(env: Env) -> Result[Reply, Problem]:
    """Return the reply to an ask in one piece."""
    return answer(env, ASK)


def streamed(env: Env) -> Result[Reply, Problem]:
    """Return the reply to an ask as it comes."""
    return stream(env, ASK).bind(collect)


WAYS = pytest.mark.parametrize("way", [whole, streamed])
Way = Callable[[Env], Result[Reply, Problem]]


@WAYS
@pytest.mark.parametrize("pauses", [0, 1, 3])
def test_a_paused_answer_goes_on_as_one(way: Way, pauses: int) -> None:
    provider = Provider(*[PAUSE] * pauses, END)
    reply = way(provider.env()).unwrap()
    assert reply.text == "Hm. " * pauses + "Yes." and reply.finish == "stop"
    assert [source.url for source in reply.sources] == ["https://a.example"]
    calls = pauses + 1
    usage = reply.usage
    assert (usage.input, usage.output) == (10 * calls, 5 * calls)
    assert reply.cost == Decimal("0.000015") * calls
    assert reply.attempts == calls and not reply.pause
    (entry,) = provider.entries
    assert (entry.usage, entry.cost, entry.outcome) == (usage, reply.cost, "ok")


@WAYS
def test_the_paused_turn_goes_back_as_it_came(way: Way) -> None:
    provider = Provider(PAUSE, PAUSE, END)
    way(provider.env()).unwrap()
    turn = {"role": "assistant", "content": PAUSED}
    asked = {"role": "user", "content": "Hi"}
    assert [each["messages"] for each in provider.asked] == [
        [asked],
        [asked, turn],
        [asked, turn, turn],
    ]


@WAYS
def test_a_provider_that_pauses_for_ever_is_left_with_what_there_is(way: Way) -> None:
    provider = Provider(PAUSE)
    reply = way(provider.env()).unwrap()
    assert len(provider.asked) == MAX_PAUSES + 1
    assert (reply.finish, reply.finish_raw) == ("other", "pause_turn")
    assert reply.text == "Hm. " * len(provider.asked)


@WAYS
def test_what_was_paid_before_a_failure_is_counted(way: Way) -> None:
    provider = Provider(PAUSE, Problem("busy", "Later.", status=529, sent=True, retryable=True))
    problem = way(provider.env()).failure()
    assert (problem.kind, problem.message, problem.retryable) == ("busy", "Later.", False)
    assert problem.usage is not None and problem.usage.input == 10
    (entry,) = provider.entries
    assert (entry.usage, entry.cost) == (problem.usage, Decimal("0.000015"))


def test_the_words_come_before_the_answer_goes_on() -> None:
    provider = Provider(PAUSE, END)
    result = [event.unwrap() for event in stream(provider.env(), ASK).unwrap()]
    assert [event.text for event in result if isinstance(event, Text)] == ["Hm. ", "Yes."]
    assert isinstance(result[-1], Done) and not any(isinstance(e, Done) for e in result[:-1])


def test_a_part_that_the_budget_forbids_is_not_asked_for() -> None:
    from dataclasses import replace

    provider = Provider(PAUSE, END)

    def afford(request: Request) -> Result[Request, Problem]:
        return fail("budget", "no more") if provider.asked else Success(request)

    problem = whole(replace(provider.env(), check_budget=afford)).failure()
    assert problem.kind == "budget" and len(provider.asked) == 1
