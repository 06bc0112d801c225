"""A loop of tools in Python: functions are called, and their results asked with, to the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from returns.result import Result, Success
from servers import reply as text_answer
from support import body_of, client_of, config, recordings
from wires import WIRES

import loki
from loki.formats.tool_results import call_functions
from loki.messages import Message, Tool
from loki.pipeline import Env
from loki.problems import Problem, fail
from loki.providers import wire_name
from loki.records import Ask, Patch, Request, Response
from loki.replies import OpenResponse, Reply
from loki.stages.account import Entry
from loki.tool_use import converse, iterate_steps, sum_replies

MODEL = {
    "name": "m",
    "input_price": 1,
    "output_price": 1,
    "max_output_tokens": 100,
    "supports_function_calling": True,
}
CLIENT = {"type": "openai-compatible", "name": "local", "api_base": "http://a", "models": [MODEL]}
WEATHER = Tool(
    "weather",
    "",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
ASK = Ask((Message("user", "Rome?"),), model="local:m", tools=(WEATHER,))


def calling(
    *calls: tuple[str, str, str], text: str | None = None, finish: str = "tool_calls"
) -> Any:
    """An answer with calls: id, name, arguments."""
    listed = [
        {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
        for id, name, arguments in calls
    ]
    message = {"role": "assistant", "content": text, "tool_calls": listed}
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    return {"choices": [{"message": message, "finish_reason": finish}], "usage": usage}


ROME = calling(("c1", "weather", '{"city":"Rome"}'))


class Served:
    """An Env whose server gives these answers, and what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = iter(answers)
        self.asked: list[Any] = []
        self.entries: list[Entry] = []

    def send(self, request: Request) -> Result[Response, Problem]:
        self.asked.append(json.loads(request.content))
        answer = next(self.answers)
        if isinstance(answer, Problem):
            return fail(answer.kind, answer.message, sent=answer.sent, status=answer.status)
        return Success(Response(request, 200, {}, json.dumps(answer).encode(), seconds=1.0))

    def env(self) -> Env:
        return Env(
            config=config(CLIENT),
            authorize=Success,
            send=self.send,
            open=lambda request: fail("bug", "not here"),
            now=lambda: 0.0,
            clock=lambda: 0.0,
            record=self.entries.append,
        )


def test_it_is_a_name_of_loki() -> None:
    assert loki.converse is converse


def test_a_function_is_called_and_its_result_asked_with() -> None:
    served, seen = Served(ROME, text_answer("22 degrees.")), list[str]()

    def weather(city: str) -> Any:
        seen.append(city)
        return {"degrees": 22}

    found = converse(served.env(), ASK, {"weather": weather}).unwrap()
    assert seen == ["Rome"] and found.reply.text == "22 degrees."
    assert [turn.role for turn in found.messages] == ["user", "assistant", "tool", "assistant"]
    assert served.asked[1]["messages"][1:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city": "Rome"}'},
                }
            ],
        },
        {"role": "tool", "content": '{"degrees":22}', "tool_call_id": "c1"},
    ]
    assert len(served.entries) == 2 and found.cost == Decimal("0.00003")


def test_a_tool_without_a_function_is_a_problem_before_anything_is_sent() -> None:
    served = Served()
    problem = converse(served.env(), ASK, {}).failure()
    assert (problem.kind, problem.message, served.asked) == (
        "usage",
        "no function for weather of ask.tools: give one for every Tool",
        [],
    )


def raising(error: Exception) -> Callable[..., Any]:
    def function(**arguments: Any) -> Any:
        raise error

    return function


@pytest.mark.parametrize(
    ("call", "function", "expected"),
    [
        (
            ("c1", "weather", '{"city":"Rome"}'),
            raising(ValueError("no such city")),
            "ValueError: no",
        ),
        (("c1", "weather", '{"city":"Rome"}'), lambda city: {1, 2}, "TypeError: "),
        (
            ("c1", "weather", '{"city":5}'),
            lambda city: "ok",
            "break the schema of weather at $.city",
        ),
        (("c1", "weather", "{}"), lambda city: "ok", "'city' is a required property"),
        (("c1", "wether", "{}"), lambda city: "ok", "no tool 'wether'; did you mean 'weather'?"),
    ],
)
def test_what_goes_wrong_is_for_the_model_to_mend(call: Any, function: Any, expected: str) -> None:
    served = Served(calling(call), text_answer())
    found = converse(served.env(), ASK, {"weather": function}).unwrap()
    assert found.messages[2].is_error and expected in found.messages[2].text


