"""--cache as a shell sees it: in every command that sends, with and without an AGE."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from commands import Done, Home, with_environ
from servers import ANSWER, COUNTED, DONE, Asked, Script, delta, plain, reply, serving, streamed

from loki.cli.caching import cache_age
from loki.cli.parser import parse

CODE = plain(reply("```sh\nls\n```"))
ROUNDS = [f"{number}" for number in range(3)]


def test_a_second_call_sends_nothing_and_says_so(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        first = home.run("--cache", "-o", "json", "Hi")
        second = home.run("--cache", "-o", "json", "Hi")
        plain_text = home.run("--cache", "-v", "Hi")
        assert len(server.asked) == 1
        assert home.run("Hi").code == 0 and len(server.asked) == 2  # off unless asked for
    assert "cached" not in first.json and second.json["cached"] is True
    assert (second.json["cost"], second.json["text"]) == (0.0, "Hello.")
    assert plain_text.out == "Hello.\n" and " · cached · $0 · " in plain_text.err


def test_the_ledger_has_cached_calls_at_no_cost(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address, "input_price: 1\noutput_price: 1")
        for _ in ROUNDS:
            assert home.call("--cache", "Hi").code == 0
    (day,) = home.call("-o", "json", prog="loki-cost").lines
    assert (day["calls"], day["failed"], day["input"], day["output"]) == (3, 0, 10, 5)
    assert day["cost"] == pytest.approx(15e-6) and day["unknown_calls"] == 0


def test_events_come_again_as_they_came(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        first, second = (home.call("--cache", "-o", "events", "Hi") for _ in range(2))
        assert len(server.asked) == 1
    assert first.lines[:-1] == second.lines[:-1] and second.lines[0]["type"] == "text"
    assert second.lines[-1]["cached"] is True


@pytest.mark.parametrize(
    ("words", "variable", "seconds"),
    [
        ([], "", None),
        (["--cache"], "", float("inf")),
        (["--cache=1h"], "", 3600.0),
        (["--cache=2w"], "1h", 1209600.0),
        (["--cache"], "30m", 1800.0),
        ([], "7d", 604800.0),
        ([], "90s", 90.0),
    ],
)
def test_the_age_is_the_flag_s_else_the_variable_s(
    words: list[str], variable: str, seconds: float | None
) -> None:
    flags = parse("loki-pipe", [*words, "Hi"])
    assert cache_age(flags, {"LOKI_CACHE": variable}).unwrap() == seconds
    assert flags.text == ["Hi"]


@pytest.mark.parametrize("flag", ["run_tools", "search"])
def test_what_changes_each_time_needs_the_flag_itself(flag: str) -> None:
    flags = parse("loki-pipe", ["Hi"])
    setattr(flags, flag, True)
    assert cache_age(flags, {"LOKI_CACHE": "1h"}).unwrap() is None
    flags.cache = 60.0
    assert cache_age(flags, {"LOKI_CACHE": "1h"}).unwrap() == 60.0


@pytest.mark.parametrize("text", ["", "1", "h", "0h", "1y", "-1h", "1.5h"])
def test_what_is_no_age_is_refused(home: Home, text: str) -> None:
    home.local("http://127.0.0.1:9")
    done = home.call(f"--cache={text}", "Hi")
    assert done.code == 64 and "is not an age: 90s, 30m, 1h, 7d or 2w" in done.err
    if text:
        done = with_environ(home, {"LOKI_CACHE": text}).call("Hi")
        assert done.code == 78 and done.err.startswith("loki-pipe: config: LOKI_CACHE: ")


def test_a_variable_turns_the_cache_on(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        home.environ["LOKI_CACHE"] = "1h"
        assert [home.call("Hi").out for _ in range(2)] == ["Hello.\n"] * 2
        assert len(server.asked) == 1


def test_an_answer_without_the_code_that_was_wanted_is_asked_for_again(home: Home) -> None:
    with serving(plain(reply("No code.")), CODE) as server:
        home.local(server.address)
        codes = [home.call("--cache", "-c", "Hi").code for _ in range(3)]
        assert codes == [65, 0, 0] and len(server.asked) == 2


def test_embeddings_and_rankings_are_cached(home: Home) -> None:
    def answer(asked: Asked) -> Script:
        if "rerank" in asked.line:
            return plain({"results": [{"index": 0, "relevance_score": 0.5}]})
        return plain({"embeddings": {"float": [[1.0, 2.0]]}})

    with serving(answer) as server:
        home.configure(
            f"clients:\n  - type: cohere\n    api_key: k\n    api_base: {server.address}\n"
            "    models:\n      - {name: e, type: embedding}\n      - {name: r, type: reranker}\n"
        )
        for prog, words in (("loki-embed", ["-m", "cohere:e"]), ("loki-rerank", ["q"])):
            before = len(server.asked)
            done = [home.call("--cache", *words, prog=prog, stdin="a\n") for _ in range(2)]
            assert done[0].code == 0 and done[0] == done[1], done
            assert len(server.asked) == before + 1


def test_rows_are_cached(home: Home, tmp_path: Path) -> None:
    rows = "".join(json.dumps({"id": each, "prompt": each}) + "\n" for each in ROUNDS)
    with serving(plain(reply())) as server:
        home.local(server.address, "input_price: 1\noutput_price: 1")
        first = home.run("--cache", "-o", str(tmp_path / "a"), prog="loki-batch", stdin=rows)
        again = home.run("--cache", "-o", str(tmp_path / "b"), prog="loki-batch", stdin=rows)
        assert (first.code, again.code, len(server.asked)) == (0, 0, 3)
    lines = [json.loads(line) for line in (tmp_path / "b").read_text().splitlines()]
    assert {(line["cached"], line["cost"], line["text"]) for line in lines} == {(True, 0, "Hello.")}


def test_rows_on_a_cluster_are_not_cached(home: Home) -> None:
    home.local("http://127.0.0.1:9")
    done = home.run("--cache", "--scheduler", "tcp://a:1", prog="loki-batch", stdin="{}\n")
    assert done.code == 64 and "--scheduler" in done.err


def test_a_folder_of_others_is_refused_with_one_line(home: Home) -> None:
    (home.folder / "answers").mkdir(mode=0o777)
    (home.folder / "answers").chmod(0o777)
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.run("--cache", "Hi")
        assert (done.code, done.out, server.asked) == (78, "", [])
    assert done.err.count("\n") == 1 and "others can write it" in done.err


def test_many_at_once_get_whole_answers(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        running = [home.start("--cache", "-n", "Hi") for _ in range(8)]
        done = [process.communicate(timeout=60) for process in running]
    assert {out for out, _ in done} == {b"Hello.\n"} and {err for _, err in done} == {b""}
    assert {process.returncode for process in running} == {0}
    names = [name for name in os.listdir(home.folder / "answers") if name.startswith(".")]
    assert names == []


def test_a_call_that_is_killed_leaves_nothing_to_serve(home: Home) -> None:
    slow = streamed(delta("Hel"), 30.0, delta("lo."), delta(None, "stop"), COUNTED, DONE)
    with serving(slow, ANSWER) as server:
        home.local(server.address)
        with home.start("--cache", "-n", "Hi") as process:
            assert process.stdout is not None and process.stdout.read(3) == b"Hel"
            process.send_signal(signal.SIGKILL)
        again = home.run("--cache", "-n", "Hi")
        assert again.out == "Hello.\n" and len(server.asked) == 2


def test_a_dry_run_does_not_ask_the_cache(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        assert home.call("--cache", "Hi").code == 0
    done: Done = home.call("--cache", "--dry-run", "Hi")
    shown: Any = done.json
    assert shown["body"]["messages"] == [{"role": "user", "content": "Hi"}]


def test_what_is_kept_costs_nothing_whatever_it_could_have_cost(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address, "input_price: 1\noutput_price: 1000")
        words = ["--cache", "--max-tokens", "100", "Hi"]
        assert home.call(*words).code == 0
        assert home.call("--max-cost", "0.001", *words).out == "Hello.\n"
        assert home.call("--max-cost", "0.001", *words, "there").code == 80
        assert len(server.asked) == 1
