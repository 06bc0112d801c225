"""Budgets hold against what the ledger says, and against what any process has under way."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from commands import BIN, Home
from returns.result import Failure, Result, Success
from servers import ANSWER, Asked, Script, Server, plain, reply, serving
from support import config

from loki import Ask, Message, answer
from loki.edge.env import make_env, with_ledger
from loki.edge.ledger.budget import Budget, Held
from loki.edge.ledger.reservations import (
    insert_reservation,
    release,
    reserve,
    sum_under_way,
)
from loki.edge.ledger.writer import Ledger
from loki.pipeline import Env, prepare
from loki.problems import Kind, Problem, fail
from loki.records import Request, Response
from loki.usage import Usage

MODEL = {"name": "m", "input_price": "1000", "output_price": "1000", "max_output_tokens": 100}
ASK = Ask((Message("user", "Hi"),), model="local:m")
WORST = Decimal("0.101")  # of a call; it really costs 0.015


def shop(path: Path, send: Callable[[Request], Result[Response, Problem]], budget: str) -> Env:
    """Return an Env with a daily budget, whose calls are answered by a function."""
    client = {
        "type": "openai-compatible",
        "name": "local",
        "api_base": "http://x",
        "models": [MODEL],
    }
    found = replace(config(client), budget={"per_day": budget})
    environ = {"LOKI_LEDGER": str(path)}
    return replace(make_env(found, environ, say=lambda words: None), send=send)


def answered(request: Request) -> Result[Response, Problem]:
    """Return a whole response."""
    (body,) = plain(reply())
    assert isinstance(body, bytes)
    return Success(Response(request, 200, {}, body.partition(b"\r\n\r\n")[2]))


def kinds(results: list[Result[object, Problem]]) -> list[str]:
    """Return the outcome of each call in the ledger."""
    return ["ok" if isinstance(each, Success) else each.failure().kind for each in results]


def test_calls_go_until_the_budget_is_used_up(tmp_path: Path) -> None:
    env = shop(tmp_path / "ledger.db", answered, "0.15")
    assert kinds([answer(env, ASK) for _ in range(6)]) == ["ok"] * 4 + ["budget"] * 2


def test_a_refused_call_says_when_the_budget_begins_anew(home: Home) -> None:
    with serving(ANSWER) as server:
        prices = "input_price: 1000\noutput_price: 1000\nmax_output_tokens: 100"
        path = home.local(server.address, prices)
        plain_text = path.read_text()
        path.write_text(f"budget: {{per_day: 0.11}}\n{plain_text}")
        first, second = (home.call("-n", "-o", "json", "Hi") for _ in range(2))
        limited = home.call("-n", "-o", "json", "--max-cost", "0.01", "Hi")
        path.write_text(f"budget: {{per_day: 0.05}}\n{plain_text}")
        hopeless = home.call("-n", "-o", "json", "Hi")
    assert (first.code, second.code, limited.code, hopeless.code) == (0, 80, 80, 80)
    error, other, never = (
        json.loads(each.err.splitlines()[-1]) for each in (second, limited, hopeless)
    )
    begins = datetime.fromisoformat(error["retry_at"]).astimezone()
    assert error["code"] == "budget" and (begins.hour, begins.minute) == (0, 0)
    assert 0 < begins.timestamp() - time.time() <= 25 * 3600
    assert (other["code"], other["retry_at"]) == (None, None)
    assert (never["code"], never["retry_at"]) == ("budget", None)


def test_calls_under_way_count_as_their_worst_case(tmp_path: Path) -> None:
    """Of eight threads at once only two can go: what the others could cost has no room."""
    gate = threading.Barrier(2, timeout=10)

    def slow(request: Request) -> Result[Response, Problem]:
        gate.wait()
        time.sleep(0.2)
        return answered(request)

    env = shop(tmp_path / "ledger.db", slow, str(2 * WORST))
    with ThreadPoolExecutor(8) as pool:
        result = kinds(list(pool.map(lambda _: answer(env, ASK), range(8))))
    assert sorted(result) == ["budget"] * 6 + ["ok"] * 2
    (gone,) = Ledger(str(tmp_path / "ledger.db")).spent([(0.0, 4e9)]).unwrap()
    assert gone.cost == Decimal("0.03")


def test_a_call_that_fails_gives_back_its_worst_case(tmp_path: Path) -> None:
    env = shop(tmp_path / "ledger.db", lambda request: fail("offline", "gone"), str(WORST))
    assert kinds([answer(env, ASK) for _ in range(3)]) == ["offline"] * 3


def test_a_call_that_the_budget_refuses_takes_nothing_of_it(tmp_path: Path) -> None:
    env = shop(tmp_path / "ledger.db", answered, str(WORST))
    large = replace(ASK, messages=(Message("user", "Hi " * 1000),))
    assert kinds([answer(env, large), answer(env, ASK)]) == ["budget", "ok"]


@pytest.mark.parametrize("kind", ["auth", "busy", "input", "quota", "refused"])
def test_a_call_that_a_server_refuses_gives_back_its_worst_case(tmp_path: Path, kind: Kind) -> None:
    problem = Problem(kind, "no", status=400, sent=True)
    env = shop(tmp_path / "ledger.db", lambda request: Failure(problem), str(WORST))
    again = replace(env, send=answered)
    assert kinds([answer(env, ASK), answer(env, ASK), answer(again, ASK)]) == [kind, kind, "ok"]


def test_a_call_that_is_not_to_be_written_gives_it_back_too(tmp_path: Path) -> None:
    env = shop(tmp_path / "ledger.db", answered, str(WORST))
    quiet = with_ledger(
        replace(env, record=lambda entry: None),
        Ledger(str(tmp_path / "ledger.db")),
        print,
        keep=False,
    )
    assert kinds([answer(quiet, ASK) for _ in range(3)]) == ["ok"] * 3


def test_threads_that_ended_hold_nothing_back(tmp_path: Path) -> None:
    """Also where somebody took ``record`` away, and no line ever gives a worst case back."""
    env = replace(shop(tmp_path / "ledger.db", answered, str(WORST)), record=lambda entry: None)
    messages: list[Result[object, Problem]] = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: messages.append(answer(env, ASK)))
        thread.start()
        thread.join()
    assert kinds(messages) == ["ok"] * 3


@pytest.mark.parametrize(
    ("outcome", "more"),
    [
        (Failure(Problem("offline", "no answer in time", sent=True)), WORST),
        (Failure(Problem("garbled", "broke off", sent=True, usage=Usage(input=10))), WORST),
        (Failure(Problem("offline", "no connection")), Decimal(0)),
        (Failure(Problem("busy", "later", status=429, sent=True)), Decimal(0)),
    ],
)
def test_a_call_of_unknown_cost_counts_as_its_worst_case(
    tmp_path: Path, outcome: Result[Response, Problem], more: Decimal
) -> None:
    env = shop(tmp_path / "ledger.db", lambda request: outcome, "1")
    assert kinds([answer(env, ASK)]) == [outcome.failure().kind]
    (gone,) = Ledger(env_ledger(tmp_path)).spent([(0.0, 4e9)]).unwrap()
    assert gone.cost == more


def test_a_call_that_is_interrupted_counts_as_its_worst_case(tmp_path: Path) -> None:
    def interrupted(request: Request) -> Result[Response, Problem]:
        raise KeyboardInterrupt

    env = shop(tmp_path / "ledger.db", interrupted, str(WORST))
    with pytest.raises(KeyboardInterrupt):
        answer(env, ASK)
    problem = answer(replace(env, send=answered), ASK).failure()
    assert problem.kind == "budget"
    assert problem.message.endswith(
        "$0.101 is spent, counting 1 call of unknown cost at its worst case"
    )


def env_ledger(folder: Path) -> str:
    """Return the path of the ledger that ``shop`` keeps in a folder."""
    return str(folder / "ledger.db")


def test_of_two_jobs_at_once_one_is_held(tmp_path: Path) -> None:
    """Also of two visits that both looked before either had its job out."""
    ledgers = [Ledger(env_ledger(tmp_path)) for _ in range(2)]
    one, two = (Budget({"per_day": "3"}, each, time.time, print) for each in ledgers)
    assert one.hold_job("a", Decimal(2)).unwrap() is None
    full = two.hold_job("b", Decimal(2)).unwrap()
    assert full is not None and full.spent == 0 and full.reserved == 2
    reserve(ledgers[0], "a", Decimal(2), time.time())  # it is out
    assert [each.reserved for each in two.statuses().unwrap()] == [0]
    release(ledgers[0], "a")
    assert two.hold_job("b", Decimal(2)).unwrap() is None


PRICED = "input_price: 1000\noutput_price: 1000\nmax_output_tokens: 100"


def budgeted(home: Home, address: str, budget: str) -> None:
    """Write a configuration with a daily budget."""
    path = home.local(address, PRICED)
    path.write_text(f"budget:\n  per_day: {budget}\n" + path.read_text())


def test_a_budget_holds_between_processes_that_are_under_way_at_once(home: Home) -> None:
    """Six at once, and room for two: the others are refused before anything is sent."""
    gate = threading.Event()

    def slow(asked: Asked) -> Script:
        gate.wait(30)
        return ANSWER

    with serving(slow) as server:
        budgeted(home, server.address, str(2 * WORST))
        pipes = [home.start("Hi", stdin=subprocess.DEVNULL) for _ in range(6)]
        wait_for(lambda: sum(pipe.poll() is not None for pipe in pipes) == 4)
        wait_for(lambda: len(server.asked) == 2)
        gate.set()
        result = [(pipe.wait(30), pipe.communicate()[1].decode()) for pipe in pipes]
    assert sorted(code for code, _ in result) == [0, 0, 80, 80, 80, 80] and len(server.asked) == 2
    assert all("$0.202 reserved for calls under way" in err for code, err in result if code == 80)
    (gone,) = Ledger(env_ledger(home.folder)).spent([(0.0, 4e9)]).unwrap()
    assert gone.cost == Decimal("0.03")


def wait_for(is_so: Callable[[], bool]) -> None:
    """Wait until something is so, for half a minute at most."""
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def kill_under_way(home: Home, server: Server, *words: str) -> None:
    """Kill a command once its request has come."""
    before = len(server.asked)
    pipe = home.start(*words, stdin=subprocess.DEVNULL)
    wait_for(lambda: len(server.asked) > before)
    pipe.kill()
    pipe.communicate()


def test_calls_of_killed_processes_count_as_their_worst_case(home: Home) -> None:
    """Else a cron job that is killed again and again would pay without end."""
    gate = threading.Event()

    def slow(asked: Asked) -> Script:
        gate.wait(30)
        return ANSWER

    with serving(slow) as server:
        budgeted(home, server.address, str(2 * WORST))
        for _ in range(2):
            kill_under_way(home, server, "--tag", "cron", "Hi")
        done = home.run("Hi")
        gate.set()
    assert (done.code, len(server.asked)) == (80, 2)
    assert "$0.202 is spent, counting 2 calls of unknown cost at their worst" in done.err
    rows = home.run("--by", "tag", "-o", "json", prog="loki-cost").out.splitlines()
    (row,) = map(json.loads, rows)
    found = [row[name] for name in ("tag", "calls", "failed", "cost", "unknown_calls")]
    assert found == ["cron", 2, 2, None, 2]


def test_a_killed_process_that_keeps_no_ledger_leaves_nothing_there(home: Home) -> None:
    gate = threading.Event()

    def slow(asked: Asked) -> Script:
        gate.wait(0 if len(server.asked) > 1 else 30)
        return ANSWER

    with serving(slow) as server:
        budgeted(home, server.address, str(WORST))
        kill_under_way(home, server, "--no-ledger", "Hi")
        assert home.run("Hi").code == 0
        gate.set()


def test_without_a_budget_the_ledger_is_not_read(tmp_path: Path) -> None:
    env = shop(tmp_path / "ledger.db", answered, "1")
    assert (
        make_env(replace(env.config, budget={}), {"LOKI_LEDGER": "/nowhere/l"}).check_budget
        is Success
    )


FULL = """
import os, resource, sys
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_a_full_disk_holds_a_budget_too(home: Home) -> None:
    """What could not be counted is not asked: else a full disk would be a free pass."""
    with serving(ANSWER) as server:
        path = home.local(server.address, "input_price: 1\noutput_price: 1\nmax_output_tokens: 9")
        path.write_text("budget:\n  per_day: 1\n" + path.read_text())
        assert home.run("Hi").code == 0
        room = (home.folder / "ledger.db-wal").stat().st_size + 1000  # too little for a page
        done = subprocess.run(
            [sys.executable, "-c", FULL, str(room), str(BIN / "loki-pipe"), "Hi"],
            env=home.variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    assert (done.returncode, done.stdout, len(server.asked)) == (80, "", 1)
    assert done.stderr.startswith("loki-pipe: budget: nobody knows what is spent of it: ")


def test_a_forked_process_frees_nothing_of_its_parents(tmp_path: Path) -> None:
    """In the child no thread of the parent lives, and yet its calls are under way."""
    ledger = Ledger(env_ledger(tmp_path))
    budget = Budget({"per_day": "1"}, ledger, time.time, print)
    thread = threading.Thread()  # as a parent's looks in the child: it does not live
    budget.under_way[thread] = Held("call:here:1:0:5.0", WORST, 5.0)
    insert_reservation(ledger.connection(), "call:here:1:0:5.0", WORST, 5.0, 4e9)
    env = shop(tmp_path / "ledger.db", answered, "1")
    request = prepare(env, ASK).unwrap()
    assert isinstance(budget.check_budget(request), Success)
    assert sum_under_way(ledger.connection(), 0.0, 900.0) == WORST
