"""--param and JSON mode: parameters in the provider's own words, in every command that sends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from commands import Home
from servers import COUNTED, DONE, plain, reply, serving, streamed

ALL = """clients:
  - {type: openai, api_key: k}
  - {type: claude, api_key: k}
  - {type: gemini, api_key: k}
  - {type: cohere, api_key: k}
  - {type: bedrock, api_key: k, region: us-east-1}
  - {type: openai-compatible, name: deepseek, api_key: k}
"""


def body_of(home: Home, *words: str, prog: str = "loki-pipe", stdin: str = "") -> Any:
    """The body of a dry run."""
    home.configure(ALL)
    done = home.call(*words, "--dry-run", prog=prog, stdin=stdin)
    assert done.code == 0, done.err
    return json.loads(done.out)["body"]


PARAMS: list[tuple[list[str], dict[str, Any]]] = [
    (["--param", "top_k=40"], {"top_k": 40}),
    (["--param", "user=me"], {"user": "me"}),
    (["--param", "user="], {"user": ""}),
    (["--param", 'logit_bias={"1": 2}'], {"logit_bias": {"1": 2}}),
    (["--param", "a.b.c=1", "--param", "a.b.d=x=y"], {"a": {"b": {"c": 1, "d": "x=y"}}}),
    (["--param", "parallel_tool_calls=false"], {"parallel_tool_calls": False}),
    (["--param", "n=1", "--patch", '{"body": {"n": 2}}'], {"n": 2}),
    (["--patch", '{"body": {"n": 2}}', "--param", "n=1"], {"n": 2}),
]


@pytest.mark.parametrize(("words", "expected"), PARAMS)
def test_a_parameter_goes_into_the_body_before_the_patch(
    home: Home, words: list[str], expected: dict[str, Any]
) -> None:
    body = body_of(home, "Hi", "-m", "openai:gpt-4.1", *words)
    assert {name: body[name] for name in expected} == expected


def test_a_parameter_of_null_takes_one_away(home: Home) -> None:
    words = ["Hi", "-m", "openai:gpt-4.1", "-t", "1", "--param", "temperature=null"]
    assert "temperature" not in body_of(home, *words)


@pytest.mark.parametrize("text", ["top_k", "=1", "a..b=1", ".=1"])
def test_a_parameter_without_a_name_is_a_wrong_use(home: Home, text: str) -> None:
    home.configure(ALL)
    done = home.call("Hi", "-m", "openai:gpt-4.1", "--param", text, "--dry-run")
    assert done.code == 64 and "expected NAME=VALUE, as in top_k=40" in done.err
    assert "top_k'" not in done.err  # what stands alone may be a value, and a secret


def test_explain_names_a_parameter_and_not_its_value(home: Home) -> None:
    home.configure(ALL)
    words = ["Hi", "-m", "openai:gpt-4.1", "--param", "user=secret", "--dry-run", "--explain"]
    assert "patch         --param user\n" in home.call(*words).err


@pytest.mark.parametrize(
    ("prog", "words"),
    [
        ("loki-embed", ["-m", "openai:text-embedding-3-small", "Hi"]),
        ("loki-rerank", ["-m", "cohere:rerank-v4.0-pro", "Hi"]),
    ],
)
def test_other_commands_take_parameters_too(home: Home, prog: str, words: list[str]) -> None:
    body = body_of(home, *words, "--param", "user.id=7", prog=prog, stdin="a\nb\n")
    assert body["user"] == {"id": 7}


SEAM = "}\n{"  # between two requests of a dry run


def test_a_row_of_a_batch_has_parameters_of_its_own(home: Home) -> None:
    home.configure(ALL)
    rows = '{"prompt": "a", "param": {"top_k": 1, "x.y": 2}}\n{"prompt": "b"}\n'
    words = ["-m", "openai:gpt-4.1", "--param", "top_k=9", "--dry-run=all"]
    done = home.run(*words, prog="loki-batch", stdin=rows)
    assert done.code == 0, done.err
    first, second = (each["body"] for each in json.loads(f"[{done.out.replace(SEAM, '}, {')}]"))
    assert (first["top_k"], first["x"]) == (1, {"y": 2})
    assert second["top_k"] == 9 and "x" not in second


def test_parameters_of_a_row_that_are_no_object_are_told(home: Home) -> None:
    home.configure(ALL)
    out = home.folder / "out.jsonl"
    words = ["-m", "openai:gpt-4.1", "-o", str(out), "--no-ledger"]
    assert home.run(*words, prog="loki-batch", stdin='{"prompt": "a", "param": 5}\n').code == 1
    assert "param: 5 is not an object" in out.read_text()


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_limit_is_sent_under_one_name(home: Home, name: str) -> None:
    words = ["Hi", "-m", "openai:gpt-4.1", "--max-tokens", "9", "--param", f"{name}=5"]
    body = body_of(home, *words)
    assert {key: body[key] for key in body if "max" in key} == {name: 5}


#: A model -> where its provider has JSON mode, and what stands there.
JSON_MODE: list[tuple[str, str, Any]] = [
    ("openai:gpt-4.1", "response_format", {"type": "json_object"}),
    ("openai:o3-pro", "text", {"format": {"type": "json_object"}}),
    ("deepseek:deepseek-chat", "response_format", {"type": "json_object"}),
    ("cohere:command-a-03-2025", "response_format", {"type": "json_object"}),
    ("gemini:gemini-2.5-flash", "generationConfig", {"responseMimeType": "application/json"}),
    ("claude:claude-opus-5", "output_config", None),
    ("bedrock:amazon.nova-pro-v1:0", "outputConfig", None),
]


@pytest.mark.parametrize("schema", ['{"type": "object"}', "{}", "true"])
@pytest.mark.parametrize(("model", "key", "expected"), JSON_MODE)
def test_a_schema_of_any_object_is_json_mode(
    home: Home, model: str, key: str, expected: Any, schema: str
) -> None:
    body = body_of(home, "Hi", "-m", model, "--schema", schema)
    assert body.get(key) == expected
    assert "Answer with one JSON object." in json.dumps(body)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("false", "--schema: the JSON Schema false is one that no answer meets"),
        ("5", "--schema: expected a JSON Schema: an object, or true for any JSON; this is 5"),
        ('"x"', 'or true for any JSON; this is "x"'),
        ("null", "or true for any JSON; this is null"),
        ("[]", "or true for any JSON; this is []"),
    ],
)
def test_json_that_is_no_schema_is_not_taken_for_a_file(
    home: Home, given: str, message: str
) -> None:
    home.environ |= {"LOKI_PLATFORM": "openai", "OPENAI_API_KEY": "k"}
    done = home.call("--dry-run", "--schema", given, "Hi")
    assert done.code == 65 and message in done.err and done.out == ""


@pytest.mark.parametrize("schema", ["{}", "true"])
def test_any_json_meets_a_schema_of_any_json_and_no_other_text_does(
    home: Home, schema: str
) -> None:
    with serving(plain(reply("[1]")), plain(reply("no"))) as server:
        home.local(server.address)
        good = home.call("--schema", schema, "-o", "json", "-S", "Hi")
        assert good.json["data"] == [1]
        bad = home.call("--schema", schema, "-S", "Hi")
    assert (bad.code, bad.out) == (65, "") and "the answer is not JSON" in bad.err


def test_a_prompt_that_names_json_needs_no_more_words(home: Home) -> None:
    words = ["A json, please", "-m", "openai:gpt-4.1", "--schema", '{"type":"object"}']
    assert len(body_of(home, *words)["messages"]) == 1


def choices(*texts: str) -> Any:
    """Return a chat completion of several choices."""
    one = reply()
    found = [
        {**one["choices"][0], "index": i, "message": {"role": "assistant", "content": text}}
        for i, text in enumerate(texts)
    ]
    return {**one, "choices": found}


def choice_frame(index: int, text: str | None, finish: str | None = None) -> bytes:
    """Return a frame of a stream about one of several choices."""
    words = {} if text is None else {"content": text}
    choice = {"index": index, "delta": words, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


SEVERAL = streamed(
    *(choice_frame(0, "One."), choice_frame(1, "Two."), choice_frame(0, None, "stop")),
    *(choice_frame(1, None, "stop"), COUNTED, DONE),
)
NOTE = "the provider gave several answers, of which this is the first: -o raw has all"


@pytest.mark.parametrize("script", [plain(choices("One.", "Two.")), SEVERAL], ids=["one", "stream"])
@pytest.mark.parametrize("output", ["text", "json", "events", "raw"])
def test_a_second_answer_is_not_dropped_in_silence(home: Home, script: Any, output: str) -> None:
    with serving(script) as server:
        home.local(server.address)
        done = home.call("--param", "n=2", "-o", output, "Hi")
        quiet = home.call("--param", "n=2", "-o", output, "-q", "Hi")
    assert done.code == 0 and "One." in done.out and NOTE not in quiet.err
    if output == "raw":
        assert "Two." in done.out and done.err == ""
    else:
        assert "Two." not in done.out and done.err.count(NOTE) == 1


def test_a_second_candidate_is_not_dropped_in_silence(home: Home) -> None:
    parts = [{"content": {"parts": [{"text": each}]}, "finishReason": "STOP"} for each in "AB"]
    with serving(plain({"candidates": parts})) as server:
        home.configure(
            f"clients:\n  - {{type: gemini, api_key: k, api_base: '{server.address}'}}\n"
        )
        done = home.call("-m", "gemini:gemini-2.5-flash", "-S", "Hi")
    assert (done.code, done.out) == (0, "A\n") and NOTE in done.err
