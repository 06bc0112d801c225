"""What was asked is in the ledger, and loki-cost and budgets go by it."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from commands import BIN, Home, with_environ
from servers import ANSWER, COUNTED, Server, delta, plain, reply, serving, streamed
from terminals import talk

from loki.edge.ledger.database import MIGRATIONS
from loki.edge.ledger.writer import Ledger
from loki.record import replace
from loki.stages.account import Entry
from loki.usage import Usage

PRICED = "input_price: 3\noutput_price: 15\nmax_output_tokens: 1000"
ONCE = "extra: {max_retries: 0}"
BEGINNING = streamed(delta("Hel"), 30.0)


def lines(home: Home) -> list[dict[str, Any]]:
    """The lines of a home's ledger, without what is not known."""
    with closing(sqlite3.connect(home.folder / "ledger.db")) as db:
        db.row_factory = sqlite3.Row
        found = [dict(row) for row in db.execute("SELECT * FROM calls ORDER BY id")]
    return [{k: v for k, v in row.items() if v is not None} for row in found]


def cost(home: Home, *words: str) -> Any:
    """A report."""
    return home.call(*words, prog="loki-cost")


# ---- calls -> lines ----------------------------------------------------------------------------


@pytest.mark.parametrize("flags", [[], ["-S"], ["-o", "json"]])
def test_an_answer_has_a_line(home: Home, flags: list[str]) -> None:
    before = time.time()
    whole = plain(reply(), headers="x-request-id: r1\r\n")
    with serving(whole if "-S" in flags else ANSWER) as server:
        home.local(server.address, PRICED)
        assert home.call("--tag", "mail", *flags, "Hi").code == 0
    (line,) = lines(home)
    assert before <= line.pop("time") <= time.time()
    assert 0 < line.pop("seconds") < 10
    assert line.pop("request_id", "") == ("r1" if "-S" in flags else "")
    names = "id client model task tag input output cost exact attempts outcome"
    values = (1, "local", "m", "chat", "mail", 10, 5, 105_000_000, 1, 1, "ok")
    assert line == dict(zip(names.split(), values, strict=True))


def test_neither_prompt_nor_answer_nor_key_is_in_it(home: Home) -> None:
    with serving(streamed(delta("Whispered."), delta(None, "stop"), COUNTED)) as server:
        home.local(server.address, client="api_key: '{{KEY}}'")
        home.environ["KEY"] = "sk-very-secret"
        assert home.call("--prompt", "Systematic.", "Shouted").code == 0
    assert lines(home)
    stored = b"".join(path.read_bytes() for path in home.folder.glob("ledger.db*"))
    for word in (b"Whispered", b"Shouted", b"Systematic", b"sk-very", b"127.0.0.1"):
        assert word not in stored


def test_every_attempt_with_another_model_has_a_line(home: Home) -> None:
    with serving(plain({"error": {"message": "no"}}, 401), ANSWER) as server:
        home.local(server.address, f"{PRICED}\n")
        done = home.call("-m", "local:m", "--fallback", "local:m", "Hi")
    assert (done.code, done.out) == (0, "Hello.\n")
    assert [(line["outcome"], line["cost"]) for line in lines(home)] == [
        ("auth", 0),
        ("ok", 105_000_000),
    ]


def test_a_call_that_never_got_through_costs_nothing(home: Home) -> None:
    home.local("http://127.0.0.1:1", PRICED)
    assert home.call("--retries", "2", "--max-wait", "1", "Hi").code == 69
    (line,) = lines(home)
    assert (line["outcome"], line["attempts"], line["cost"], line["exact"]) == ("offline", 3, 0, 1)


