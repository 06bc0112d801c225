"""--run-tools on every wire: tools are run, limited, ended, told of, and see no secret."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from commands import Done, Home
from processes import is_gone
from servers import (
    ANSWER,
    CLOSE,
    delta,
    plain,
    serving,
    streamed,
)
from wires import (
    STREAMS,
    WIRES,
    Call,
    Provider,
    configuration,
    on,
    openai_answer,
    provided,
    roles,
    turns,
)

CUT = streamed(delta("Half an ans"), CLOSE, end=False)


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """The file of a conversation that is not there yet."""
    return tmp_path / "talk.jsonl"


WEATHER = (
    "import json, sys, os\n"
    "city = json.load(sys.stdin)['city']\n"
    "sys.exit('no such city') if city == 'Nowhere' else print(json.dumps({'city': city}))\n"
)
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def write_tools(home: Home, script: str = WEATHER, **fields: Any) -> str:
    """A file with one tool, a script of Python."""
    path = home.folder / "tools.json"
    function = {"name": "weather", "description": "Weather", "parameters": PARAMETERS}
    tool = {"type": "function", "function": function, "command": [sys.executable, "-c", script]}
    path.write_text(json.dumps([{**tool, **fields}]))
    return str(path)


ROME: Call = ("call_rome", "weather", {"city": "Rome"})
BERN: Call = ("call_bern", "weather", {"city": "Bern"})
NOWHERE: Call = ("call_nowhere", "weather", {"city": "Nowhere"})


def run_tools(home: Home, *words: str) -> Done:
    """Ask about the weather, with a tool that is run."""
    tools = ["--run-tools", "--tools", write_tools(home)] if "--tools" not in words else []
    return home.call(*tools, *words, "Weather?")


@pytest.mark.parametrize("wire", WIRES)
def test_a_tool_is_run_on_every_wire(home: Home, talk: Path, wire: str) -> None:
    with provided(home, wire, [ROME, BERN], [NOWHERE], "22 degrees.", "Yes.") as provider:
        done = run_tools(home, *on(wire), "-C", str(talk))
        assert (done.code, done.out, done.err) == (0, "22 degrees.\n", ""), provider.refusals
        assert home.call(*on(wire), "-C", str(talk), "Sure?").out == "Yes.\n", provider.refusals
    failed = "the tool failed with exit code 1\nno such city"
    rome = [("call_rome", '{"city": "Rome"}'), ("call_bern", '{"city": "Bern"}')]
    assert provider.results[:3] == [[], rome, [*rome, ("call_nowhere", failed)]]
    assert roles(talk) == "uattataua"


@pytest.mark.parametrize("wire", STREAMS)
def test_a_tool_is_run_in_streams_too(home: Home, talk: Path, wire: str) -> None:
    answers: list[str | Sequence[Call]] = [[ROME, BERN], [NOWHERE], "22 degrees.", "Yes."]
    provider = Provider(WIRES[wire], answers, stream=STREAMS[wire])
    with serving(provider) as server:
        home.configure(configuration({wire: server.address}))
        done = run_tools(home, *on(wire), "-C", str(talk))
        assert (done.code, done.out, done.err) == (0, "22 degrees.\n", ""), provider.refusals
        assert home.call(*on(wire), "-C", str(talk), "Sure?").out == "Yes.\n", provider.refusals
    assert roles(talk) == "uattataua" and len(provider.given) > 5


def chat(*answers: Any) -> list[Any]:
    """Scripts of a server of chat completions: calls, or a text."""
    return [
        plain(openai_answer(0, *((each, ()) if isinstance(each, str) else ("", each))))
        for each in answers
    ]


def test_commands_and_limits_of_tools_are_not_sent(home: Home) -> None:
    with serving(*chat([ROME], "22.")) as server:
        home.local(server.address, "supports_function_calling: true")
        tools = write_tools(home, timeout=5)
        assert home.call("--run-tools", "--tools", tools, "Weather?").out == "22.\n"
        assert home.call("--tools", tools, "Weather?").code == 0
    for asked in server.asked:
        assert b"command" not in asked.body and b"timeout" not in asked.body
        assert asked.json["tools"][0]["function"]["name"] == "weather"


def test_without_the_flag_nothing_is_run(home: Home) -> None:
    tools = write_tools(home, f"open({str(home.folder / 'ran')!r}, 'w')")
    with serving(*chat([ROME])) as server:
        home.local(server.address, "supports_function_calling: true")
        done = home.call("--tools", tools, "-o", "json", "Weather?")
    assert done.json["tool_calls"][0]["name"] == "weather" and len(server.asked) == 1
    assert not (home.folder / "ran").exists()


def test_a_call_as_json_goes_back_with_its_result_by_hand(home: Home) -> None:
    with provided(home, "openai", [ROME], "22.") as provider:
        tools = write_tools(home)
        first = home.call(*on("openai"), "--tools", tools, "-o", "json", "Weather?").json
        lines = [
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": None, "tool_calls": first["tool_calls"]},
            {"role": "tool", "tool_call_id": "call_rome", "content": "22"},
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        done = home.call(*on("openai"), "--messages", "-", stdin=text)
    assert (done.code, done.out) == (0, "22.\n"), provider.refusals


def test_events_tell_of_calls_and_results(home: Home) -> None:
    with serving(*chat([ROME, NOWHERE], "22.")) as server:
        home.local(server.address, "supports_function_calling: true")
        lines = run_tools(home, "-o", "events").lines
    kinds = [line["type"] for line in lines if line["type"] != "usage"]
    assert kinds == ["tool_call", "tool_call", "tool_result", "tool_result", "text", "done"]
    results = [line for line in lines if line["type"] == "tool_result"]
    assert results[0] == {
        "type": "tool_result",
        "id": "call_rome",
        "name": "weather",
        "content": '{"city": "Rome"}',
        "is_error": False,
    }
    assert results[1]["is_error"] and "no such city" in results[1]["content"]
    assert [turn["role"] for turn in lines[-1]["messages"]] == [
        "assistant",
        "tool",
        "tool",
        "assistant",
    ]


def test_json_and_the_ledger_count_every_step(home: Home) -> None:
    with serving(*chat([ROME], [BERN], "22.")) as server:
        priced = "input_price: 1\noutput_price: 1\nsupports_function_calling: true"
        home.local(server.address, priced)
        done = run_tools(home, "-o", "json").json
    assert (done["text"], done["steps"], done["cost"]) == ("22.", 3, 0.000045)
    assert (done["usage"]["input"], done["usage"]["output"]) == (30, 15)
    report = home.run("-o", "json", prog="loki-cost")
    assert json.loads(report.out.splitlines()[0])["calls"] == 3


def test_verbose_says_each_step_on_one_line(home: Home) -> None:
    with serving(*chat([ROME, NOWHERE], "22.")) as server:
        home.local(server.address, "supports_function_calling: true")
        done = run_tools(home, "-v")
    first, rome, nowhere, last = done.err.splitlines()
    assert first.startswith("loki-pipe: step 1: local:m · 10 tokens in, 5 out")
    assert rome.startswith('loki-pipe: weather {"city":"Rome"} · ') and '{"city": "Rome"}' in rome
    assert "failed: the tool failed with exit code 1 no such city" in nowhere
    assert "20 tokens in, 10 out" in last


@pytest.mark.parametrize(("flags", "steps"), [([], 10), (["--max-steps", "2"], 2)])
def test_steps_that_are_used_up_end_with_64_and_keep_the_turns(
    home: Home, talk: Path, flags: list[str], steps: int
) -> None:
    answer = openai_answer(0, "Let me see.", [ROME])
    with serving(plain(answer)) as server:
        home.local(server.address, "supports_function_calling: true")
        done = run_tools(home, *flags, "-C", str(talk))
    assert len(server.asked) == steps and (done.code, done.out) == (64, "Let me see.\n")
    assert f"no answer after {steps} steps (--max-steps): the model still calls weather" in done.err
    assert roles(talk) == "u" + "at" * steps
    assert turns(talk)[-1]["content"] == "not run: the conversation was broken off here"


def test_a_failure_after_a_step_keeps_the_step(home: Home, talk: Path) -> None:
    with serving(*chat([ROME]), plain({"error": {"message": "No."}}, 401), ANSWER) as server:
        home.local(server.address, "supports_function_calling: true")
        assert run_tools(home, "-C", str(talk)).code == 77 and roles(talk) == "uat"
        done = home.call("-C", str(talk))
    assert done.out == "Hello.\n" and roles(talk) == "uata"


REJECTED = plain({"error": {"message": "No."}}, 400)
PRICED = "input_price: 1\noutput_price: 100\nsupports_function_calling: true"


@pytest.mark.parametrize("output", ["text", "json", "events"])
@pytest.mark.parametrize(
    ("code", "flags", "answers"),
    [
        (65, [], [REJECTED]),
        (76, [], [CUT]),
        (80, ["--max-tokens", "10", "--max-cost", "0.0012"], []),
        (69, ["--timeout", "2"], [[1000.0]]),
    ],
)
def test_what_steps_before_a_failure_answered_is_printed(
    home: Home, code: int, flags: list[str], answers: list[Any], output: str
) -> None:
    with serving(plain(openai_answer(0, "Let me see.", [ROME])), *answers) as server:
        home.local(server.address, PRICED)
        done = run_tools(home, *flags, "-o", output)
    assert done.code == code, done.err
    if output == "text":
        assert done.out == "Let me see.\n"
        return
    last = done.lines[-1]
    assert last["type"] == "error" if output == "events" else last["text"] == "Let me see."
    if output == "json":
        assert last["steps"] == 1 and [turn["role"] for turn in last["messages"]] == [
            "assistant",
            "tool",
        ]
        assert json.loads(done.err.splitlines()[-1])["sent"]


def test_a_last_answer_that_is_refused_is_not_printed(home: Home) -> None:
    with serving(*chat([ROME], "No code.")) as server:
        home.local(server.address, "supports_function_calling: true")
        done = run_tools(home, "-c")
    assert (done.code, done.out) == (65, "")


@pytest.mark.parametrize("output", ["text", "json", "events"])
@pytest.mark.parametrize("flags", [["--schema", '{"type": "object"}'], ["-c"]])
def test_a_last_answer_that_is_refused_keeps_the_steps_before_it_and_says_what_all_cost(
    home: Home, flags: list[str], output: str
) -> None:
    first, last = openai_answer(0, "Let me see.", [ROME]), openai_answer(0, "It is 22.", ())
    with serving(plain(first), plain(last)) as server:
        home.local(server.address, PRICED)
        done = run_tools(home, *flags, "-o", output)
    assert done.code == 65 and "(cost $0.00102)" in done.err, done.err
    if output == "text":
        assert done.out == "Let me see.\n"
        return
    error = json.loads(done.err.splitlines()[-1])
    assert (error["text"], error["cost"], error["usage"]["input"]) == ("It is 22.", 0.00102, 20)
    line = done.lines[-1]
    if output == "json":
        assert (line["text"], line["steps"], line["cost"]) == ("Let me see.", 1, 0.00051)
        assert [turn["role"] for turn in line["messages"]] == ["assistant", "tool"]
    else:
        assert line == {"type": "error", **error}


@pytest.mark.parametrize(("steps", "words"), [(1, "1 step "), (2, "2 steps ")])
def test_steps_are_counted_in_words(home: Home, steps: int, words: str) -> None:
    with serving(plain(openai_answer(0, "", [ROME]))) as server:
        home.local(server.address, PRICED)
        used_up = run_tools(home, "--max-steps", str(steps))
        assert f"no answer after {words}(--max-steps)" in used_up.err
        done = run_tools(home, "--max-tokens", "10", "--max-cost", f"{steps * 0.0006 + 0.0005}")
    assert f"; {words}before it cost $0.00" in done.err


def test_an_answer_that_breaks_off_after_a_step_is_kept_aside(home: Home, talk: Path) -> None:
    with serving(*chat([ROME]), CUT) as server:
        home.local(server.address, "supports_function_calling: true")
        assert run_tools(home, "-C", str(talk)).code == 76
    assert roles(talk) == "uat"
    assert turns(Path(f"{talk}.aside")) == [{"role": "assistant", "content": "Half an ans"}]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_tools_that_run(home: Home, talk: Path, number: int) -> None:
    place = home.folder / "pid"
    tools = write_tools(
        home,
        "import os, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(place)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}} .')\n"
        "time.sleep(600)",
    )
    with serving(*chat([ROME])) as server:
        home.local(server.address, "supports_function_calling: true")
        words = ["--run-tools", "--tools", tools, "-C", str(talk), "Weather?"]
        with home.start(*words, stdin=subprocess.DEVNULL) as process:
            while not place.exists() or not place.read_text().endswith("."):
                time.sleep(0.02)
            process.send_signal(number)
            assert process.wait(20) == 128 + number
    assert all(is_gone(int(pid)) for pid in place.read_text().split()[:2])
    assert roles(talk) == "uat" and turns(talk)[-1]["is_error"]


def test_the_time_for_everything_spans_the_tools(home: Home) -> None:
    tools = write_tools(home, "import time; time.sleep(600)")
    with serving(*chat([ROME], "22.")) as server:
        home.local(server.address, "supports_function_calling: true")
        words = ["--timeout", "2", "--run-tools", "--tools", tools, "Weather?"]
        done = home.call(*words)
    assert done.code == 69 and "no answer within 2 s for everything" in done.err
    assert len(server.asked) == 1


def test_the_money_spans_all_steps(home: Home) -> None:
    priced = "input_price: 1\noutput_price: 100\nsupports_function_calling: true"
    with serving(*chat(*[[ROME]] * 20)) as server:
        home.local(server.address, priced)
        done = run_tools(home, "--max-tokens", "10", "--max-cost", "0.003")
    assert done.code == 80 and 2 <= len(server.asked) <= 6
    assert f"; {len(server.asked)} steps before it cost $0.00" in done.err


SECRET = "sk-MARK-of-the-secret-0123456789"


@pytest.mark.parametrize("output", ["text", "json", "events"])
def test_tools_see_and_show_no_secret_of_ours(home: Home, talk: Path, output: str) -> None:
    script = (
        "import os, sys\n"
        f"print(os.environ, open({str(home.folder / 'config.yaml')!r}).read(),"
        f" open({str(home.folder / '.env')!r}).read())\n"
        "print(os.environ, file=sys.stderr)\n"
        "sys.exit(len([v for v in os.environ.values() if 'MARK' in v.upper()]))"
    )
    tools = write_tools(home, script)
    (home.folder / ".env").write_text(f"MY_PASSWORD={SECRET}-of-env\nGROQ_API_KEY={SECRET}-file\n")
    (home.folder / ".env").chmod(0o600)
    with serving(*chat([ROME], "22.")) as server:
        path = home.local(
            server.address, "supports_function_calling: true", "api_key: '{{THE_KEY}}'"
        )
        literal = f"  - type: claude\n    api_key: {SECRET}-literal\n"
        path.write_text(path.read_text() + literal)
        home.environ |= {"THE_KEY": f"{SECRET}-named", "OPENAI_API_KEY": f"{SECRET}-other"}
        words = ["-v", "-m", "local:m", "-o", output, "--run-tools", "--tools", tools]
        done = home.call(*words, "-C", str(talk), "Weather?")
    assert done.code == 0, done.err
    result = server.asked[-1].body.decode() + done.out + done.err + talk.read_text()
    assert "MARK" not in result.upper() and turns(talk)[2].get("is_error") is None
    assert "***" in turns(talk)[2]["content"] and "PATH" in turns(talk)[2]["content"]


def test_tools_show_no_literal_secret_of_the_configuration(home: Home) -> None:
    tools = write_tools(home, f"print(open({str(home.folder / 'config.yaml')!r}).read())")
    with serving(*chat([ROME], "22.")) as server:
        path = home.local(
            server.address, "supports_function_calling: true", f"api_key: {SECRET}-under"
        )
        path.write_text(
            f"{path.read_text()}  - type: claude\n    api_key: {SECRET}-other\n"
            "  - type: openai\n    api_base: http://me:pw-MARK-1@127.0.0.1:9/v1\n"
            "  - type: gemini\n    oauth:\n      client_id: a\n      client_secret: os-MARK-2\n"
            "    patch:\n      chat_completions:\n        '.*':\n          headers:\n"
            "            Authorization: Bearer h-MARK-3\n"
        )
        home.environ |= {"LOCAL_API_KEY": "sk-over", "CLAUDE_API_KEY": "sk-over-2"}
        done = home.call("-m", "local:m", "--run-tools", "--tools", tools, "Weather?")
    assert done.code == 0, done.err
    result = server.asked[-1].json["messages"][-1]["content"]
    assert "MARK" not in result and "api_base" in result


def test_tools_may_come_through_a_pipe(home: Home) -> None:
    tools = home.folder / "fifo"
    os.mkfifo(tools, 0o600)
    write = "import sys; open(sys.argv[1], 'w').write(open(sys.argv[2]).read())"
    words = [sys.executable, "-c", write, str(tools), write_tools(home)]
    with serving(*chat([ROME], "22.")) as server:
        home.local(server.address, "supports_function_calling: true")
        with subprocess.Popen(words):
            done = home.call("--timeout", "20", "--run-tools", "--tools", str(tools), "Weather?")
    assert (done.code, done.out) == (0, "22.\n"), done.err


def test_a_tools_file_where_others_can_put_another_is_not_run(home: Home) -> None:
    folder = home.folder / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    with serving(*chat("22.")) as server:
        home.local(server.address, "supports_function_calling: true")
        tools = Path(write_tools(home)).rename(folder / "tools.json")
        assert home.call("--tools", str(tools), "Weather?").code == 0
        done = home.call("--run-tools", "--tools", str(tools), "Weather?")
    assert done.code == 78 and f"{folder}: anybody can write it" in done.err
    assert len(server.asked) == 1


HALF = "\ud800"


@pytest.mark.parametrize("wire", WIRES)
def test_half_a_character_does_not_end_a_conversation(home: Home, wire: str) -> None:
    with provided(
        home, wire, [("call_rome", "weather", {"city": f"Rome{HALF}"})], "22."
    ) as provider:
        done = run_tools(home, *on(wire))
    assert (done.code, done.out) == (0, "22.\n"), (done.err, provider.refusals)
    assert [json.loads(text)["city"] for _, text in provider.results[1]] == ["Rome\ufffd"]


def test_half_a_character_in_an_id_and_in_the_text_is_replaced_too(home: Home) -> None:
    first = openai_answer(0, f"Let me see{HALF}.", [(f"call_{HALF}", "weather", {"city": "Rome"})])
    with serving(plain(first), *chat("22.")) as server:
        home.local(server.address, "supports_function_calling: true")
        assert run_tools(home).out == "22.\n"
    _, call, result = server.asked[-1].json["messages"]
    assert call["content"] == "Let me see\ufffd."
    assert call["tool_calls"][0]["id"] == result["tool_call_id"] == "call_\ufffd"


def test_a_tools_file_of_others_is_not_run(home: Home) -> None:
    home.local("http://127.0.0.1:9")
    tools = write_tools(home)
    os.chmod(tools, 0o666)
    done = home.call("--run-tools", "--tools", tools, "Weather?")
    assert done.code == 78 and "anybody can write it" in done.err
