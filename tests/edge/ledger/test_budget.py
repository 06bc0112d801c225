"""Budgets hold against what the ledger says, and against what this process has under way."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from commands import BIN, Home
from returns.result import Failure, Result, Success
from servers import ANSWER, plain, reply, serving
from support import config

from loki import Ask, Message, answer
from loki.edge.env import make_env, within_budget
from loki.edge.ledger.writer import Ledger
from loki.pipeline import Env
from loki.problems import Kind, Problem, fail
from loki.records import Request, Response

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
    env = shop(tmp_path / "l.db", answered, "0.15")
    assert kinds([answer(env, ASK) for _ in range(6)]) == ["ok"] * 4 + ["budget"] * 2


def test_calls_under_way_count_as_their_worst_case(tmp_path: Path) -> None:
    """Of eight threads at once only two can go: what the others could cost has no room."""
    gate = threading.Barrier(2, timeout=10)

    def slow(request: Request) -> Result[Response, Problem]:
        gate.wait()
        time.sleep(0.2)
        return answered(request)

    env = shop(tmp_path / "l.db", slow, str(2 * WORST))
    with ThreadPoolExecutor(8) as pool:
        told = kinds(list(pool.map(lambda _: answer(env, ASK), range(8))))
    assert sorted(told) == ["budget"] * 6 + ["ok"] * 2
    (gone,) = Ledger(str(tmp_path / "l.db")).spent([(0.0, 4e9)]).unwrap()
    assert gone.cost == Decimal("0.03")


def test_a_call_that_fails_gives_back_its_worst_case(tmp_path: Path) -> None:
    env = shop(tmp_path / "l.db", lambda request: fail("offline", "gone"), str(WORST))
    assert kinds([answer(env, ASK) for _ in range(3)]) == ["offline"] * 3


def test_a_call_that_the_budget_refuses_takes_nothing_of_it(tmp_path: Path) -> None:
    env = shop(tmp_path / "l.db", answered, str(WORST))
    large = replace(ASK, messages=(Message("user", "Hi " * 1000),))
    assert kinds([answer(env, large), answer(env, ASK)]) == ["budget", "ok"]


@pytest.mark.parametrize("kind", ["auth", "busy", "input", "quota", "refused"])
def test_a_call_that_a_server_refuses_gives_back_its_worst_case(tmp_path: Path, kind: Kind) -> None:
    problem = Problem(kind, "no", status=400, sent=True)
    env = shop(tmp_path / "l.db", lambda request: Failure(problem), str(WORST))
    again = replace(env, send=answered)
    assert kinds([answer(env, ASK), answer(env, ASK), answer(again, ASK)]) == [kind, kind, "ok"]


def test_a_call_that_is_not_to_be_written_gives_it_back_too(tmp_path: Path) -> None:
    env = shop(tmp_path / "l.db", answered, str(WORST))
    quiet = within_budget(
        replace(env, record=lambda entry: None), Ledger(str(tmp_path / "l.db")), print, keep=False
    )
    assert kinds([answer(quiet, ASK) for _ in range(3)]) == ["ok"] * 3


def test_threads_that_ended_hold_nothing_back(tmp_path: Path) -> None:
    """Also where somebody took ``record`` away, and no line ever gives a worst case back."""
    env = replace(shop(tmp_path / "l.db", answered, str(WORST)), record=lambda entry: None)
    told: list[Result[object, Problem]] = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: told.append(answer(env, ASK)))
        thread.start()
        thread.join()
    assert kinds(told) == ["ok"] * 3


def test_without_a_budget_the_ledger_is_not_read(tmp_path: Path) -> None:
    env = shop(tmp_path / "l.db", answered, "1")
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
