"""loki-batch: whatever was billed is counted, told and kept; --max-cost is never passed."""

from __future__ import annotations

import json
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bulk import bulk_server
from commands import Done, Home
from servers import Asked, Step, plain, reply, serving

PRICED = "input_price: 1\noutput_price: 2"  # 20 dollars a million answers of tests/servers.py
SCHEMA = '{"type": "object", "required": ["n"]}'


def batch(home: Home, address: str, rows: int, *words: str) -> Done:
    """Run the command over some rows."""
    home.local(address, PRICED)
    path = home.folder / "in"
    path.write_text("".join(json.dumps({"id": i, "prompt": f"p{i}"}) + "\n" for i in range(rows)))
    return home.run("-m", "local:m", str(path), *words, prog="loki-batch")


def called(arguments: str) -> Any:
    """Return an answer that calls a tool with such arguments."""
    result = reply("Let me see.", "tool_calls")
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    result["choices"][0]["message"]["tool_calls"] = [call]
    return result


def refused() -> Any:
    """Return an answer that is a refusal."""
    result = reply("", "content_filter")
    result["choices"][0]["message"] = {"role": "assistant", "content": None, "refusal": "No."}
    return result


BILLED: dict[str, tuple[Any, list[str], str, str]] = {
    "schema": (reply("not JSON"), ["--schema", SCHEMA], "input", "not JSON"),
    "breaks": (reply('{"m": 1}'), ["--schema", SCHEMA], "input", '{"m": 1}'),
    "cut": (reply('{"n": ', "length"), ["--schema", SCHEMA], "input", '{"n": '),
    "garbled": (called("{"), [], "garbled", "Let me see."),
    "filter": (refused(), [], "refused", ""),
}


@pytest.mark.parametrize("name", BILLED)
def test_an_answer_that_is_a_failure_keeps_what_was_paid_for(home: Home, name: str) -> None:
    body, words, kind, text = BILLED[name]
    with serving(plain(body)) as server:
        out, summary = home.folder / "out", home.folder / "sum"
        more = ["-o", str(out), "--summary", str(summary), *words]
        done = batch(home, server.address, 3, *more)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert done.code == 1 and len(rows) == 3, done.err
    for row in rows:
        assert row["error"]["kind"] == kind and row["text"] == text and row["cost"] == 0.00002
        assert (row["usage"]["input"], row["usage"]["output"]) == (10, 5)
    parsed = json.loads(summary.read_text())
    assert parsed["cost"] == 0.00006 and parsed["usage"]["output"] == 15
    assert "45 tokens · $0.00006" in done.err
    assert ledger(home) == [(20_000_000, 1)] * 3  # 1e-12 dollars: as the rows say


def ledger(home: Home) -> list[tuple[int, int]]:
    """Return the cost of every call, and whether it is exact."""
    with sqlite3.connect(home.folder / "ledger.db") as db:
        return db.execute("SELECT cost, exact FROM calls").fetchall()


def test_a_failure_that_cost_nothing_says_nothing_of_money(home: Home) -> None:
    with serving(plain({"error": {"message": "No."}}, 400)) as server:
        done = batch(home, server.address, 1, "--summary", str(home.folder / "sum"))
    assert done.code == 1 and set(done.lines[0]) == {"id", "line", "key", "error"}
    assert json.loads((home.folder / "sum").read_text())["cost"] == 0


def test_an_answer_that_never_came_may_have_cost_something(home: Home) -> None:
    with serving([5.0]) as server:
        words = ["--timeout", "0.5", "--retries", "0", "--summary", str(home.folder / "sum")]
        done = batch(home, server.address, 1, *words)
    parsed = json.loads((home.folder / "sum").read_text())
    assert done.lines[0]["error"]["sent"] is True
    assert parsed["cost"] is None and parsed["unknown_costs"] == 1


