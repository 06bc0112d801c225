"""-C on every wire, with servers that check what comes back; what is not whole is kept aside."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from commands import Home
from servers import (
    ANSWER,
    CLOSE,
    Asked,
    Script,
    Server,
    Step,
    delta,
    plain,
    reply,
    serving,
    streamed,
)
from wires import (
    WIRES,
    Provider,
    configuration,
    on,
    provided,
    roles,
    turns,
)

CUT = streamed(delta("Half an ans"), CLOSE, end=False)


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """The file of a conversation that is not there yet."""
    return tmp_path / "talk.jsonl"


def sent(server: Server) -> list[tuple[str, Any]]:
    """The roles and contents of the messages of the last request."""
    return [(each["role"], each["content"]) for each in server.asked[-1].json["messages"]]


# ---- conversations -----------------------------------------------------------------------------


@pytest.mark.parametrize("wire", WIRES)
def test_three_turns_come_back_as_they_were_given(home: Home, talk: Path, wire: str) -> None:
    with provided(home, wire, "One.", "Two.", "Three.") as provider:
        for number, text in enumerate(("One.", "Two.", "Three.")):
            done = home.call(*on(wire), "-C", str(talk), f"Question {number}")
            assert (done.code, done.out, done.err) == (0, f"{text}\n", ""), provider.refusals
    assert roles(talk) == "uauaua" and [turn["content"] for turn in turns(talk)[1::2]] == [
        "One.",
        "Two.",
        "Three.",
    ]
    assert all(("carry" in turn) == bool(provider.given) for turn in turns(talk)[1::2])


@pytest.mark.parametrize("wire", ["responses", "claude", "gemini", "converse"])
def test_a_seal_that_somebody_altered_is_refused_there(home: Home, talk: Path, wire: str) -> None:
    with provided(home, wire, "One.", "Two.") as provider:
        assert home.call(*on(wire), "-C", str(talk), "Hi").code == 0
        talk.write_text(talk.read_text().replace("sig-1", "sig-X").replace("#1", "#X"))
        assert home.call(*on(wire), "-C", str(talk), "Hi").code == 65
    assert len(provider.refusals) == 1 and roles(talk) == "ua"


def test_another_provider_is_not_sent_what_is_sealed(home: Home, talk: Path) -> None:
    with serving(Provider(WIRES["claude"], ["One."])) as first, serving(ANSWER) as second:
        home.configure(configuration({"claude": first.address, "openai": second.address}))
        assert home.call(*on("claude"), "-C", str(talk), "Hi").code == 0
        assert home.call(*on("openai"), "-C", str(talk), "And?").code == 0
    assert turns(talk)[1]["carry"]["from"] == "claude/claude"
    assert sent(second) == [("user", "Hi"), ("assistant", "One."), ("user", "And?")]
    assert b"sig-1" not in second.asked[-1].body


def test_the_last_line_is_the_answer(home: Home, talk: Path) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.call("-C", str(talk), "Hi")
    assert (done.code, done.out) == (0, "Hello.\n")
    assert turns(talk) == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello."},
    ]
    assert stat.S_IMODE(talk.stat().st_mode) == 0o600
    assert sorted(path.name for path in talk.parent.glob("talk*")) == ["talk.jsonl"]


def test_an_answer_as_json_has_the_turn_that_goes_back(home: Home, talk: Path) -> None:
    with provided(home, "claude", "One.", "Two.") as provider:
        first = home.call(*on("claude"), "-o", "json", "Hi").json["message"]
        talk.write_text(json.dumps({"role": "user", "content": "Hi"}) + json.dumps(first, indent=2))
        done = home.call(*on("claude"), "--messages", str(talk), "And?")
    assert (done.code, done.out) == (0, "Two.\n"), provider.refusals


@pytest.mark.parametrize("prog", ["loki-pipe", "loki"])
@pytest.mark.parametrize("flags", [[], ["-S"], ["-o", "json"], ["-o", "events"], ["-c"]])
def test_every_form_of_an_answer_is_kept_whole(
    home: Home, talk: Path, flags: list[str], prog: str
) -> None:
    text = "See:\n```python\nprint(1)\n```\n"
    with serving(plain(reply(text))) as server:
        home.local(server.address)
        assert home.call("-C", str(talk), *flags, "Hi", prog=prog).code == 0
    assert turns(talk)[-1] == {"role": "assistant", "content": text}


def test_a_system_prompt_is_said_once(home: Home, talk: Path) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        for prompt in ("Be brief.", "Be brief.", "Be long."):
            assert home.call("-C", str(talk), "-s", prompt, "Hi").code == 0
    assert roles(talk) == "suauasua" and len(sent(server)) == 7


def test_a_turn_written_by_hand_is_answered(home: Home, talk: Path) -> None:
    talk.write_text('{"role":"user","content":"Hi"}')
    with serving(ANSWER) as server:
        home.local(server.address)
        assert home.call("-C", str(talk)).code == 0
        assert roles(talk) == "ua"
        done = home.call("-C", str(talk))
    assert done.code == 64 and "no prompt" in done.err and len(server.asked) == 1


def test_images_stay_in_the_conversation(home: Home, talk: Path) -> None:
    (talk.parent / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nxyz")
    with serving(ANSWER) as server:
        home.local(server.address, "supports_vision: true")
        assert home.call("-C", str(talk), "-f", f"{talk.parent}/a.png", "What is it?").code == 0
        (talk.parent / "a.png").unlink()
        assert home.call("-C", str(talk), "Sure?").code == 0
    first = sent(server)[0][1]
    assert first[0]["image_url"]["url"].startswith("data:image/png;base64,iVBOR")


def test_a_call_that_nobody_answered_does_not_end_a_conversation(home: Home, talk: Path) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    lines = [
        {"role": "user", "content": "What time is it?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
    ]
    talk.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.call("-C", str(talk), "Never mind.")
    assert done.code == 0 and "nobody answered now (c1)" in done.err
    assert sent(server)[2] == ("tool", "nobody answered this call") and roles(talk) == "uaua"


def test_twenty_processes_append_twenty_whole_pairs(home: Home, talk: Path) -> None:
    def answer(asked: Asked) -> Script:
        time.sleep(0.02)
        return plain(reply(f"Yes, {asked.json['messages'][-1]['content']}." + "x" * 20_000))

    with serving(answer) as server:
        home.local(server.address)
        started = [
            home.start("-S", "-C", str(talk), f"{number}", stdin=subprocess.DEVNULL)
            for number in range(20)
        ]
        ends = [process.communicate(timeout=100) for process in started]
    assert {process.returncode for process in started} == {0}, ends
    asked, answered = turns(talk)[::2], turns(talk)[1::2]
    assert sorted(int(turn["content"]) for turn in asked) == [*range(20)]
    for question, found in zip(asked, answered, strict=True):
        assert found["content"].startswith(f"Yes, {question['content']}.x")
    assert sorted(len(each.json["messages"]) for each in server.asked) == [*range(1, 40, 2)]


def test_a_pipe_of_two_in_one_conversation_does_not_wait_for_itself(home: Home, talk: Path) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        program = f"{Path(sys.executable).parent}/loki-pipe -C {talk}"
        done = subprocess.run(
            ["sh", "-c", f"{program} -n one | {program} two"],
            env=home.variables(),
            capture_output=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert roles(talk) == "uaua" and turns(talk)[2]["content"] == "two\nHello.\n"


# ---- what is not whole -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "flags", "code", "text", "why"),
    [
        (CUT, [], 76, "Half an ans", "not finished"),
        (CUT, ["-o", "json"], 76, "Half an ans", "not finished"),
        (plain(reply("Too lo", "length")), [], 0, "Too lo", "cut off at its limit"),
        (plain(reply("No, I", "content_filter")), [], 0, "No, I", "cut off by the content filter"),
        (
            plain(reply("no data")),
            ["--schema", '{"type": "object"}'],
            65,
            "no data",
            "not what was asked for",
        ),
        (plain(reply("no code")), ["-c"], 65, "no code", "not what was asked for"),
    ],
    ids=["cut", "cut as json", "length", "filter", "schema", "code"],
)
def test_an_answer_that_is_not_whole_is_kept_aside(
    home: Home, talk: Path, script: Script, flags: list[str], code: int, text: str, why: str
) -> None:
    with serving(script) as server:
        home.local(server.address)
        done = home.call("-C", str(talk), *flags, "Hi")
    aside = Path(f"{talk}.aside")
    assert done.code == code and not talk.exists()
    assert f"the answer was not added to {talk}: it is in {aside} ({why})\n" in done.err
    assert [turn["content"] for turn in turns(aside)] == ["Hi", text]
    assert stat.S_IMODE(aside.stat().st_mode) == 0o600


@pytest.mark.parametrize("script", [plain({"error": {"message": "No."}}, 401), None, [CLOSE]])
def test_without_an_answer_nothing_is_kept(home: Home, talk: Path, script: Script) -> None:
    with serving(script) as server:
        home.local(server.address)
        assert home.call("--retries", "0", "-C", str(talk), "Hi").code in (69, 77)
    assert [*talk.parent.glob("talk*")] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_what_came_aside(home: Home, talk: Path, number: int) -> None:
    with serving(streamed(delta("Half"), 30.0)) as server:
        home.local(server.address)
        with home.start("-C", str(talk), "Hi", stdin=subprocess.DEVNULL) as process:
            assert process.stdout is not None and os.read(process.stdout.fileno(), 4) == b"Half"
            process.send_signal(number)
            assert process.wait(20) == 128 + number
    assert turns(Path(f"{talk}.aside"))[-1]["content"] == "Half" and not talk.exists()


def test_a_reader_that_goes_away_leaves_what_came_aside(home: Home, talk: Path) -> None:
    slow: list[Step] = [0.05, delta(" more")]
    with serving(streamed(delta("Half"), *slow * 200)) as server:
        home.local(server.address)
        with home.start("-C", str(talk), "Hi", stdin=subprocess.DEVNULL) as process:
            assert process.stdout is not None and os.read(process.stdout.fileno(), 4) == b"Half"
            process.stdout.close()
            assert process.wait(30) == 141
    assert turns(Path(f"{talk}.aside"))[-1]["content"].startswith("Half") and not talk.exists()


def test_a_conversation_that_cannot_be_written_costs_no_answer(home: Home, talk: Path) -> None:
    talk.write_text('{"role":"user","content":"Hi"}\n{"role":"assistant","content":"Hello."}\n')
    before = talk.read_text()
    limit = f"ulimit -f 0; trap '' XFSZ; exec {Path(sys.executable).parent}/loki-pipe --no-ledger"
    with serving(ANSWER) as server:
        home.local(server.address)
        done = subprocess.run(
            ["bash", "-c", f"{limit} -C {talk} And"],
            env=home.variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )
    assert done.returncode == 74 and done.stdout == b"Hello.\n", done.stderr
    assert f"cannot write {talk}: file too large".encode() in done.stderr
    assert talk.read_text() == before


@pytest.mark.parametrize(("name", "code"), [("loop", 74), ("n" * 300, 74), ("no/talk", 66)])
def test_a_file_that_cannot_be_written_is_said_before_anything_is_paid(
    home: Home, name: str, code: int
) -> None:
    (home.folder / "loop").symlink_to("loop")
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.call("-C", str(home.folder / name), "Hi")
    assert (done.code, done.out, server.asked) == (code, "", []), done.err


NAMED = '[{"role":"user","name":"Ann","content":"Hi"},{"role":"user","name":"Bob","content":"Ho"}]'


def test_the_names_of_who_speaks_go_along_and_are_kept(home: Home) -> None:
    talk = home.folder / "talk.jsonl"
    lines = [json.dumps(turn) for turn in json.loads(NAMED)]
    talk.write_text("\n".join(lines) + "\n")
    with serving(ANSWER) as server:
        home.local(server.address)
        assert home.call("--messages", NAMED).err == ""
        assert home.call("-C", str(talk)).err == ""
    for asked in server.asked:
        assert [turn["name"] for turn in asked.json["messages"]] == ["Ann", "Bob"]
    assert [turn.get("name") for turn in turns(talk)] == ["Ann", "Bob", None]


@pytest.mark.parametrize("wire", ["claude", "gemini", "responses"])
def test_names_that_a_protocol_lacks_are_left_out_with_a_note(home: Home, wire: str) -> None:
    with provided(home, wire, "Hello.") as provider:
        done = home.call(*on(wire), "--messages", NAMED)
    assert (done.code, done.out) == (0, "Hello.\n"), (done.err, provider.refusals)
    assert "knows no names in messages: Ann, Bob left out" in done.err


def test_a_name_that_is_no_text_is_refused(home: Home) -> None:
    home.local("http://127.0.0.1:9")
    done = home.call("--messages", '[{"role":"user","name":5,"content":"Hi"}]')
    assert done.code == 65 and "message 1: name is 5, not a text" in done.err
    done = home.call("--messages", '[{"role":"user","name":"a\\u0000","content":"Hi"}]')
    assert done.code == 65 and "message 1: name: a NUL character (at 2)" in done.err
