"""What ``import loki`` gives: public names, questions as plain texts, failures in words."""

from __future__ import annotations

import json
import sys
import traceback
from dataclasses import fields, replace
from decimal import Decimal
from inspect import signature
from pathlib import Path
from pydoc import render_doc

import pytest
import responses
from returns.result import Success

import loki
from loki import Ask, Env, Problem, answer, open_env, prepare, stream
from loki.formats.structured_output import check_answer
from loki.stages.parse import parse
from loki.usage import Usage

URL = "https://api.openai.com/v1/chat/completions"
NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}}


@pytest.fixture
def env(tmp_path: Path) -> Env:
    """An Env of no configuration, whose ledger is its own."""
    variables = {
        "LOKI_PLATFORM": "openai",
        "OPENAI_API_KEY": "sk-test",
        "LOKI_STATE_DIR": str(tmp_path),
    }
    return open_env(environ=variables).unwrap()


def reply(text: str) -> dict[str, object]:
    """Return an answer as OpenAI gives it."""
    usage = {"prompt_tokens": 10, "completion_tokens": 2}
    choices = [{"message": {"content": text}, "finish_reason": "stop"}]
    return {"choices": choices, "usage": usage}


def test_dir_lists_the_public_names_and_each_is_there() -> None:
    assert dir(loki) == sorted([*loki.__all__, "__version__"])
    assert {*loki.HOMES} == {*loki.__all__}
    assert all(getattr(loki, name) is not None for name in loki.__all__)


@pytest.mark.parametrize("name", sorted(set(loki.__all__) - {"Text", "Done", "Env"}))
def test_help_of_a_public_name_says_more_than_its_name(name: str) -> None:
    doc = getattr(loki, name).__doc__ or ""
    assert len(doc.split()) > 4 and doc.split("\n")[0].endswith((".", ":", "``"))


@responses.activate
def test_a_text_is_a_question(env: Env) -> None:
    responses.post(URL, json=reply("Hello."))
    assert answer(env, Ask("Say hello.", model="openai:gpt-4.1")).unwrap().text == "Hello."
    body = responses.calls[0].request.body
    assert isinstance(body, bytes)
    assert json.loads(body)["messages"] == [{"role": "user", "content": "Say hello."}]


def test_a_failed_unwrap_says_what_happened(env: Env) -> None:
    try:
        answer(env, Ask("Hi", model="opnai")).unwrap()
    except Exception as error:
        shown = "".join(traceback.format_exception(error))
        assert isinstance(error.__cause__, Problem)
        assert "loki.problems.Problem: no client named 'opnai'; did you mean 'openai'?" in shown
    else:
        pytest.fail("nothing was raised")


@responses.activate
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"n": 1}', ""),
        ('```json\n{"n": 1}\n```', ""),
        ('{"n": "x"}', "the answer breaks the schema at $.n: 'x' is not of type 'integer'"),
        ("no", "the answer is not JSON: 'no'"),
    ],
)
def test_an_answer_is_held_against_its_schema(env: Env, text: str, message: str) -> None:
    responses.post(URL, json=reply(text))
    result = answer(env, Ask("Hi", model="openai:gpt-4.1", schema=NUMBER))
    if not message:
        assert result.unwrap().text == '{"n": 1}'
        return
    problem = result.failure()
    assert (problem.kind, problem.message, problem.answer_text) == ("input", message, text)
    assert problem.cost and problem.usage == Usage(input=10, output=2, cache_read=None)


@responses.activate
def test_a_reply_has_the_value_that_its_schema_asks_for(env: Env) -> None:
    responses.post(URL, json=reply('```json\n{"n": 1}\n```'))
    ask = Ask("Hi", model="openai:gpt-4.1", schema=NUMBER)
    assert answer(env, ask).unwrap().data == {"n": 1}
    assert answer(env, replace(ask, schema=None)).unwrap().data is None


@pytest.mark.parametrize("amount", ["0.01", 0.01, Decimal("0.01")])
def test_the_most_that_an_ask_may_cost_is_any_number(amount: Decimal | float | str) -> None:
    ask = Ask("Hi", max_cost=amount)
    assert ask.max_cost == replace(ask, max_cost=amount).max_cost == Decimal("0.01")


@pytest.mark.parametrize("amount", ["cheap", "", float("nan"), float("inf")])
def test_what_is_no_amount_is_refused_at_once(amount: float | str) -> None:
    with pytest.raises(
        ValueError, match=r"expected an amount of US dollars, such as 0\.05; this is"
    ):
        Ask("Hi", max_cost=amount)