def test_a_run_that_goes_on_says_what_failures_had_cost(home: Home) -> None:
    with serving(*[plain(reply("no"))] * 2, plain(reply('{"n": 1}'))) as server:
        words = ["-o", str(home.folder / "out"), "--schema", SCHEMA, "--max-tokens", "9"]
        assert batch(home, server.address, 2, *words).code == 1
        check = batch(home, server.address, 2, *words, "--check")
        assert check.out.startswith("2 left") and "2 failed before, for $0.00004" in check.out
        again = batch(home, server.address, 2, *words, "--summary", str(home.folder / "sum"))
    assert again.code == 0 and "2 answered" in again.err
    assert "2 failed before, for $0.00004" in again.err
    parsed = json.loads((home.folder / "sum").read_text())
    assert (parsed["failed_before"], parsed["cost_before"], parsed["cost"]) == (2, 0.00004, 0.00004)


@pytest.mark.parametrize("name", ["out", "out.csv"])
def test_failures_of_all_earlier_runs_are_counted(home: Home, name: str) -> None:
    """Two runs fail, the third answers, the fourth asks nothing: each names what was paid."""
    bad, good = [plain(reply("no"))] * 2, plain(reply('{"n": 1}'))
    out, summary = home.folder / name, home.folder / "sum"
    words = ["-o", str(out), "--schema", SCHEMA, "--summary", str(summary)]
    found = []
    with serving(*bad, *bad, good) as server:
        for code in (1, 1, 0, 0):
            done = batch(home, server.address, 2, *words)
            parsed = json.loads(summary.read_text())
            found.append((parsed["failed_before"], parsed["cost_before"], parsed["cost"]))
            assert done.code == code, done.err
        check = batch(home, server.address, 2, *words, "--check")
        assert len(server.asked) == 6
    assert found == [
        *((0, 0, 0.00004), (2, 0.00004, 0.00004), (4, 0.00008, 0.00004), (4, 0.00008, 0)),
    ]
    assert "4 failed before, for $0.00008" in done.err and "4 failed before" in check.out
    assert len(out.with_name(f"{name}.failed").read_text().splitlines()) == 4 + 2 * (name != "out")


def test_failures_of_unknown_cost_are_counted_in_later_runs(home: Home) -> None:
    with serving([5.0], plain(reply())) as server:
        words = ["-o", str(home.folder / "out"), "--timeout", "0.5", "--retries", "0"]
        assert batch(home, server.address, 1, *words).code == 1
        for _ in range(2):
            summary = home.folder / "sum"
            done = batch(home, server.address, 1, *words, "--summary", str(summary))
            parsed = json.loads(summary.read_text())
            assert (parsed["cost_before"], parsed["unknown_costs_before"]) == (0, 1)
            assert "1 failed before, for ≥ $0 (1 of unknown cost)" in done.err


@pytest.mark.parametrize(("first", "cost"), [("refused", 0.00002), ("silent", None)])
def test_a_row_counts_the_models_that_failed_before_the_last(
    home: Home, first: str, cost: float | None
) -> None:
    """The last one says that it has billed nothing; what came before it was paid all the same."""
    one: Any = plain(refused()) if first == "refused" else [5.0]
    with serving(one) as a, serving(plain({"error": {"message": "No."}}, 500)) as b:
        client = (
            "  - {{type: openai-compatible, name: {}, api_base: '{}',"
            " models: [{{name: m, input_price: 1, output_price: 2}}]}}\n"
        )
        pairs = (("a", a.address), ("b", b.address))
        home.configure("clients:\n" + "".join(client.format(*pair) for pair in pairs))
        words = ["-m", "a:m", "--fallback", "b:m", "--retries", "0", "--timeout", "1"]
        more = ["--summary", str(home.folder / "sum")]
        row = json.dumps({"id": 1, "prompt": "Hi"})
        done = home.run(*words, *more, stdin=row, prog="loki-batch")
    parsed = json.loads((home.folder / "sum").read_text())
    assert done.lines[0]["error"]["kind"] == "offline" and done.lines[0].get("cost") == cost
    assert parsed["cost"] == cost and parsed["unknown_costs"] == (cost is None)