@pytest.mark.parametrize(("value", "text"), [("", "(nothing was printed)"), ("x", "x"), (5, "5")])
def test_a_result_is_a_text(value: Any, text: str) -> None:
    found = converse(Served(ROME, text_answer()).env(), ASK, {"weather": lambda city: value})
    result = found.unwrap().messages[2]
    assert (result.text, result.is_error) == (text, False)


def test_several_calls_are_answered_in_their_order() -> None:
    both = calling(("c1", "weather", '{"city":"Rome"}'), ("c2", "weather", '{"city":"Bern"}'))
    found = converse(Served(both, text_answer()).env(), ASK, {"weather": lambda city: city})
    results = found.unwrap().messages[2:4]
    assert [(turn.tool_call_id, turn.text) for turn in results] == [("c1", "Rome"), ("c2", "Bern")]


def test_the_same_call_for_ever_ends_with_the_steps() -> None:
    served = Served(*[ROME] * 9)
    problem = converse(served.env(), ASK, {"weather": lambda city: "?"}, max_steps=3).failure()
    assert problem.kind == "usage" and len(served.asked) == 3
    assert problem.message.startswith(
        "no answer after 3 steps (--max-steps): the model still calls"
    )
    assert problem.cost == Decimal("0.000045") and problem.usage and problem.usage.input == 30


def test_calls_are_not_run_where_nobody_would_read_the_results() -> None:
    runs = list[str]()
    converse(Served(ROME, ROME).env(), ASK, {"weather": lambda city: runs.append(city)}, 2)
    assert runs == ["Rome"]
    problem = converse(Served().env(), ASK, {"weather": str}, max_steps=0).failure()
    assert problem.message == "max_steps is 0: at least one is needed to ask anything"


def test_a_failure_after_some_steps_says_what_they_took() -> None:
    offline = Problem("offline", "gone")
    problem = converse(Served(ROME, offline).env(), ASK, {"weather": lambda city: "?"}).failure()
    assert (problem.kind, problem.sent, problem.cost) == ("offline", True, Decimal("0.000015"))


def test_a_failure_at_once_took_nothing() -> None:
    problem = converse(Served(Problem("offline", "gone")).env(), ASK, {}).failure()
    assert (problem.sent, problem.cost) == (False, None)


def test_a_function_without_a_tool_is_a_usage_problem() -> None:
    problem = converse(Served().env(), ASK, {"wether": lambda: ""}).failure()
    assert problem.message == "no Tool in ask.tools is named wether"


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_calls_of_an_answer_that_is_not_whole_are_not_run(finish: str) -> None:
    cut = calling(("c1", "weather", '{"city":"Rome"}'), finish=finish)
    found = converse(Served(cut).env(), ASK, {"weather": raising(AssertionError())}).unwrap()
    assert found.reply.tool_calls and len(found.messages) == 2


@pytest.mark.parametrize(
    ("choice", "then"), [("required", None), ("weather", None), ("auto", None), ("none", "none")]
)
def test_a_model_that_had_to_call_is_free_afterwards(choice: str, then: str | None) -> None:
    served = Served(ROME, text_answer())
    ask = replace(ASK, tool_choice=choice)
    assert converse(served.env(), ask, {"weather": lambda city: "?"})
    assert served.asked[0]["tool_choice"] and served.asked[1].get("tool_choice") == then


def test_money_spans_all_steps() -> None:
    served = Served(*[ROME] * 12)  # each costs 0.000015, and 0.00014 or more at worst
    ask = replace(ASK, max_cost=Decimal("0.0003"))
    problem = converse(served.env(), ask, {"weather": lambda city: "?"}, max_steps=12).failure()
    assert problem.kind == "budget" and 2 <= len(served.asked) <= 10
    assert f"; {len(served.asked)} steps before it cost $0.000" in problem.message


def test_a_step_of_unknown_cost_counts_at_the_worst_that_patches_ask_for() -> None:
    untold = {"choices": ROME["choices"]}
    served = Served(*[untold] * 12)
    env = replace(served.env(), patches=(Patch(body={"max_tokens": 1000}),))
    ask = replace(ASK, max_cost=Decimal("0.0030"))  # a step is 0.001 and its prompt
    found = converse(env, ask, {"weather": lambda city: "?"}, max_steps=12).failure()
    assert (found.kind, len(served.asked)) == ("budget", 2)


