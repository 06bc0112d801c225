"""loki-pipe as a shell sees it: what it asks, prints, and ends with."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from commands import BIN, Home, with_environ
from servers import (
    ANSWER,
    CLOSE,
    COUNTED,
    DONE,
    Script,
    Server,
    delta,
    plain,
    reply,
    serving,
    streamed,
)

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 8
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
ABLE = "supports_vision: true\nsupports_function_calling: true"


def prompt(server: Server) -> Any:
    """What the last message said."""
    return server.asked[-1].json["messages"][-1]["content"]


# ---- asking ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "stdin", "expected"),
    [
        (["Hi", "there"], "", "Hi there"),
        ([], "A document.\n", "A document.\n"),
        (["Summarise"], "A document.\n", "Summarise\nA document.\n"),
        (["Grüße"], "☀\r\n", "Grüße\n☀\r\n"),
        (["-m", "local:m", "--", "--help"], "", "--help"),
        (["one", "-m", "local", "two"], "", "one two"),
    ],
)
def test_the_prompt_is_text_and_stdin(
    home: Home, words: list[str], stdin: str, expected: str
) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.call(*words, stdin=stdin or None)
    assert (done.code, done.out, done.err) == (0, "Hello.\n", "")
    assert prompt(server) == expected


def test_every_flag_of_the_request_reaches_the_wire(home: Home, tmp_path: Path) -> None:
    (tmp_path / "tools.json").write_text(json.dumps([WEATHER]))
    words = [
        "-t",
        "0.5",
        "--top-p",
        "0.9",
        "--max-tokens",
        "50",
        "--stop",
        "A",
        "--stop",
        "B",
        "--seed",
        "7",
        "--reasoning",
        "low",
    ]
    words += ["--prompt", "Be brief.", "--tools", str(tmp_path / "tools.json")]
    words += ["--tool-choice", "weather", "--patch", '{"body":{"user":"me"},"headers":{"X-A":"1"}}']
    with serving(ANSWER) as server:
        home.local(server.address, ABLE)
        assert home.call(*words, "Hi").code == 0
    (asked,) = server.asked
    assert asked.json == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
        ],
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 50,
        "stop": ["A", "B"],
        "seed": 7,
        "reasoning_effort": "low",
        "tools": [WEATHER],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "stream": True,
        "stream_options": {"include_usage": True},
        "user": "me",
    }
    assert asked.headers["x-a"] == "1"


def test_a_conversation_goes_on(home: Home, tmp_path: Path) -> None:
    before = [
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}]},
        {"role": "assistant", "content": "A cat."},
    ]
    (tmp_path / "talk.json").write_text(json.dumps(before))
    with serving(ANSWER) as server:
        home.local(server.address)
        assert home.call("--messages", str(tmp_path / "talk.json"), "Sure?").code == 0
        assert home.call("--messages", "-", stdin=json.dumps(before[:1])).code == 0
    first, second = (asked.json["messages"] for asked in server.asked)
    assert first == [
        {"role": "user", "content": "What is it?"},
        {"role": "assistant", "content": "A cat."},
        {"role": "user", "content": "Sure?"},
    ]
    assert second == [{"role": "user", "content": "What is it?"}]


def test_files_are_told_by_their_content(home: Home, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("really text\n")
    (tmp_path / "photo").write_bytes(PNG)
    (tmp_path / "a.txt").write_bytes(b"%PDF-1.4 x")
    words = [
        word for name in ("notes.png", "photo", "a.txt") for word in ("-f", f"{tmp_path}/{name}")
    ]
    with serving(ANSWER) as server:
        home.local(server.address, ABLE)
        assert home.call(*words, "Compare").code == 0
    image, document, text = prompt(server)
    assert image["image_url"]["url"].startswith("data:image/png;base64,iVBOR")
    assert document["file"]["filename"] == "a.txt"
    assert document["file"]["file_data"].startswith("data:application/pdf;base64,")
    assert text["text"] == f'<file name="{tmp_path}/notes.png">\nreally text\n</file>\n\nCompare'


def test_stdin_can_be_an_attachment(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address, ABLE)
        assert home.call("-f", "-", "What is it?", stdin=PNG).code == 0
    assert [part["type"] for part in prompt(server)] == ["image_url", "text"]


def test_a_file_may_be_an_address(home: Home) -> None:
    with serving(plain(b"from afar")) as web, serving(ANSWER) as server:
        home.local(server.address)
        assert home.call("-f", f"{web.address}/doc.txt").code == 0
    assert "from afar" in prompt(server)


# ---- printing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["Hello."], "Hello.\n"),
        (["Hello.", "\n"], "Hello.\n"),
        (["a\n\n", "b\n\n\n"], "a\n\nb\n"),
        (["☀ \u2028 x"], "☀ \u2028 x\n"),
    ],
)
def test_text_ends_with_one_newline(home: Home, pieces: list[str], expected: str) -> None:
    frames = [delta(piece) for piece in pieces]
    with serving(streamed(*frames, delta(None, "stop"), DONE)) as server:
        home.local(server.address)
        assert home.call("Hi").out == expected


def test_text_is_there_as_soon_as_it_comes(home: Home) -> None:
    with serving(streamed(delta("Hel"), 20.0)) as server:
        home.local(server.address)
        with home.start("Hi") as process:
            assert process.stdout is not None and process.stdin is not None
            process.stdin.close()
            assert os.read(process.stdout.fileno(), 10) == b"Hel"
            process.kill()


def test_json_tells_everything(home: Home) -> None:
    frames = [
        delta(None, reasoning_content="Hm."),
        delta("Hello."),
        delta(None, "stop"),
        COUNTED,
        DONE,
    ]
    with serving(streamed(*frames)) as server:
        home.local(server.address, "input_price: 2\noutput_price: 10")
        result = home.call("-o", "json", "Hi").json
    assert result.pop("seconds") >= result.pop("first_token_seconds") >= 0
    assert result == {
        "model": "local:m",
        "text": "Hello.",
        "reasoning": "Hm.",
        "tool_calls": [],
        "finish": "stop",
        "finish_raw": "stop",
        "usage": {
            "input": 10,
            "cache_read": None,
            "cache_write": None,
            "output": 5,
            "reasoning": None,
        },
        "cost": 0.00007,
        "attempts": 1,
        "request_id": None,
        "message": {"role": "assistant", "content": "Hello."},
    }


def test_events_tell_it_piece_by_piece(home: Home) -> None:
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x":1}'}}
    frames = [
        delta(None, reasoning="Hm."),
        delta("Hel"),
        delta(None, "tool_calls", tool_calls=[call]),
    ]
    with serving(streamed(*frames, 0.05, DONE)) as server:
        home.local(server.address)
        *events, done = home.call("-o", "events", "Hi").lines
    assert events == [
        {"type": "reasoning", "text": "Hm."},
        {"type": "text", "text": "Hel"},
        {"type": "tool_call", "id": "a", "name": "f", "arguments": {"x": 1}},
    ]
    assert done["type"] == "done" and done["text"] == "Hel" and done["finish"] == "tools"


def test_thoughts_go_to_stderr_when_they_are_wanted(home: Home) -> None:
    frames = [delta("<think>Hm."), delta("</think>\n\nYes."), delta(None, "stop")]
    with serving(streamed(*frames)) as server:
        home.local(server.address)
        wanted, unwanted = home.call("--show-reasoning", "Hi"), home.call("Hi")
    assert (wanted.out, wanted.err) == ("Yes.\n", "Hm.\n")
    assert (unwanted.out, unwanted.err) == ("Yes.\n", "")


def test_only_the_code_is_printed(home: Home) -> None:
    text = "Here:\n```python\nprint(1)\nprint(2)\n```\nBye."
    with serving(plain(reply(text))) as server:
        home.local(server.address)
        assert home.call("-S", "-c", "Hi").out == "print(1)\nprint(2)\n"
    assert "stream" not in server.asked[0].json


SCHEMA = '{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}'


def test_an_answer_that_meets_its_schema(home: Home, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(SCHEMA)
    with serving(plain(reply('{"n": 1}'))) as server:
        home.local(server.address)
        result = home.call("--schema", str(tmp_path / "s.json"), "-o", "json", "Hi").json
        text = home.call("--schema", SCHEMA, "Hi").out
    assert result["data"] == {"n": 1} and text == '{"n": 1}\n'
    assert server.asked[0].json["response_format"]["json_schema"]["schema"] == json.loads(SCHEMA)


@pytest.mark.parametrize("answer", ['{"n": "x"}', "no JSON", "{}"])
def test_an_answer_that_breaks_its_schema(home: Home, answer: str) -> None:
    with serving(plain(reply(answer))) as server:
        home.local(server.address)
        done = home.call("--schema", SCHEMA, "-o", "json", "Hi")
    message, result = done.err.splitlines()
    assert (done.code, done.out) == (65, "")
    assert (
        message.startswith("loki-pipe: input: the answer ") and json.loads(result)["sent"] is True
    )


def test_code_in_a_list_runs_and_json_has_it_too(home: Home) -> None:
    text = "1. Save:\n\n   ```py\n   if x:\n       y\n   ```\n"
    with serving(plain(reply(text))) as server:
        home.local(server.address)
        assert home.call("-c", "Hi").out == "if x:\n    y\n"
        assert home.call("-c", "-o", "json", "Hi").json["text"] == "if x:\n    y"


def test_a_fence_around_the_value_is_not_printed(home: Home) -> None:
    with serving(plain(reply('```json\n{"n": 1}\n```'))) as server:
        home.local(server.address)
        assert home.call("--schema", SCHEMA, "Hi").out == '{"n": 1}\n'


def test_a_value_that_was_cut_off_says_why_it_breaks(home: Home) -> None:
    with serving(plain(reply('{"n": ', "length"))) as server:
        home.local(server.address)
        assert "it was cut off" in home.call("--schema", SCHEMA, "Hi").err


def test_an_answer_that_a_filter_stopped_is_warned_of(home: Home) -> None:
    with serving(streamed(delta("Hel"), delta(None, "content_filter"))) as server:
        home.local(server.address)
        done = home.call("Hi")
    assert (done.code, done.out) == (0, "Hel\n") and "filter" in done.err


def test_an_answer_that_was_cut_off_is_warned_of(home: Home) -> None:
    with serving(streamed(delta("Hel"), delta(None, "length"))) as server:
        home.local(server.address)
        done, quiet = home.call("Hi"), home.call("-q", "Hi")
    assert done.code == 0 and "cut off" in done.err
    assert quiet.err == ""


def test_verbose_ends_with_tokens_cost_and_seconds(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address, "input_price: 2\noutput_price: 10")
        line = home.call("-v", "Hi").err
    assert line.startswith("loki-pipe: local:m · 10 tokens in, 5 out · $0.00007 · ")


# ---- failing -----------------------------------------------------------------------------------

BAD_FILES = {
    "broken.json": b'{"a": }',
    "roles.json": b'[{"role": "usr", "content": "Hi"}]',
    "binary": b"\x7fELF\0\0",
    "tools.json": json.dumps([WEATHER]).encode(),
    "photo": PNG,
}


@pytest.mark.parametrize(
    ("words", "stdin", "code", "message"),
    [
        ([], b"", 64, "usage: no prompt: give TEXT, or pipe a document in"),
        (["--promt", "Hi"], b"", 64, "unknown flag --promt: did you mean --prompt? (see"),
        (["--list-models"], b"", 64, "unknown flag --list-models: it is a flag of loki"),
        (["--bogus", "Hi"], b"", 64, "usage: unknown flag --bogus"),
        (["-t", "9", "Hi"], b"", 64, "'9' is not a number from 0 to 2"),
        (["--retries", "x", "Hi"], b"", 64, "'x' is not a whole number"),
        (["--reasoning", "much", "Hi"], b"", 64, "'much' is not none, minimal, low"),
        (["-o", "xml", "Hi"], b"", 64, "invalid choice: 'xml'"),
        (["--tool-choice", "f", "Hi"], b"", 64, "--tool-choice needs --tools"),
        (["-f", "-", "--messages", "-"], b"", 64, "stdin can be read once"),
        (["-f", "photo", "Hi"], b"", 64, "local:m takes no images"),
        (["--tools", "tools.json", "Hi"], b"", 64, "local:m calls no tools"),
        ([], b"a\0b", 65, "stdin has a NUL: byte 1 is 0; tr -d '\\0' takes it out"),
        ([], b"%PDF-\0", 65, "stdin is binary: byte 5 is 0; attach it with -f -"),
        (["-f", "-", "Hi"], b"a\0b", 65, "without byte 1, a NUL, it is text (tr -d '\\0')"),
        ([], b"word " * 50_000, 65, "the prompt has about 62,500 tokens, local:m takes 1,000"),
        (["-f", "binary"], b"", 65, "binary: neither text in UTF-8, PNG"),
        (["-f", "."], b"", 65, "--file: cannot read .: is a directory"),
        (["--messages", "broken.json"], b"", 65, "broken.json:1:7: not JSON"),
        (["--messages", "roles.json"], b"", 65, "roles.json: message 1: role is 'usr'"),
        (["--schema", '{"type": "objct"}', "Hi"], b"", 65, "--schema: not a JSON Schema: $.type"),
        (["--schema", "{", "Hi"], b"", 65, "--schema:1:2: not JSON"),
        (["--tools", "roles.json", "Hi"], b"", 65, "roles.json: tool 1: expected"),
        (["--patch", "{", "Hi"], b"", 65, "--patch:1:2: not JSON"),
        (["--patch", '{"bdy": 1}', "Hi"], b"", 65, "unknown key 'bdy'; did you mean 'body'?"),
        (["-f", "nowhere"], b"", 66, "--file: no file nowhere"),
        (["--messages", "nowhere"], b"", 66, "--messages: no file nowhere"),
        (["--schema", "nowhere", "Hi"], b"", 66, "--schema: no file nowhere"),
        (["-m", "lokal:m", "Hi"], b"", 78, "no client named 'lokal'; did you mean 'local'?"),
        (["-m", "local:n", "Hi"], b"", 78, "client 'local' has no model 'n'"),
        (["-m", "m", "Hi"], b"", 78, "no client named 'm'; did you mean local:m?"),
        (["--config", "nowhere", "Hi"], b"", 78, "no configuration file nowhere"),
        (["--patch", '{"url": "ftp://x"}', "Hi"], b"", 78, "'ftp://x' is not an http or https"),
        (["--patch", '{"headers": {"A": "b\\nc"}}', "Hi"], b"", 78, "header A has a line break"),
        (["--max-cost", "1", "Hi"], b"", 80, "--max-cost: nobody knows local:m's worst case"),
    ],
)
def test_bad_input_is_one_clear_line_and_nothing_is_sent(
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    stdin: bytes,
    code: int,
    message: str,
) -> None:
    for name, data in BAD_FILES.items():
        (home.folder / name).write_bytes(data)
    monkeypatch.chdir(home.folder)
    with serving(ANSWER) as server:
        home.local(server.address, "max_input_tokens: 1000")
        done = home.call(*words, stdin=stdin or None)
    assert (done.code, done.out) == (code, "")
    (line,) = done.err.splitlines()
    assert line.startswith("loki-pipe: ") and message in line
    assert server.asked == []


def test_errors_are_told_to_programs_too(home: Home) -> None:
    body = {"error": {"message": "Bad key.", "code": "invalid_api_key"}}
    with serving(plain(body, 401, "x-request-id: r1\r\n")) as server:
        home.local(server.address)
        done = home.call("-o", "json", "Hi")
    line, result = done.err.splitlines()
    shown = "loki-pipe: auth: Bad key; client 'local' (401 invalid_api_key, request r1)"
    assert done.code == 77 and line == shown
    assert json.loads(result) == {
        "kind": "auth",
        "message": "Bad key; client 'local'",
        "status": 401,
        "code": "invalid_api_key",
        "request_id": "r1",
        "retry_at": None,
        "sent": True,
    }


def test_what_was_printed_stays_when_a_stream_breaks(home: Home) -> None:
    with serving([*streamed(delta("Hel"), end=False), CLOSE]) as server:
        home.local(server.address)
        done = home.call("Hi")
        events = home.call("-o", "events", "Hi").lines
    assert (
        done.code == 76
        and done.out.startswith("Hel")
        and "garbled: the answer broke off" in done.err
    )
    assert [event["type"] for event in events] == ["text", "error"]


def test_the_next_model_is_tried_when_one_is_down(home: Home) -> None:
    bad = plain({"error": "down"}, 503, "x-should-retry: false\r\n")
    with serving(bad, ANSWER) as server:
        home.local(server.address, client="", model="")
        path = home.folder / "config.yaml"
        path.write_text(path.read_text() + "      - name: n\n")
        done = home.call("-m", "local:m", "--fallback", "local:n", "-o", "json", "Hi")
        wrong = home.call("-m", "local:x", "--fallback", "local:n", "Hi")
    assert done.json["model"] == "local:n"
    assert done.err == "loki-pipe: offline: down; trying local:n\n"
    assert wrong.code == 78


@pytest.mark.parametrize(
    ("last", "code", "message"),
    [
        (plain({"error": "down"}, 503, "x-should-retry: false\r\n"), 69, "offline: local:n: down"),
        (plain({"error": "bad"}, 400), 65, "input: local:n: bad"),
    ],
)
def test_the_last_failure_names_its_model_and_those_before_it(
    home: Home, last: Script, code: int, message: str
) -> None:
    poor = {"error": {"message": "Poor.", "code": "insufficient_quota"}}
    with serving(plain(poor, 429), last) as server:
        path = home.local(server.address)
        path.write_text(path.read_text() + "      - name: n\n")
        done = home.call("-q", "-m", "local:m", "--fallback", "local:n", "Hi")
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith(f"loki-pipe: {message} (before it: local:m: quota)")


@pytest.mark.parametrize("before", [b"", delta("Hel")])
def test_events_always_end_with_done_or_error(home: Home, before: bytes) -> None:
    with serving([*streamed(*filter(None, (before,)), end=False), CLOSE]) as server:
        home.local(server.address)
        assert home.call("-o", "events", "Hi").lines[-1]["type"] == "error"
    with serving(plain(reply("no JSON"))) as server:
        home.local(server.address)
        assert home.call("-o", "events", "--schema", SCHEMA, "Hi").lines[-1]["type"] == "error"
    home.local("http://127.0.0.1:1")
    assert home.call("-o", "events", "--retries", "0", "Hi").lines[-1]["kind"] == "offline"


@pytest.mark.parametrize(
    ("expected", "status", "asked"),
    [
        ("The model `m` does not exist", 404, ["m", "n"]),
        ("Unknown model m", 400, ["m", "n"]),
        ("no such cache", 404, ["m"]),
    ],
)
def test_the_next_model_is_tried_when_one_is_unknown_but_not_for_another_404(
    home: Home, expected: str, status: int, asked: list[str]
) -> None:
    with serving(plain({"error": {"message": expected}}, status), ANSWER) as server:
        path = home.local(server.address)
        path.write_text(path.read_text() + "      - name: n\n")
        done = home.call("-m", "local:m", "--fallback", "local:n", "-o", "json", "Hi")
    assert [each.json["model"] for each in server.asked] == asked
    if "n" in asked:
        assert (done.code, done.json["model"]) == (0, "local:n")
        assert done.err == f"loki-pipe: config: {expected}; trying local:n\n"
    else:
        assert (done.code, done.out) == (78, "")


DOWN = plain({"error": "down"}, 503, "x-should-retry: false\r\n")


@pytest.mark.parametrize(
    ("first", "fallback", "limit", "answers", "expected"),
    [
        ("m", "unpriced", "1", [ANSWER], ""),
        ("m", "dear", "0.01", [ANSWER], ""),
        ("m", "unpriced", "1", [DOWN], "budget: --max-cost: nobody knows local:unpriced's worst"),
        ("m", "dear", "0.01", [DOWN], "budget: local:dear could cost $"),
        ("dear", "m", "0.01", [], "budget: local:dear could cost $"),
    ],
)
def test_what_a_model_may_cost_is_seen_to_when_its_turn_comes(
    home: Home, first: str, fallback: str, limit: str, answers: list[Script], expected: str
) -> None:
    with serving(*answers, ANSWER) as server:
        path = home.local(server.address, "input_price: 1\noutput_price: 1\n")
        more = "      - name: dear\n        input_price: 1\n        output_price: 9000\n"
        path.write_text(path.read_text() + "      - name: unpriced\n" + more)
        words = ["-m", f"local:{first}", "--fallback", f"local:{fallback}"]
        done = home.call(*words, "--max-tokens", "10", "--max-cost", limit, "Hi")
    assert (done.code, len(server.asked)) == (80 if expected else 0, len(answers))
    assert f"loki-pipe: {expected}" in done.err if expected else not done.err


def test_no_model_is_tried_once_there_is_no_time(home: Home) -> None:
    with serving([9.0]) as server:
        path = home.local(server.address)
        path.write_text(path.read_text() + "      - name: n\n      - name: o\n")
        words = ["-m", "local:m", "--fallback", "local:n", "--fallback", "local:o"]
        done = home.call(*words, "--timeout", "1", "Hi")
    assert (done.code, len(server.asked)) == (69, 1)
    assert "trying" not in done.err and "before it" not in done.err
    assert done.err.startswith("loki-pipe: offline: local:m: ")


def test_a_fallback_that_cannot_be_asked_is_said_at_once(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.call("--fallback", "nope", "Hi")
    assert done.code == 78 and "no client named 'nope'" in done.err and server.asked == []


@pytest.mark.parametrize(
    ("words", "where", "code", "expected"),
    [
        (["Hi"], ">&-", 64, "loki-pipe: usage: standard output is closed"),
        (["Hi"], "2>&-", 0, ""),
        (["-v", "Hi"], "2>/dev/full", 0, ""),
        (["Hi"], ">/dev/full", 74, "cannot write the answer: No space left on device; the rest"),
        (["-f", "-", "Hi"], "<&-", 0, ""),
    ],
)
def test_closed_and_full_streams_are_no_fault_of_ours(
    home: Home, words: list[str], where: str, code: int, expected: str
) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        line = f"exec {BIN}/loki-pipe {' '.join(words)} {where}"
        done = subprocess.run(
            ["sh", "-c", line], env=home.variables(), stdin=subprocess.DEVNULL, capture_output=True
        )
    assert done.returncode == code and expected in done.stderr.decode()
    assert b"Traceback" not in done.stderr and b"bug" not in done.stderr


def test_help_is_there_in_any_locale(home: Home) -> None:
    poor = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert with_environ(home, poor).run("--help").code == 0
    with serving(ANSWER) as server:
        home.local(server.address)
        assert with_environ(home, poor).run("é☃").out == "Hello.\n"
    assert prompt(server) == "é☃"


def test_what_a_server_says_stays_on_one_line(home: Home) -> None:
    body = {"error": {"message": "evil \x1b[31m\nred\x07", "code": "x\ny"}}
    with serving(plain(body, 400)) as server:
        home.local(server.address)
        err = home.call("Hi").err
    assert err == "loki-pipe: input: evil  red (400 x y)\n"


# ---- ending early ------------------------------------------------------------------------------


def endless(home: Home) -> subprocess.Popen[bytes]:
    process = home.start("Hi", stdin=subprocess.DEVNULL)
    assert process.stdout is not None
    assert os.read(process.stdout.fileno(), 3) == b"Hel"
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_close_the_connection(home: Home, number: int, code: int) -> None:
    with serving(streamed(delta("Hel"), 20.0)) as server:
        home.local(server.address)
        process = endless(home)
        process.send_signal(number)
        _, err = process.communicate(timeout=5)
        assert process.returncode == code and err == b""
        assert server.closed.wait(5)


def test_a_reader_that_leaves_stops_the_provider(home: Home) -> None:
    drip = [step for i in range(200) for step in (delta(f"line {i}\n"), 0.05)]
    with serving(streamed(*drip)) as server:
        home.local(server.address)
        process = endless_lines(home)
        started = time.monotonic()
        _, err = process.communicate(timeout=5)
        assert process.returncode == 141 and err == b""
        assert time.monotonic() - started < 4
        assert server.closed.wait(5)


def endless_lines(home: Home) -> subprocess.Popen[bytes]:
    process = home.start("Hi", stdin=subprocess.DEVNULL)
    assert process.stdout is not None
    assert os.read(process.stdout.fileno(), 4) == b"line"
    process.stdout.close()
    process.stdout = None
    return process


# ---- looking -----------------------------------------------------------------------------------


def test_a_dry_run_shows_the_request_and_sends_nothing(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address, client="api_key: sk-very-secret")
        shown = home.call("--dry-run", "Hi")
        curl = home.call("--dry-run=curl", "it's")
    assert shown.json == {
        "method": "POST",
        "url": f"{server.address}/chat/completions",
        "headers": {
            "Authorization": "Bearer ***",
            "Content-Type": "application/json",
            "User-Agent": "loki/0.1.0",
        },
        "body": {
            "model": "m",
            "messages": [{"role": "user", "content": "Hi"}],
            "stream": True,
            "stream_options": {"include_usage": True},
        },
    }
    assert '-H "Authorization: Bearer $LOCAL_API_KEY"' in curl.out
    assert curl.out.endswith("\nEND\n") and '"it\'s"' in curl.out
    assert "secret" not in shown.out + curl.out and server.asked == []


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_the_curl_of_a_dry_run_is_the_same_request(home: Home) -> None:
    with serving(plain(reply())) as server:
        home.local(server.address)
        command = home.call("-S", "--dry-run=curl", "it's ☀").out
        subprocess.run(
            ["sh", "-c", command.replace("curl ", "curl -s ", 1)], check=True, timeout=10
        )
        assert home.call("-S", "it's ☀").code == 0
    by_curl, by_us = server.asked
    assert by_curl.body == by_us.body and by_curl.line == by_us.line


def test_secrets_are_not_looked_up_before_the_request_leaves(home: Home) -> None:
    mark = home.folder / "ran"
    home.local("http://127.0.0.1:9", client=f"api_key_cmd: touch {mark}; echo k")
    assert home.call("--dry-run", "Hi").code == 0 and not mark.exists()
    with serving(ANSWER) as server:
        home.local(server.address, client=f"api_key_cmd: touch {mark}; echo k1")
        assert home.call("Hi").code == 0
    assert mark.exists() and server.asked[0].headers["authorization"] == "Bearer k1"


def test_explain_says_what_came_from_where(home: Home) -> None:
    home.local(
        "http://127.0.0.1:9",
        "real_name: the-model\npatch:\n  body:\n    a: 1",
        "api_key: sk-secret",
    )
    result = with_environ(home, {"LOKI_TEMPERATURE": "0.3", "LOCAL_API_BASE": "http://127.0.0.1:7"})
    err = result.call("--explain", "--dry-run", "--top-p", "0.5", "Hi").err
    assert "local:m, sent as the-model" in err
    assert "temperature   0.3 (LOKI_TEMPERATURE)" in err
    assert "top_p         0.5 (command line)" in err
    assert "api_base      http://127.0.0.1:7 (LOCAL_API_BASE)" in err
    assert "patch of the model" in err and "secret" not in err
    assert "config.yaml" in err.splitlines()[0]


def test_without_a_configuration_a_platform_and_a_key_are_enough(home: Home) -> None:
    with serving(plain(reply())) as server:
        environ = {
            "LOKI_PLATFORM": "groq",
            "GROQ_API_KEY": "gsk",
            "GROQ_API_BASE": f"{server.address}/v1",
        }
        done = with_environ(home, environ).call("Hi")
    assert done.code == 0, done.err
    assert server.asked[0].headers["authorization"] == "Bearer gsk"
    assert server.asked[0].line.startswith("POST /v1/chat/completions")


def test_secrets_in_patches_are_not_shown(home: Home) -> None:
    home.local("http://127.0.0.1:9")
    patch = '{"body": {"api_key": "BODY1", "auth": {"token": "BODY2"}}}'
    for form in ("json", "curl"):
        shown = home.call(f"--dry-run={form}", "--patch", patch, "Hi").out
        assert "BODY" not in shown and "***" in shown


def test_the_environment_may_refer_too(home: Home) -> None:
    (home.folder / "key").write_text("from-file\n")
    with serving(ANSWER) as server:
        home.local(server.address)
        for environ, key in (
            ({"LOCAL_API_KEY": "{{OTHER}}", "OTHER": "k1"}, "k1"),
            ({"LOCAL_API_KEY_CMD": "echo k2"}, "k2"),
            ({"LOCAL_API_KEY_FILE": str(home.folder / "key")}, "from-file"),
        ):
            assert with_environ(home, environ).call("Hi").code == 0
            assert server.asked[-1].headers["authorization"] == f"Bearer {key}"
        assert with_environ(home, {"LOCAL_API_KEY": "{{NOPE}}"}).call("Hi").code == 77


def test_a_proxy_may_stand_in_dot_env(home: Home) -> None:
    with serving(ANSWER) as server, serving(ANSWER) as proxy:
        home.local(server.address)
        (home.folder / ".env").write_text(f"http_proxy={proxy.address}\n")
        home.environ |= {"no_proxy": "", "NO_PROXY": ""}
        assert home.call("Hi").code == 0
    assert len(proxy.asked) == 1 and server.asked == []


def test_no_secret_is_ever_printed(home: Home) -> None:
    echo = plain({"error": {"message": "Incorrect API key: sk-very-secret"}}, 401)
    with serving(echo) as server:
        home.local(server.address, client="api_key: sk-very-secret")
        for words in (["Hi"], ["-o", "json", "Hi"], ["-v", "--explain", "Hi"]):
            done = home.call(*words)
            assert done.code == 77 and "very-secret" not in done.out + done.err
    kept = [
        path for path in home.folder.rglob("*") if path.name != "config.yaml" and path.is_file()
    ]
    assert not any(b"very-secret" in path.read_bytes() for path in kept)


@pytest.mark.parametrize("output", ["json", "events"])
def test_the_text_of_an_answer_that_broke_off_is_in_its_error(home: Home, output: str) -> None:
    with serving(streamed(delta("Half an ans"), CLOSE, end=False)) as server:
        home.local(server.address)
        done = home.call("-o", output, "Hi")
    assert done.code == 76
    if output == "json":
        assert json.loads(done.err.splitlines()[-1])["text"] == "Half an ans"
    else:
        assert done.lines[0] == {"type": "text", "text": "Half an ans"}