def test_an_answer_that_breaks_off_costs_at_least_what_it_told(home: Home) -> None:
    result = delta("Hel").replace(b"}\n", b',"usage":{"prompt_tokens":10,"completion_tokens":1}}\n')
    with serving(streamed(result, end=False) + [b""]) as server:
        home.local(server.address, PRICED, ONCE)
        assert home.call("Hi").code == 76
    (line,) = lines(home)
    assert (line["outcome"], line["exact"]) == ("garbled", 0)
    assert line["cost"] == 45_000_000


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("script", [BEGINNING, [20.0]], ids=["answering", "waiting"])
def test_an_interrupted_call_has_a_line(home: Home, number: int, code: int, script: Any) -> None:
    with serving(script) as server:
        home.local(server.address, PRICED)
        with home.start("Hi", stdin=subprocess.DEVNULL) as process:
            assert process.stdout
            assert process.stdout.read(3) == b"Hel" if script is BEGINNING else asked(server)
            process.send_signal(number)
            assert process.wait(10) == code
    (line,) = lines(home)
    assert (line["outcome"], line["exact"], line["attempts"]) == ("interrupted", 0, 1)


def asked(server: Server) -> bool:
    """Wait until a server was asked."""
    end = time.monotonic() + 10
    while not server.asked and time.monotonic() < end:
        time.sleep(0.01)
    return bool(server.asked)


def test_a_closed_pipe_leaves_a_line(home: Home) -> None:
    frames = [step for i in range(200) for step in (delta("word " * 2000), 0.01)]
    with serving(streamed(*frames)) as server:
        home.local(server.address)
        with home.start("Hi", stdin=subprocess.DEVNULL) as process:
            assert process.stdout
            process.stdout.read(3)
            process.stdout.close()
            assert process.wait(10) == 141
    assert [line["outcome"] for line in lines(home)] == ["interrupted"]


def test_a_killed_call_leaves_a_sound_ledger(home: Home) -> None:
    with serving(ANSWER, BEGINNING, ANSWER) as server:
        home.local(server.address)
        assert home.call("Hi").code == 0
        with home.start("Hi", stdin=subprocess.DEVNULL) as process:
            assert process.stdout and process.stdout.read(3) == b"Hel"
            process.kill()
        assert home.call("Hi").code == 0
    assert [line["outcome"] for line in lines(home)] == ["ok", "ok"]