@responses.activate
def test_a_stream_that_is_parsed_whole_is_called_a_stream(env: Env) -> None:
    responses.post(
        URL, body=b'data: {"choices": [{"delta": {"content": "Hi"}}]}\n\ndata: [DONE]\n\n'
    )
    ask = Ask("Hi", model="openai:gpt-4.1")
    problem = prepare(env, ask).bind(env.send).bind(parse).failure()
    assert problem.message.startswith(
        "a stream was asked for, and parse() reads no stream: send an"
    )
    responses.replace("POST", URL, json=reply("Hello."))
    whole = prepare(env, replace(ask, stream=False)).bind(env.send).bind(parse)
    assert whole.unwrap().text == "Hello."


def test_the_signature_of_a_public_record_has_its_fields() -> None:
    for name in loki.__all__:
        made = getattr(loki, name)
        if isinstance(made, type):
            assert (*signature(made).parameters,) == tuple(each.name for each in fields(made))
    assert "max_cost: Decimal | float | str | None = None" in str(signature(Ask))
    shown = render_doc(Ask)
    assert "Ask(messages: str | Sequence[Message] = (), model: str | None = None," in shown
    assert "model: str | None = None  # client:model, or a client alone\n" in shown
    assert "limits: Limits = Limits()  # how long to wait" in shown


@responses.activate
@pytest.mark.parametrize("call", [answer, stream, prepare])
def test_what_is_no_schema_is_refused_before_anything_is_sent(env: Env, call: object) -> None:
    assert callable(call)
    problem = call(env, Ask("Hi", model="openai", schema={"type": "txt"})).failure()
    assert problem.kind == "input" and problem.message.startswith("schema: not a JSON Schema: $")


def test_an_answer_without_a_schema_is_left_alone(env: Env) -> None:
    anything: object = object()
    assert check_answer(Ask("Hi"), anything) == Success((anything, ...))  # type: ignore[arg-type]


def test_an_environment_of_ones_own_reads_nothing_of_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ".config" / "loki"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("modle: x\n")
    (folder / ".env").write_text("OPENAI_API_KEY=sk-mine\n")
    for name in ("LOKI_CONFIG_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "unknown key 'modle'" in open_env().failure().message
    own = open_env(environ={"LOKI_PLATFORM": "groq"}).unwrap()
    assert (own.config.origin, own.config.model) == ("no configuration file", "groq")
    home = {"HOME": str(tmp_path), "LOKI_CONFIG_DIR": str(folder)}
    assert "unknown key 'modle'" in open_env(environ=home).failure().message


def ledgers_of(folder: Path) -> list[str]:
    """Return the ledgers under a folder."""
    return [str(path.relative_to(folder)) for path in folder.rglob("*.db")]


@pytest.mark.parametrize(
    ("variables", "written"),
    [
        ({}, []),
        ({"HOME": "other"}, ["other/.local/state/loki/ledger.db"]),
        ({"XDG_STATE_HOME": "state"}, ["state/loki/ledger.db"]),
        ({"LOKI_STATE_DIR": "own"}, ["own/ledger.db"]),
        ({"LOKI_LEDGER": "calls.db"}, ["calls.db"]),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="XDG's variables are of Linux")
def test_an_environment_of_ones_own_writes_nothing_of_the_users(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    variables: dict[str, str],
    written: list[str],
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "user" / "state"))
    places = {name: str(tmp_path / path) for name, path in variables.items()}
    known = {"LOKI_PLATFORM": "openai", "OPENAI_API_KEY": "k"}
    with responses.RequestsMock() as server:
        server.post(URL, json=reply("Hello."))
        env = open_env(environ={**known, **places}).unwrap()
        assert answer(env, Ask("Hi", model="openai:gpt-4.1")).unwrap().text == "Hello."
    assert (ledgers_of(tmp_path), caplog.messages) == (written, [])


@pytest.mark.skipif(sys.platform != "linux", reason="XDG's variables are of Linux")
def test_a_home_of_an_environment_of_ones_own_is_the_one_that_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, key in (("user", "mine"), ("other", "theirs")):
        folder = tmp_path / name / ".config" / "loki"
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text(f"{key}: x\n")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    assert "'theirs'" in open_env(environ={"HOME": str(tmp_path / "other")}).failure().message
    assert "'mine'" in open_env(environ={"HOME": str(tmp_path / "user")}).failure().message


def test_a_budget_needs_a_place_for_its_ledger(tmp_path: Path) -> None:
    known = {"LOKI_PLATFORM": "openai", "OPENAI_API_KEY": "k", "LOKI_BUDGET": '{"per_day": 1}'}
    problem = open_env(environ=known).failure()
    assert problem.kind == "config"
    assert problem.message.endswith("environ has no HOME: set LOKI_LEDGER to a file for it")
    assert open_env(environ={**known, "LOKI_LEDGER": str(tmp_path / "l.db")}).unwrap()