# ---- --max-cost --------------------------------------------------------------------------------


def test_failures_that_cost_something_use_up_the_limit(home: Home) -> None:
    with serving(plain(reply("no"))) as server:
        words = ["--schema", SCHEMA, "--max-cost", "0.001", "--max-tokens", "10"]
        done = batch(home, server.address, 200, *words)
        seen = len(server.asked)
    assert done.code == 80 and 40 <= seen <= 50, done.err
    assert "of --max-cost $0.001 is spent, and the next row could cost $0.00" in done.err


def test_nothing_is_sent_that_could_pass_the_limit(home: Home) -> None:
    with bulk_server() as server:
        words = ["--max-cost", "1e-7", "--max-tokens", "10"]
        done = batch(home, server.address, 20, *words)
        assert (done.code, server.counts["seen"]) == (80, 0)
    assert {row["error"]["kind"] for row in done.lines} == {"budget"} and len(done.lines) == 20


def test_a_row_that_is_too_dear_alone_fails_and_the_others_go_on(home: Home) -> None:
    rows = [{"id": n, "prompt": "p", "max_tokens": 10 if n else 10**6} for n in range(4)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    with bulk_server() as server:
        home.local(server.address, PRICED)
        words = ["-m", "local:m", "--max-cost", "0.01", "--ordered"]
        done = home.run(*words, stdin=text, prog="loki-batch")
        assert (done.code, server.counts["seen"]) == (1, 3), done.err
    first, *others = done.lines
    assert first["error"]["kind"] == "budget" and not any("error" in row for row in others)
    assert "this row alone could cost $2" in first["error"]["message"]
    assert "ended early" not in done.err


@pytest.mark.parametrize("in_flight", [1, 4, 16])
def test_what_is_under_way_never_adds_up_to_more_than_the_limit(home: Home, in_flight: int) -> None:
    """A row costs $0.000020, and at worst $0.000201: so only nine may be under way at first."""
    with bulk_server(latency=0.02) as server:
        words = ["--max-cost", "0.002", "--max-tokens", "100", "-j", f"{in_flight}"]
        done = batch(home, server.address, 300, *words)
        seen = server.counts["seen"]
    spent = sum(Decimal(str(row["cost"])) for row in done.lines)
    assert done.code == 80 and len(done.lines) == seen
    assert Decimal("0.00175") < spent <= Decimal("0.002") - Decimal("0.00018"), spent


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--max-cost", "0.0003", "--max-tokens", "100"], 80, "budget: $0.0001 of --max-cost"),
        (["--max-cost", "0.0001", "--max-tokens", "100"], 80, "budget: no row was sent, the last"),
        (["--max-cost", "1"], 80, "budget: --max-cost: nobody knows local:m's worst case"),
        (["--max-time", "0.5", "-j", "1"], 75, "ended early (--max-time); to go on: loki-batch"),
    ],
)
def test_an_early_end_says_why_to_the_quiet_too(
    home: Home, words: list[str], code: int, message: str
) -> None:
    with bulk_server(latency=0.2) as server:
        done = batch(home, server.address, 20, "-q", "-j", "1", *words)
    assert done.code == code and done.err.startswith(f"loki-batch: {message}"), done.err
    assert len(done.err.splitlines()) == 1


def test_a_limit_waits_with_the_pace_and_stops_nobody(home: Home) -> None:
    """A row that waits for its turn has its money; who waits for that money has no place of its."""
    with bulk_server(limit=20) as server:
        words = ["--max-cost", "0.01", "--max-tokens", "1000", "-j", "4"]
        done = batch(home, server.address, 60, *words)
    assert done.code == 0 and len(done.lines) == 60, done.err