def test_no_ledger_is_written_where_none_is_wanted(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.call("--no-ledger", "-v", "Hi")
    assert done.code == 0 and "today" not in done.err
    assert list(home.folder.glob("ledger.db*")) == []


@pytest.mark.parametrize(("flags", "expected"), [([], 1), (["-q"], 0)])
def test_an_unwritable_ledger_is_one_warning(home: Home, flags: list[str], expected: int) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        here = with_environ(home, {"LOKI_LEDGER": str(home.folder / "config.yaml" / "x.db")})
        done = here.run(*flags, "Hi")
    assert (done.code, done.out) == (0, "Hello.\n")
    assert done.err.count("\n") == expected
    assert ("this call is not in the ledger" in done.err) == bool(expected)


def test_a_verbose_call_ends_with_what_was_spent_today(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address, PRICED)
        assert home.call("Hi").err == ""
        result = home.call("-v", "Hi").err
    assert result.startswith("loki-pipe: local:m · 10 tokens in, 5 out · $0.000105 · ")
    assert result.endswith(" s · today $0.00021\n")


def test_info_says_where_the_ledger_is(home: Home) -> None:
    result = home.call("--info", prog="loki").out.splitlines()
    assert f"ledger_file   {home.folder}/ledger.db" in result


# ---- budgets -----------------------------------------------------------------------------------

TODAY = Entry(0, "c", "m", "chat", "", Usage(), Decimal(1), True, 1, 1, "ok", None)


def spend(home: Home, cost: str, ago: float = 0.0, exact: bool = True) -> None:
    """Something was spent before."""
    entry = replace(TODAY, time=time.time() - ago, cost=Decimal(cost), exact=exact)
    Ledger(str(home.folder / "ledger.db")).record(entry)


@pytest.fixture
def shop(home: Home) -> Iterator[tuple[Home, Server]]:
    """A home with a budget of $1 a day, and a server."""
    with serving(ANSWER) as server:
        path = home.local(server.address, PRICED)
        path.write_text("budget:\n  per_day: 1\n" + path.read_text())
        home.environ["TZ"] = "UTC"
        yield home, server


def test_what_a_budget_allows_is_asked(shop: tuple[Home, Server]) -> None:
    home, _ = shop
    spend(home, "0.98")
    done = home.call("Hi")
    assert (done.code, done.out, done.err) == (0, "Hello.\n", "")


def test_what_could_pass_a_budget_is_not_asked(shop: tuple[Home, Server]) -> None:
    home, server = shop
    spend(home, "0.986")
    done = home.call("-o", "json", "Hi")
    day = time.strftime("%Y-%m-%d", time.gmtime())
    assert done.code == 80
    assert done.err.splitlines()[0] == (
        "loki-pipe: budget: local:m could cost $0.015003, and of the budget of $1.00 for today"
        f" ({day}, UTC) $0.986 is spent"
    )
    assert server.asked == []
    assert len(lines(home)) == 1, "a call that was not made has no line"
    assert home.call("--max-tokens", "10", "Hi").code == 0


def test_yesterday_does_not_count_for_today(shop: tuple[Home, Server]) -> None:
    home, _ = shop
    spend(home, "50", ago=86400)
    assert home.call("Hi").code == 0


def test_a_day_begins_at_local_midnight(shop: tuple[Home, Server]) -> None:
    home, _ = shop
    spend(home, "50", ago=3600)
    hour = time.gmtime().tm_hour
    home.environ["TZ"] = f"LOC{hour}"  # that far behind UTC: it is just past midnight there
    assert home.call("Hi").code == 0
    home.environ["TZ"] = f"LOC{hour - 12}"  # and about noon there
    done = home.call("Hi")
    assert done.code == 80 and ", LOC) $50.00" in done.err


def test_a_month_has_its_own_budget(shop: tuple[Home, Server]) -> None:
    home, _ = shop
    config = home.folder / "config.yaml"
    config.write_text(config.read_text().replace("per_day: 1", "per_day: 9\n  per_month: 0.5"))
    spend(home, "0.49")
    done = home.call("Hi")
    assert done.code == 80 and "of the budget of $0.50 for this month (20" in done.err


def test_a_model_without_a_price_is_not_asked_under_a_budget(shop: tuple[Home, Server]) -> None:
    home, server = shop
    config = home.local(server.address, "input_price: 1\nmax_output_tokens: 1000")
    text = config.read_text()
    config.write_text("budget:\n  per_month: 1\n" + text)
    done = home.call("Hi")
    assert (done.code, done.out, server.asked) == (80, "", [])
    assert done.err.startswith("loki-pipe: budget: local:m has no known price, and a budget is set")
    assert "input_price and output_price" in done.err and "budget.allow_unpriced" in done.err
    stdin = '{"prompt": "Hi"}\n'
    row = home.call("-m", "local:m", stdin=stdin, prog="loki-batch")
    assert (row.code, row.out, server.asked) == (80, "", [])
    assert home.call("--dry-run", "Hi").code == 0
    home.environ["LOKI_BUDGET"] = '{"per_month": 1, "allow_unpriced": true}'
    assert home.call("Hi").code == 0
    home.environ["LOKI_BUDGET"] = '{"per_month": 1, "allow_unpriced": false}'
    assert home.call("Hi").code == 80
    del home.environ["LOKI_BUDGET"]
    config.write_text("budget:\n  allow_unpriced: false\n" + text)  # which sets no limit
    assert (home.call("Hi").code, home.call("--no-ledger", "Hi").code) == (0, 0)


def test_a_model_without_a_price_that_is_allowed_goes_until_the_budget_is_used_up(
    shop: tuple[Home, Server],
) -> None:
    home, server = shop
    config = home.local(server.address, "max_output_tokens: 1000")
    config.write_text("budget:\n  per_day: 1\n  allow_unpriced: true\n" + config.read_text())
    done = home.call("Hi")
    assert done.code == 0
    assert done.err == (
        "loki-pipe: the budget cannot count local:m, whose price is unknown: give the model its"
        " input_price and output_price (0 where it is free) under `models` of client 'local'\n"
    )
    assert home.call("-q", "Hi").err == ""
    spend(home, "1")
    done = home.call("Hi")
    assert done.code == 80
    assert "local:m has no known price, and of the budget of $1.00" in done.err
    assert "$1.00 is spent, counting 2 calls of unknown cost at their worst case" in done.err


def test_a_model_that_is_free_goes_always(shop: tuple[Home, Server]) -> None:
    home, server = shop
    config = home.local(server.address, "input_price: 0\noutput_price: 0\nmax_output_tokens: 9")
    config.write_text("budget:\n  per_day: 1\n" + config.read_text())
    spend(home, "20")
    assert home.call("Hi").code == 0


def test_without_a_longest_answer_the_prompt_counts(shop: tuple[Home, Server]) -> None:
    home, server = shop
    config = home.local(server.address, "input_price: 3\noutput_price: 15")
    config.write_text("budget:\n  per_day: 0.0001\n" + config.read_text())
    assert [home.call("Hi").code for _ in range(2)] == [0, 80]


def test_a_budget_without_a_ledger_allows_nothing(shop: tuple[Home, Server]) -> None:
    home, server = shop
    home.environ["LOKI_LEDGER"] = str(home.folder / "config.yaml" / "x.db")
    done = home.call("Hi")
    assert done.code == 80
    assert done.err.startswith("loki-pipe: budget: nobody knows what is spent of it: /")
    assert server.asked == []


def test_a_budget_and_a_damaged_ledger_allow_nothing(shop: tuple[Home, Server]) -> None:
    home, _ = shop
    (home.folder / "ledger.db").write_bytes(b"no ledger\n" * 500)
    assert home.call("Hi").code == 80
    assert list(home.folder.glob("*damaged*")) == []


def test_a_budget_holds_also_for_what_is_not_to_be_written(shop: tuple[Home, Server]) -> None:
    home, _ = shop
    spend(home, "1")
    assert home.call("--no-ledger", "Hi").code == 80


def test_processes_together_pass_a_budget_by_no_more_than_a_call_each(
    shop: tuple[Home, Server],
) -> None:
    home, server = shop
    spend(home, "0.98")  # room for one worst case, and for many of what they really cost
    running = [home.start("Hi", stdin=subprocess.DEVNULL) for _ in range(6)]
    codes = [process.wait(30) for process in running]
    for process in running:
        process.communicate()
    assert {*codes} <= {0, 80}
    assert len(server.asked) == codes.count(0) == len(lines(home)) - 1


# ---- reports -----------------------------------------------------------------------------------


@pytest.fixture
def year(home: Home) -> Home:
    """A home that has asked things around a change of the clocks."""
    home.environ["TZ"] = "CET-1CEST,M3.5.0,M10.5.0/3"
    book = Ledger(str(home.folder / "ledger.db"))
    moments = {"2024-10-26T23:30:00+02:00": "a", "2024-10-27T23:30:00+01:00": "b"}
    for moment, tag in moments.items():
        for model, price in [("claude:x", "2"), ("openai:y", "0.5"), ("local:z", None)]:
            client, _, name = model.partition(":")
            usage = Usage(input=1000, cache_read=100, output=10)
            paid = None if price is None else Decimal(price)
            book.record(
                Entry(
                    seconds(moment),
                    client,
                    name,
                    "chat",
                    tag,
                    usage,
                    paid,
                    paid is not None,
                    1,
                    1,
                    "ok",
                    None,
                )
            )
    failed = replace(TODAY, time=seconds("2024-11-02T12:00:00+01:00"), cost=Decimal(0))
    book.record(replace(failed, client="claude", model="x", outcome="busy"))
    book.close()
    return home


def seconds(moment: str) -> float:
    """Seconds since the epoch."""
    from datetime import datetime

    return datetime.fromisoformat(moment).timestamp()


def test_days_are_local_and_the_head_says_whose(year: Home) -> None:
    done = cost(year, "--since", "2024-10-26", "--until", "2024-11")
    assert done.out == (
        "DAY (CEST/CET)  CALLS  FAILED  INPUT  CACHED  OUTPUT     COST\n"
        "2024-10-26          3       0  3,000     300      30  ≥ $2.50  (1 call of unknown cost)\n"
        "2024-10-27          3       0  3,000     300      30  ≥ $2.50  (1 call of unknown cost)\n"
        "2024-11-02          1       1      0       0       0    $0.00\n"
        "TOTAL               7       1  6,000     600      60  ≥ $5.00  (2 calls of unknown cost)\n"
        "≥: at least; what the calls of unknown cost took comes on top\n"
    )
    assert (done.code, done.err) == (0, "")


def test_many_months_of_many_models_fit_a_terminal_of_80_columns(home: Home) -> None:
    home.environ |= {"TZ": "UTC", "NO_COLOR": "1"}
    model = "anthropic.claude-haiku-4-5-20251001-v1:0"
    book = Ledger(str(home.folder / "ledger.db"))
    for month in range(1, 13):
        moment = seconds(f"2024-{month:02}-03T12:00:00+00:00")
        book.record(replace(TODAY, time=moment, client="bedrock", model=model, cost=None))
    book.close()
    words = ["loki-cost", "--since", "2024-01", "--until", "2024-12", "--by", "month"]
    lines = talk(home, [*words, "--by", "model"]).splitlines()
    assert lines[0].split() == ["MONTH", "(UTC)", "MODEL", "CALLS", "COST"], lines[0]
    assert len(lines) == 14 and max(map(len, lines)) <= 80


def test_a_call_at_midnight_is_of_the_day_that_begins(year: Home) -> None:
    entry = replace(TODAY, time=seconds("2024-10-27T00:00:00+02:00"))
    Ledger(str(year.folder / "ledger.db")).record(entry)
    rows = cost(year, "--since", "2024-10-26", "--until", "2024-10-27", "-o", "json").lines
    assert [(row["day"], row["calls"]) for row in rows] == [("2024-10-26", 3), ("2024-10-27", 4)]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--by", "model"], ["claude:x", "openai:y", "local:z"]),
        (["--by", "client", "-m", "openai"], ["openai"]),
        (["--by", "model", "-m", "claude:x"], ["claude:x"]),
        (["--by", "model", "-m", "claude:nothing"], []),
        (["--by", "tag"], ["a", "b", ""]),
        (["--by", "tag", "--tag", "b"], ["b"]),
        (["--by", "tag", "--tag", ""], [""]),
        (["--by", "month"], ["2024-10", "2024-11"]),
        (["--by", "day", "--until", "2024-10-26"], ["2024-10-26"]),
        (["--by", "day", "--since", "2024-11"], ["2024-11-02"]),
    ],
)
def test_a_report_is_by_what_is_asked(year: Home, words: list[str], found: list[str]) -> None:
    since = [] if "--since" in words else ["--since", "2024-01"]
    done = cost(year, "-o", "json", *since, *words)
    assert [row[words[1]] for row in done.lines] == found
    assert done.code == 0