def test_time_spans_all_steps() -> None:
    times, served = iter(range(0, 1000, 10)), Served(ROME, text_answer())
    env = replace(served.env(), clock=lambda: float(next(times)))
    ends = list[float | None]()

    def spy(env: Env, ask: Ask) -> Result[Any, Problem]:
        ends.append(ask.limits.deadline)
        return loki.answer(env, ask)

    ask = replace(ASK, limits=replace(ASK.limits, total=60))
    tools: Any = lambda calls: tuple(Message("tool", "?", tool_call_id=c.id) for c in calls)  # noqa: E731
    assert list(iterate_steps(env, ask, tools, 5, spy)) and ends == [60.0, 60.0]


def test_the_conversation_can_be_followed() -> None:
    served = Served(ROME, text_answer("22."))
    tools: Any = lambda calls: tuple(Message("tool", "?", tool_call_id=c.id) for c in calls)  # noqa: E731
    lengths = [len(each.unwrap().messages) for each in iterate_steps(served.env(), ASK, tools, 5)]
    assert lengths == [2, 3, 4]


def test_the_sum_of_replies_is_what_all_of_them_took() -> None:
    found = converse(Served(ROME, text_answer("22.")).env(), ASK, {"weather": lambda city: "?"})
    total = sum_replies(found.unwrap())
    assert (total.text, total.usage.input, total.usage.output) == ("22.", 20, 10)
    assert (total.cost, total.seconds, total.attempts) == (Decimal("0.00003"), 2.0, 2)


# ---- recorded calls ----------------------------------------------------------------------------


class Replayed:
    """An Env whose server plays a recording, then an answer in the same protocol."""

    def __init__(self, recording: Any) -> None:
        self.recording = recording
        self.bodies: list[Any] = []

    def play(self, request: Request) -> tuple[bytes, dict[str, str]]:
        """Return the body and the headers of the next answer."""
        self.bodies.append(json.loads(request.content))
        if len(self.bodies) == 1:
            return body_of(self.recording), self.recording["response"]["headers"]
        name = wire_name(request.target).removesuffix("-vertex")
        body = WIRES[name].answer(2, "It is 22.", ())
        return json.dumps(body).encode(), {"content-type": "application/json"}

    def send(self, request: Request) -> Result[Response, Problem]:
        body, headers = self.play(request)
        return Success(Response(request, 200, headers, body))

    def open(self, request: Request) -> Result[OpenResponse, Problem]:
        body, headers = self.play(request)
        return Success(
            OpenResponse(request, 200, headers, iter([Success(body)]), lambda: None, 0.0)
        )

    def env(self, client: dict[str, Any]) -> Env:
        return Env(config(client), Success, self.send, self.open, lambda: 0.0, lambda: 0.0)


@pytest.mark.parametrize("recording", recordings())
def test_a_recorded_call_is_answered_in_its_protocol(recording: Any) -> None:
    calls = recording and recording["expected"].get("tools")
    if not calls:
        return
    client = able(client_of(recording))
    names = sorted({name for name, _ in calls})
    ask = Ask(
        (Message("user", "Hi"),),
        model=f"{client.get('name', client['type'])}:m",
        tools=tuple(Tool(name, "", {}) for name in names),
        stream=recording["stream"],
    )
    replayed = Replayed(recording)
    tools = {name: lambda **arguments: "22" for name in names}
    ask_model = ask_streamed if recording["stream"] else loki.answer
    steps = iterate_steps(
        replayed.env(client), ask, partial(call_functions, ask.tools, tools), 5, ask_model
    )
    *_, last = steps
    found = last.unwrap()
    assert found.reply.text == "It is 22."
    texts = [turn.text for turn in found.messages if turn.role == "tool"]
    assert texts == ["22"] * len(found.replies[0].tool_calls) != []
    body = json.dumps(replayed.bodies[1])
    given = {c.id for c in found.replies[0].tool_calls if not re.fullmatch(r"call_\d+", c.id)}
    assert all(body.count(json.dumps(id)) == 2 for id in given)


def able(client: dict[str, Any]) -> dict[str, Any]:
    """A client whose models, where it lists any, call tools."""
    models = [{**model, "supports_function_calling": True} for model in client.get("models", ())]
    return {**client, **({"models": models} if models else {})}


def ask_streamed(env: Env, ask: Ask) -> Result[Reply, Problem]:
    """Return the answer to an ask that is streamed, gathered again."""
    return loki.stream(env, ask).bind(loki.collect)