@pytest.mark.parametrize("limit", [None, 20])
def test_rows_wait_for_room_in_a_budget_that_is_only_reserved(
    home: Home, limit: int | None
) -> None:
    """A row costs $0.000020, and at worst $0.000201: only nine may be under way at once."""
    with bulk_server(latency=0.02, **({"limit": limit} if limit else {})) as server:
        config = home.local(server.address, PRICED)
        config.write_text("budget:\n  per_day: 0.002\n" + config.read_text())
        lines = [json.dumps({"id": n, "prompt": f"p{n}"}) + "\n" for n in range(120)]
        words = ["-m", "local:m", "--max-tokens", "100", "-j", "16"]
        done = home.run(*words, stdin="".join(lines[:40]), prog="loki-batch")
        assert (done.code, len(done.lines)) == (0, 40), done.err
        more = home.run(*words, stdin="".join(lines), prog="loki-batch")
    spent = sum(Decimal(str(row["cost"])) for row in (*done.lines, *more.lines))
    assert more.code == 80 and Decimal("0.0017") < spent <= Decimal("0.002"), (spent, more.err)


def test_a_row_whose_worst_case_nobody_knows_is_not_sent(home: Home) -> None:
    with bulk_server() as server:
        done = batch(home, server.address, 5, "--max-cost", "1")
        assert (done.code, done.out, server.counts["seen"]) == (80, "", 0)
    assert "nobody knows local:m's worst case" in done.err and "give --max-tokens" in done.err


def test_an_answer_costs_what_its_row_says(home: Home, tmp_path: Path) -> None:
    """Also where one row of several fails."""

    def script(asked: Asked) -> list[Step]:
        return plain(reply("no" if b"p1" in asked.body else '{"n": 1}'))

    with serving(script) as server:
        done = batch(home, server.address, 3, "--schema", SCHEMA)
    assert done.code == 1
    paid = sum(Decimal(str(row["cost"])) for row in done.lines)
    assert paid * 10**12 == sum(cost for cost, _ in ledger(home))


ASKED: dict[str, tuple[list[str], Any, int]] = {
    "answers": (["--patch", '{"body": {"n": 5}}'], {}, 5),
    "length": (["--patch", '{"body": {"max_tokens": 500}}'], {}, 5),
    "row": ([], {"n": 5}, 5),
    "other-length": ([], {"max_completion_tokens": 500}, 5),
}


@pytest.mark.parametrize("name", ASKED)
def test_the_worst_case_is_of_what_patches_and_rows_ask_for(home: Home, name: str) -> None:
    """Of 100 tokens an answer, a row could cost $0.0002; here it is five times as much."""
    words, body, times = ASKED[name]
    home.local("http://127.0.0.1:9", PRICED)
    turn = {"messages": [{"role": "user", "content": "Hi"}]}
    line = json.dumps({"custom_id": "a", "body": {**turn, **body}})
    flags = ["-m", "local:m", "--max-tokens", "100", "--check", *words]
    done = home.run(*flags, prog="loki-batch", stdin=line)
    worst = float(done.out.partition("at most $")[2].split()[0])
    assert 0.0002 * times <= worst < 0.0002 * times + 0.0001, done.out


