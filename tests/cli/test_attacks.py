"""What somebody who knew only the contract found within an hour, each with its promise."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from commands import Home
from servers import ANSWER, DONE, Script, delta, plain, reply, serving, streamed

MARK = "sk-mArK-of-the-secret-0123456789"
PRICED = "input_price: 1\noutput_price: 1\n"


def test_a_command_that_fails_does_not_make_us_show_what_it_printed(home: Home) -> None:
    command = f"echo {MARK}; echo not {MARK} >&2; exit 3"
    home.local("http://127.0.0.1:9", client=f"api_key_cmd: '{command}'")
    done = home.run("Hi")
    assert done.code == 77 and "the command failed with 3: not ***" in done.err
    assert MARK.lower() not in done.err.lower()


@pytest.mark.parametrize("words", [["--timeout", "1e12"], ["--timeout", "1e300"]])
def test_a_time_that_no_clock_counts_is_a_usage_error(home: Home, words: list[str]) -> None:
    home.local("http://127.0.0.1:9")
    done = home.run(*words, "Hi")
    assert done.code == 64 and "is not a number from 0.001 to 1e+08" in done.err


@pytest.mark.parametrize("words", [["--rpm", "1e-300"], ["--max-time", "1e300"]])
def test_a_run_takes_no_such_number_either(home: Home, words: list[str]) -> None:
    home.local("http://127.0.0.1:9")
    assert home.run(*words, "--lines", stdin="x\n", prog="loki-batch").code == 64


def test_a_tools_file_that_anybody_can_write_is_refused(home: Home) -> None:
    home.local("http://127.0.0.1:9")
    tools = home.folder / "tools.json"
    tools.write_text("[]")
    tools.chmod(0o666)
    done = home.run("--tools", str(tools), "Hi")
    assert done.code == 78 and f"{tools}: anybody can write it" in done.err


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_call_that_a_signal_ends_has_a_line_in_the_ledger(home: Home, number: int) -> None:
    with serving([20.0]) as server:
        home.local(server.address, PRICED)
        with home.start("Hi", stdin=subprocess.DEVNULL) as process:
            while not server.asked:
                time.sleep(0.02)
            process.send_signal(number)
            assert process.wait(20) == 128 + number
    report = home.run("-o", "json", prog="loki-cost")
    assert json.loads(report.out.splitlines()[0])["calls"] == 1


def test_a_hang_up_lets_the_rows_under_way_be_finished(home: Home) -> None:
    with serving([0.5, *plain(reply("late"))]) as server:
        home.local(server.address, PRICED)
        path = home.folder / "in"
        path.write_text("one\ntwo\nthree\n" * 100)
        words = ["--lines", "-j", "1", str(path)]
        with home.start(*words, prog="loki-batch", stdin=subprocess.DEVNULL) as process:
            while not server.asked:
                time.sleep(0.02)
            process.send_signal(signal.SIGHUP)
            out, err = process.communicate(timeout=30)
    assert process.returncode == 129 and b"ended early (SIGHUP); to go on: " in err
    assert len(out.splitlines()) == len(server.asked)


def test_nohup_is_heeded(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        with home.start(
            "Hi",
            stdin=subprocess.DEVNULL,
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
        ) as process:
            os.kill(process.pid, signal.SIGHUP)
            assert process.wait(20) == 0


def test_a_nul_in_a_table_is_an_error_row_and_a_long_cell_is_a_prompt(home: Home) -> None:
    with serving(plain(reply("ok"))) as server:
        home.local(server.address)
        path = home.folder / "in.csv"
        path.write_text(f"text\na\0b\n{'x' * 200_000}\n")
        words = ["--csv", "--template", "{text}", "--ordered", str(path)]
        done = home.run(*words, prog="loki-batch")
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 1 and rows[1]["text"] == "ok", done.err
    assert rows[0]["error"]["kind"] == "input" and "NUL" in rows[0]["error"]["message"]


@pytest.mark.parametrize("body", [{"max_tokens": 100_000}, {"n": 500}, {"max_tokens": None}])
def test_max_cost_counts_what_a_patch_asks_for(home: Home, body: dict[str, int | None]) -> None:
    """A hundred tokens could cost $0.0002; with the patch ten times as much and more."""
    home.local("http://127.0.0.1:9", PRICED + "max_output_tokens: 100000\n")
    words = ["--max-tokens", "100", "--max-cost", "0.001"]
    done = home.run(*words, "--patch", json.dumps({"body": body}), "Hi")
    assert done.code == 80 and "over --max-cost $0.001" in done.err


def test_a_budget_counts_what_a_patch_asks_for(home: Home) -> None:
    path = home.local("http://127.0.0.1:9", PRICED)
    path.write_text(path.read_text() + "budget:\n  per_day: 0.001\n")
    words = ["--max-tokens", "100", "--patch", '{"body": {"max_tokens": 100000}}', "Hi"]
    done = home.run(*words)
    assert done.code == 80 and "local:m could cost $0.1" in done.err


@pytest.mark.parametrize(
    ("prog", "words", "stdin", "expected"),
    [
        ("loki-pipe", ["Hi"], "", "Hello.\n"),
        ("loki-pipe", ["-o", "json", "Hi"], "", '"text":"Hello."'),
        ("loki-pipe", ["-o", "events", "Hi"], "", '"type":"done"'),
    ],
)
def test_an_answer_that_stdout_does_not_take_is_kept(
    home: Home, prog: str, words: list[str], stdin: str, expected: str
) -> None:
    with serving(ANSWER) as server, open("/dev/full", "wb") as full:
        home.local(server.address)
        source = subprocess.PIPE if stdin else subprocess.DEVNULL
        with home.start(*words, prog=prog, stdin=source, stdout=full) as process:
            _, err = process.communicate(stdin.encode(), timeout=30)
    assert process.returncode == 74
    line = err.decode().splitlines()[0]
    kept = Path(line.rpartition(" is in ")[2])
    assert "No space left on device" in line and expected in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600 and kept.parent == home.folder


@pytest.mark.parametrize(
    "flags", [["--param", "model=dear"], ["--patch", '{"body":{"model":"x"}}']]
)
def test_a_model_that_a_patch_names_has_no_known_price(home: Home, flags: list[str]) -> None:
    with serving(ANSWER) as server:
        home.local(server.address, PRICED)
        limited = home.run(*flags, "--max-tokens", "10", "--max-cost", "1", "Hi")
        assert limited.code == 80 and "which a patch asks for" in limited.err
        assert not server.asked
        done = home.run(*flags, "-o", "json", "Hi")
    assert (done.code, json.loads(done.out)["cost"]) == (0, None)


def test_what_a_failed_model_cost_is_gone_from_what_the_next_may(home: Home) -> None:
    refusal = {"message": {"role": "assistant", "content": ""}, "finish_reason": "content_filter"}
    usage = {"prompt_tokens": 10, "completion_tokens": 100, "total_tokens": 110}
    body = {"choices": [{"index": 0, **refusal}], "usage": usage}
    with serving(*[plain(body)] * 3) as server:
        home.local(server.address, PRICED)
        words = ["-S", "--max-tokens", "100", "--max-cost", "0.00015", "--fallback", "local:m"]
        done = home.run(*words, "Hi")
    assert done.code == 80 and len(server.asked) == 1


UNCOUNTED_REFUSAL = {
    "choices": [{"message": {"content": ""}, "finish_reason": "content_filter", "index": 0}]
}

#: First answers of which nobody knows what they cost, or whose refusal is free; and what follows.
UNKNOWN_COSTS: dict[str, tuple[Script, list[str], int]] = {
    "none in time": ([10], ["--idle-timeout", "0.3"], 80),
    "none in time, streamed": ([10], ["--idle-timeout", "0.3", "-o", "json"], 80),
    "a refusal in a stream, uncounted": (streamed(delta(None, "content_filter"), DONE), [], 80),
    "a refusal, uncounted": (plain(UNCOUNTED_REFUSAL), ["-S"], 80),
    "down": (plain({"error": "down"}, 503, "x-should-retry: false\r\n"), [], 0),
}


@pytest.mark.parametrize(("first", "flags", "code"), UNKNOWN_COSTS.values(), ids=UNKNOWN_COSTS)
def test_a_failed_call_of_unknown_cost_counts_at_its_worst_case(
    home: Home, first: Script, flags: list[str], code: int
) -> None:
    with serving(first, ANSWER) as server:
        home.local(server.address, PRICED)
        words = ["--max-tokens", "100", "--max-cost", "0.00015", "--fallback", "local:m"]
        done = home.run(*words, *flags, "Hi")
    assert (done.code, len(server.asked)) == (code, 1 if code else 2), done.err
    assert ("; it may have cost $0.0001" in done.err) == bool(code)