def test_a_report_by_several_things(year: Home) -> None:
    rows = cost(year, "--since", "2024-10", "--by", "client", "--by", "month", "-o", "json").lines
    assert [(row["client"], row["month"], row["cost"], row["unknown_calls"]) for row in rows] == [
        ("claude", "2024-10", 4.0, 0),
        ("openai", "2024-10", 1.0, 0),
        ("local", "2024-10", None, 2),
        ("claude", "2024-11", 0.0, 0),
    ]


def test_a_tag_with_a_carriage_return_is_one_cell_of_a_spreadsheet(home: Home) -> None:
    entry = Entry(time.time(), "c", "m", "chat", "a\rb", Usage(), None, False, 1.0, 1, "ok", None)
    Ledger(str(home.folder / "ledger.db")).record(entry)
    done = cost(home, "--by", "tag", "-o", "csv")
    _, row = csv.reader(StringIO(done.out, newline=""), strict=True)
    assert row[:2] == ["a\rb", "1"]


def test_a_report_for_a_spreadsheet(year: Home) -> None:
    done = cost(year, "--since", "2024-10", "--by", "model", "-o", "csv")
    head, *rest = csv.reader(done.out.splitlines())
    assert head == [
        "model",
        "calls",
        "failed",
        "input",
        "cached",
        "output",
        "cost",
        "unknown_calls",
        "saved",
    ]
    assert rest == [
        ["claude:x", "3", "1", "2000", "200", "20", "4", "0", "0"],
        ["openai:y", "2", "0", "2000", "200", "20", "1", "0", "0"],
        ["local:z", "2", "0", "2000", "200", "20", "", "2", "0"],
    ]