#: What a row wants, flags, and what --check says of its worst case.
UNKNOWN: dict[str, tuple[Any, list[str], str]] = {
    "endless": ({}, [], "at a price nobody knows: give --max-tokens"),
    "search": ({"web_search_options": {}}, [], "nobody knows: line 1: what a search or another"),
    "model": (
        {"model": "other"},
        ["--max-tokens", "9"],
        "nobody knows: line 1: the price of 'other', which a patch asks for",
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_check_says_what_would_help_and_else_which_row_and_why(home: Home, name: str) -> None:
    param, words, expected = UNKNOWN[name]
    home.local("http://127.0.0.1:9", PRICED)
    lines = "".join(json.dumps({"id": n, "prompt": "Hi", "param": param}) + "\n" for n in range(2))
    done = home.run("-m", "local:m", "--check", *words, prog="loki-batch", stdin=lines)
    assert done.code == 0 and expected in done.out and done.out.count("nobody knows") == 1
    assert "line 2" not in done.out and ("--max-tokens" in done.out) == (name == "endless")


VECTOR = {"data": [{"index": 0, "embedding": [1.0]}], "usage": {"prompt_tokens": 9}}

#: What a model costs, flags of both runs, the answers, and the limit of the second run.
CACHED: dict[str, tuple[str, list[str], Any, str]] = {
    "a limit that is too low": (PRICED, ["--max-tokens", "10"], reply("a"), "1e-7"),
    "no known worst case": (PRICED, [], reply("a"), "1"),
    "no known price": ("", ["--max-tokens", "10"], reply("a"), "1"),
    "vectors": ("type: embedding\ninput_price: 1", ["--embed"], VECTOR, "1e-7"),
}


@pytest.mark.parametrize(("model", "flags", "body", "limit"), CACHED.values(), ids=CACHED)
def test_what_the_cache_answers_passes_no_limit_of_cost(
    home: Home, model: str, flags: list[str], body: Any, limit: str
) -> None:
    """The rest is refused as ever: nothing more is sent."""
    lines = [json.dumps({"id": n, "prompt": f"p{n}"}) + "\n" for n in range(3)]
    words = ["-m", "local:m", "--cache", "--ordered", *flags]
    with serving(plain(body)) as server:
        home.local(server.address, model)
        first = home.run(*words, stdin="".join(lines[:2]), prog="loki-batch")
        again = home.run(*words, "--max-cost", limit, stdin="".join(lines), prog="loki-batch")
        assert (first.code, len(server.asked)) == (0, 2), first.err
    assert [row.get("cached") for row in again.lines[:2]] == [True, True], again.err
    assert again.code in (1, 80)


@pytest.mark.parametrize("source", ["stdin", "-", "file"])
def test_the_command_that_goes_on_asks_for_rows_that_were_piped(home: Home, source: str) -> None:
    path, text = home.folder / "in", "".join(f'{{"prompt": "p{n}"}}\n' for n in range(9))
    path.write_text(text)
    given = {"stdin": [], "-": ["-"], "file": [str(path)]}[source]
    words = ["-m", "local:m", "--max-tokens", "100", "--max-cost", "0.00021", "-j", "1"]
    with serving(plain(reply("a"))) as server:
        home.local(server.address, PRICED)
        done = home.run(*words, *given, stdin=text, prog="loki-batch")
    ended = next(line for line in done.err.splitlines() if "to go on" in line)
    assert ended.endswith(" < INPUT (the same rows again)") == (source != "file"), done.err


#: Flags, a row's own parameters, and what --check says of the answers that it counts.
LENGTHS: dict[str, tuple[list[str], Any, str]] = {
    "model's": ([], {}, " (answers of up to 32,768 tokens; --max-tokens lowers it)\n"),
    "flag": (["--max-tokens", "9"], {}, ""),
    "patch": (["--patch", '{"body": {"max_tokens": 500}}'], {}, ""),
    "row": ([], {"max_tokens": 9}, ""),
}


@pytest.mark.parametrize("name", LENGTHS)
def test_a_check_says_that_the_longest_answer_makes_the_worst_case(home: Home, name: str) -> None:
    words, param, expected = LENGTHS[name]
    home.local("http://127.0.0.1:9", f"{PRICED}\nmax_output_tokens: 32768")
    line = json.dumps({"id": 1, "prompt": "Hi", "param": param})
    done = home.run("-m", "local:m", "--check", *words, prog="loki-batch", stdin=line)
    assert done.code == 0 and "1 left, at most $" in done.out
    assert done.out.endswith(expected) and ("answers of" in done.out) == bool(expected)