def test_nothing_known_of_a_cost_is_a_question_mark(year: Home) -> None:
    done = cost(year, "--since", "2024-10", "--by", "model", "-m", "local")
    assert "  ?  (2 calls of unknown cost)" in done.out
    assert "$" not in done.out


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["--tag", "typo"], "--tag 'typo'"),
        (["-m", "lokal"], "-m 'lokal'"),
        (["-m", "local:x", "--tag", ""], "--tag '' and -m 'local:x'"),
    ],
)
def test_what_was_asked_for_is_named_where_there_are_other_calls(
    home: Home, words: list[str], asked: str
) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        assert [home.call("--tag", "nightly", "Hi").code for _ in range(2)] == [0, 0]
    done = cost(home, *words)
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith(f"loki-cost: no calls with {asked} from 20")
    assert done.err.endswith("/ledger.db; without that there are 2\n")


@pytest.mark.parametrize("form", ["table", "json"])
def test_an_empty_ledger_says_so(home: Home, form: str) -> None:
    done = cost(home, "-o", form)
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("loki-cost: no calls from 20")
    assert done.err.endswith(f" in {home.folder}/ledger.db\n")
    assert cost(home, "-q").err == ""
    assert list(home.folder.glob("ledger*")) == [], "looking makes no ledger"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--since", "7y"], 64, "--since: '7y' is no time: say 24h, 7d"),
        (["--until", "2026-13"], 64, "--until: '2026-13' is no time"),
        (["--since", ""], 64, "--since: '' is no time"),
        (["--since", "1d", "--until", "2d"], 64, "--since 1d is not before --until 2d"),
        (["--since", "2w", "--by", "year"], 64, "invalid choice: 'year'"),
        (["--chart=x.gif", "--since", "2024-10"], 64, "'x.gif' does not end with .svg, .png"),
        (["--chart=/nowhere/x.svg", "--since", "2024-10"], 66, "cannot write /nowhere/x.svg"),
        (["more"], 64, "'more': loki-cost takes flags only"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    year: Home, words: list[str], code: int, message: str
) -> None:
    done = cost(year, *words)
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
    assert message in done.err


@pytest.mark.parametrize("text", [b"no ledger\n" * 500, b"SQLite format 3\0" + b"\xff" * 5000])
def test_what_is_no_ledger_is_left_as_it_is(home: Home, text: bytes) -> None:
    path = home.folder / "ledger.db"
    path.write_bytes(text)
    done = cost(home)
    assert (done.code, done.out, done.err.count("\n")) == (65, "", 1)
    assert f"cannot read the ledger: {path} is damaged, or no ledger" in done.err
    assert path.read_bytes() == text


def test_a_folder_is_no_ledger(home: Home) -> None:
    home.environ["LOKI_LEDGER"] = str(home.folder)
    assert cost(home).code == 65


def test_a_newer_ledger_is_not_guessed_at(year: Home) -> None:
    with closing(sqlite3.connect(year.folder / "ledger.db")) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    done = cost(year)
    assert done.code == 65 and "is of a newer loki" in done.err


@pytest.fixture
def backup(year: Home) -> Iterator[Path]:
    """A ledger that cannot be changed, in a folder that cannot be either."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ledger.db").write_bytes((year.folder / "ledger.db").read_bytes())
        (folder / "ledger.db").chmod(0o444)
        folder.chmod(0o555)
        yield folder / "ledger.db"
        folder.chmod(0o755)


def another_user(home: Home, *words: str) -> subprocess.CompletedProcess[str]:
    """A report for somebody who is not root."""
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("root may write everywhere, and there is no setpriv")
    drop = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    if subprocess.run([*drop, sys.executable, "-c", ""], capture_output=True).returncode:
        pytest.skip("nobody but root can run this Python")
    return subprocess.run(
        [*drop, sys.executable, str(BIN / "loki-cost"), *words],
        env={**home.variables(), "LOKI_CONFIG_DIR": "/"},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_ledger_where_nobody_can_write_is_read(year: Home, backup: Path) -> None:
    year.environ["LOKI_LEDGER"] = str(backup)
    done = another_user(year, "--since", "2024-10", "--by", "client")
    assert (done.returncode, done.stderr) == (0, "")
    assert "claude" in done.stdout


def test_a_ledger_that_nobody_may_read_is_not_an_empty_one(year: Home, backup: Path) -> None:
    year.environ["LOKI_LEDGER"] = str(backup)
    backup.chmod(0)
    done = another_user(year, "--since", "2024-10")
    assert (done.returncode, done.stdout) == (65, "")
    assert done.stderr.startswith(f"loki-cost: input: cannot read the ledger: {backup}: ")


# ---- charts ------------------------------------------------------------------------------------


def test_a_chart_is_drawn_in_plain_text_where_nobody_looks(year: Home) -> None:
    done = cost(year, "--since", "2024-10-26", "--until", "2024-11-02", "--chart")
    assert done.code == 0
    shown = done.out.splitlines()
    assert shown[0].startswith("≥ $5.00 spent from 2024-10-26 00:00 to 2024-11-03 00:00")
    assert "\x1b" not in done.out
    assert [line[:10] for line in shown[2:10]] == [
        *(f"2024-10-{day}" for day in range(26, 32)),
        "2024-11-01",
        "2024-11-02",
    ]
    assert shown[2].endswith("█  $2.50") and shown[4] == "2024-10-28"
    assert [line.split()[1:] for line in shown[11:]] == [
        ["claude:x", "80%", "$4.00"],
        ["openai:y", "20%", "$1.00"],
        ["local:z", "?"],
    ]


@pytest.mark.parametrize(
    ("name", "magic"), [("c.svg", b"<?xml"), ("c.png", b"\x89PNG"), ("c.PDF", b"%PDF")]
)
def test_a_chart_is_painted(year: Home, name: str, magic: bytes) -> None:
    pytest.importorskip("matplotlib")
    path = year.folder / name
    done = cost(year, "--since", "2024-10-26", "--until", "2024-11-02", "--chart", str(path))
    assert (done.code, done.out) == (0, "")
    assert path.read_bytes().startswith(magic)
    assert path.stat().st_mode & 0o077 == 0  # what was spent is nobody else's business


def test_a_picture_has_title_axes_and_names(year: Home) -> None:
    pytest.importorskip("matplotlib")
    path = year.folder / "c.svg"
    done = cost(year, "--since", "2024-10-26", "--until", "2024-11-02", "--chart", str(path))
    assert done.code == 0
    text = path.read_text()
    for words in ("≥ $5.00", "US dollars a day", "26 Oct", "claude:x", "80%", "$2.00", "CEST"):
        assert f"<!-- {words}" in text or words in text, words


def test_without_matplotlib_a_picture_says_what_to_install(year: Home) -> None:
    (year.folder / "matplotlib.py").write_text("raise ImportError\n")
    year.environ["PYTHONPATH"] = str(year.folder)
    words = ("--since", "2024-10", "--chart", str(year.folder / "c.svg"))
    done = year.run(*words, prog="loki-cost")
    assert done.code == 64
    assert "pictures need matplotlib: pip install '.[chart]' in loki's folder" in done.err
