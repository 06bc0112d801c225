"""loki-batch --scheduler: the same rows over a cluster, one of whose workers dies."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from bulk import bulk_server
from commands import BIN, Done, Home
from servers import Asked, Script, plain, reply, serving

pytestmark = pytest.mark.xdist_group("cluster")


@contextmanager
def cluster(home: Home, workers: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and its workers, each a process with the configuration of this home."""
    quiet = {"stdin": None, "stdout": subprocess.DEVNULL}
    words = ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    with home.start(*words, prog="dask", **quiet) as scheduler:
        assert scheduler.stderr is not None
        address = ""
        while not address:
            found = re.search(r"tcp://127\.0\.0\.1:\d+", scheduler.stderr.readline().decode())
            address = found[0] if found else ""
        started = [
            home.start(
                *("worker", address, "--nthreads", "2", "--no-dashboard", "--no-nanny"),
                *("--local-directory", str(home.folder / f"worker{i}")),
                prog="dask",
                **{**quiet, "stderr": subprocess.DEVNULL},
            )
            for i in range(workers)
        ]
        try:
            yield address, [*started, scheduler]
        finally:
            for process in (*started, scheduler):
                process.kill()
            for process in started:
                process.wait()


def test_every_row_once_though_a_worker_dies(home: Home) -> None:
    rows = 300
    with bulk_server(latency=0.1) as server:
        home.local(server.address, "input_price: 1\noutput_price: 2")
        path = home.folder / "in"
        path.write_text(
            "".join(json.dumps({"id": i, "prompt": f"p{i}"}) + "\n" for i in range(rows))
        )
        with cluster(home, 3) as (address, workers):
            time.sleep(3)  # seconds until the workers have joined
            words = ["-m", "local:m", str(path), "-o", str(home.folder / "out"), "-j", "24"]
            with home.start(*words, "--scheduler", address, prog="loki-batch") as run:
                while server.counts["seen"] < rows / 4:
                    time.sleep(0.05)
                workers[0].kill()
                _, err = run.communicate(timeout=60)
        assert run.returncode == 0, err
        parsed = [json.loads(line) for line in Path(home.folder / "out").read_text().splitlines()]
        assert sorted(row["id"] for row in parsed) == list(range(rows))
        assert all(row["text"] == f"echo p{row['id']}" for row in parsed)
        assert server.counts["seen"] <= rows + 24


def test_a_rate_holds_for_the_cluster_as_a_whole(home: Home) -> None:
    with bulk_server() as server:
        home.local(server.address)
        lines = "".join(json.dumps({"id": i, "prompt": "four" * 25}) + "\n" for i in range(12))
        with cluster(home, 2) as (address, _):
            time.sleep(3)  # seconds until the workers have joined
            started = time.monotonic()
            words = ["-m", "local:m", "--tpm", "6000", "--scheduler", address]
            done = home.run(*words, prog="loki-batch", stdin=lines)
    assert done.code == 0 and len(done.out.splitlines()) == 12, done.err
    assert time.monotonic() - started >= 11 * 25 * 60 / 6000  # seconds, of 25 tokens a row


def test_a_learnt_rate_holds_for_the_cluster_as_a_whole(shared: tuple[Home, str]) -> None:
    """A server takes 20 a second of whoever asks: what one worker learns holds for the other."""
    with bulk_server(limit=20, latency=0.1) as server:
        shared[0].local(server.address)
        done = over_cluster(shared, 160, "-j", "32", "--retries", "0")
        counts = server.counts
    assert done.code == 0 and len(done.lines) == 160, done.err
    assert counts["seen"] - counts["refused"] == 160
    assert counts["refused"] <= 40, counts  # some of the first burst, and a few that try for more


def test_without_a_cluster_it_says_how_to_start_one(home: Home) -> None:
    home.local("http://127.0.0.1:9")
    done = home.run(
        *("-m", "local:m", "--scheduler", "tcp://127.0.0.1:9"),
        stdin='{"prompt": "Hi"}',
        prog="loki-batch",
    )
    assert done.code == 69 and "no Dask scheduler at tcp://127.0.0.1:9" in done.err


SECRETS = {
    "proxy": (["--proxy", "http://u:p@h"], "--proxy"),
    "header": (["--patch", '{"headers": {"Authorization": "Bearer abc"}}'], "--patch"),
    "body": (["--patch", '{"body": {"api_key": "abc"}}'], "--patch"),
    "address": (["--patch", '{"url": "https://u:p@example.com/"}'], "--patch"),
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_on_the_command_line_goes_to_no_worker(home: Home, name: str) -> None:
    words, flag = SECRETS[name]
    home.local("http://127.0.0.1:9")
    done = home.run(
        *("-m", "local:m", "--scheduler", "tcp://127.0.0.1:9", *words),
        stdin='{"prompt": "Hi"}',
        prog="loki-batch",
    )
    assert done.code == 64 and f"{flag} holds a secret" in done.err
    assert "configure it on the workers" in done.err and str(BIN) not in done.err


# ---- one cluster for all that leaves it whole ----------------------------------------------------


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, str]]:
    """A home and the address of a cluster of two workers that are configured as it is."""
    home = Home(tmp_path_factory.mktemp("home"))
    with cluster(home, 2) as (address, _):
        time.sleep(3)  # seconds until the workers have joined
        yield home, address


def over_cluster(shared: tuple[Home, str], rows: int, *words: str, config: str = "") -> Done:
    """Run the command over some rows on the cluster; a row costs $0.00002."""
    home, address = shared
    if config:
        path = home.folder / "config.yaml"
        path.write_text(config + path.read_text())
    lines = "".join(json.dumps({"id": i, "prompt": f"p{i}"}) + "\n" for i in range(rows))
    flags = ["-m", "local:m", "--scheduler", address, *words]
    return home.run(*flags, prog="loki-batch", stdin=lines)


PRICED = "input_price: 1\noutput_price: 2"


def test_a_slow_attachment_holds_up_no_row_of_a_cluster(shared: tuple[Home, str]) -> None:
    """It comes when all the others were asked; it is read here, not on the workers."""
    home, address = shared
    seen, is_free = list[bytes](), threading.Event()

    def model(asked: Asked) -> Script:
        seen.append(asked.body)
        if len(seen) == 20:
            is_free.set()
        return plain(reply("one"))

    def slow(asked: Asked) -> Script:
        head = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n"
        return [head + b"the notes", b""] if is_free.wait(30) else None

    with serving(slow) as files, serving(model) as server:
        home.local(server.address)
        first = {"id": 0, "prompt": "p", "files": [f"{files.address}/notes"]}
        rows = [first, *({"id": n, "prompt": "p"} for n in range(1, 21))]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        words = ["-m", "local:m", "--scheduler", address, "-j", "30"]
        for more in ([], ["--ordered"]):
            seen.clear()
            is_free.clear()
            done = home.run(*words, *more, prog="loki-batch", stdin=lines)
            ids = [row["id"] for row in done.lines]
            assert done.code == 0 and sorted(ids) == [*range(21)], done.err
            assert ids == sorted(ids) or not more
            assert b"the notes" in seen[-1] and len(files.asked) == 1 + bool(more)


def test_a_patch_goes_to_the_workers(shared: tuple[Home, str]) -> None:
    with serving(plain(reply())) as server:
        shared[0].local(server.address)
        words = ["--patch", '{"body": {"user": "u7"}, "headers": {"x-run": "r"}}']
        done = over_cluster(shared, 3, *words)
    assert done.code == 0 and len(server.asked) == 3, done.err
    assert all(asked.json["user"] == "u7" for asked in server.asked)
    assert all(asked.headers["x-run"] == "r" for asked in server.asked)


def test_a_limit_of_cost_holds_for_the_cluster_as_a_whole(shared: tuple[Home, str]) -> None:
    with bulk_server(latency=0.02) as server:
        shared[0].local(server.address, PRICED)
        done = over_cluster(shared, 300, "--max-cost", "0.002", "--max-tokens", "100")
        seen = server.counts["seen"]
    spent = sum(Decimal(str(row["cost"])) for row in done.lines)
    assert done.code == 80 and len(done.lines) == seen, done.err
    assert Decimal("0.00175") < spent <= Decimal("0.002") - Decimal("0.00018"), spent
    assert "ended early (--max-cost); to go on:" in done.err


def test_a_budget_holds_for_the_cluster_as_a_whole(shared: tuple[Home, str]) -> None:
    home = shared[0]
    home.environ["LOKI_LEDGER"] = str(home.folder / "budget.db")
    with bulk_server(latency=0.02) as server:
        home.local(server.address, PRICED)
        budget = "budget:\n  per_day: 0.002\n"
        done = over_cluster(shared, 300, "--max-tokens", "100", config=budget)
        seen = server.counts["seen"]
    del home.environ["LOKI_LEDGER"]
    spent = sum(Decimal(str(row["cost"])) for row in done.lines)
    assert done.code == 80 and "the budget of $0.002" in done.err, done.err
    assert len(done.lines) == seen and Decimal("0.00175") < spent <= Decimal("0.002"), spent
    with sqlite3.connect(home.folder / "budget.db") as db:
        assert db.execute("SELECT count(*) FROM calls").fetchone() == (seen,)


def test_a_long_wait_of_a_server_ends_the_run_and_fails_no_row(shared: tuple[Home, str]) -> None:
    busy = {"error": {"message": "Slow down."}}
    with serving(plain(busy, 429, "retry-after: 120\r\n")) as server:
        shared[0].local(server.address)
        done = over_cluster(shared, 200)
        seen = len(server.asked)
    assert done.code == 75 and done.out == "" and seen <= 16, done.err
    assert "the server asks to wait 120 s" in done.err


def test_rows_come_in_order_where_that_is_asked_for(shared: tuple[Home, str]) -> None:
    with bulk_server() as server:
        shared[0].local(server.address)
        done = over_cluster(shared, 300, "--ordered")
    assert done.code == 0 and [row["id"] for row in done.lines] == list(range(300)), done.err


@pytest.mark.parametrize("is_file", [True, False])
def test_ordered_rows_that_are_early_are_kept_where_the_run_is_left(
    shared: tuple[Home, str], is_file: bool
) -> None:
    home, address = shared
    ledger = home.folder / f"left-{is_file}.db"
    home.environ["LOKI_LEDGER"] = str(ledger)
    path, out, may_answer = home.folder / "in", home.folder / "out-left", threading.Event()
    path.write_text("".join(f'{{"id": {i}, "prompt": "p{i}."}}\n' for i in range(60)))

    def script(asked: Asked) -> Script:
        return plain(reply()) if b"p0." not in asked.body or may_answer.wait(60) else None

    with serving(script) as server:
        home.local(server.address)
        words = ["-m", "local:m", str(path), "--ordered", "-j", "4", "--scheduler", address]
        words += ["-o", str(out)] * is_file
        with home.start(*words, prog="loki-batch") as run:
            while count_calls(ledger) < 59:
                time.sleep(0.05)
            assert run.stderr is not None
            run.send_signal(signal.SIGTERM)
            assert b"finishing" in run.stderr.readline()
            run.send_signal(signal.SIGTERM)
            lines, err = run.communicate(timeout=30)
        may_answer.set()
    del home.environ["LOKI_LEDGER"]
    kept = [
        json.loads(line)["id"] for line in (out.read_bytes() if is_file else lines).splitlines()
    ]
    assert sorted(kept) == [*range(1, 60)] and (is_file or kept == sorted(kept))
    assert run.returncode == 143 and b"1 call cut off" in err, err
    assert count_calls(ledger) == 60


@pytest.mark.parametrize("is_left", [False, True])
def test_answers_after_a_row_that_is_not_sent_yet_are_kept_where_a_signal_ends_the_run(
    shared: tuple[Home, str], is_left: bool
) -> None:
    """Its attachment is being read: it has no place in the order, and no call to be cut off."""
    home, address = shared
    ledger, path, over = home.folder / f"gap-{is_left}.db", home.folder / "in", threading.Event()
    home.environ["LOKI_LEDGER"] = str(ledger)

    def script(asked: Asked) -> Script:
        if is_left and b"p1." in asked.body:
            over.wait(60)
        return plain(reply("one"))

    with serving([300.0]) as files, serving(script) as server:
        home.local(server.address)
        first = {"id": 0, "prompt": "p", "files": [f"{files.address}/notes"]}
        rows = [first, *({"id": n, "prompt": f"p{n}."} for n in range(1, 21))]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        words = ["-m", "local:m", str(path), "--ordered", "-j", "4", "--scheduler", address]
        with home.start(*words, prog="loki-batch") as run:
            while count_calls(ledger) < 20 - is_left or len(server.asked) < 20:
                time.sleep(0.05)
            assert run.stderr is not None
            run.send_signal(signal.SIGTERM)
            if is_left:
                assert b"finishing" in run.stderr.readline()
                run.send_signal(signal.SIGTERM)
            lines, err = run.communicate(timeout=30)
        over.set()
    del home.environ["LOKI_LEDGER"]
    assert [json.loads(line)["id"] for line in lines.splitlines()] == [*range(1 + is_left, 21)], err
    assert run.returncode == 143 and (b"1 call cut off" in err) == is_left, err
    assert count_calls(ledger) == 20


def test_rows_of_a_budget_that_a_cluster_is_left_with_are_written_once(
    shared: tuple[Home, str],
) -> None:
    home, address = shared
    ledger, path, may_answer = home.folder / "once.db", home.folder / "in", threading.Event()
    home.environ["LOKI_LEDGER"] = str(ledger)
    path.write_text("".join(f'{{"id": {i}, "prompt": "p{i}"}}\n' for i in range(60)))

    def script(asked: Asked) -> Script:
        return plain(reply()) if may_answer.wait(60) else None

    with serving(script) as server:
        config = home.local(server.address, PRICED)
        config.write_text("budget:\n  per_day: 5\n" + config.read_text())
        words = ["-m", "local:m", str(path), "-j", "4", "--max-tokens", "9", "--scheduler", address]
        with home.start(*words, prog="loki-batch") as run:
            while len(server.asked) < 4:
                time.sleep(0.05)
            assert run.stderr is not None
            run.send_signal(signal.SIGTERM)
            assert b"finishing" in run.stderr.readline()
            run.send_signal(signal.SIGTERM)
            _, err = run.communicate(timeout=30)
        may_answer.set()
        assert home.run("-m", "local:m", "--max-tokens", "9", "Hi").code == 0  # ends what is lost
    del home.environ["LOKI_LEDGER"]
    assert b"4 calls cut off" in err, err
    with sqlite3.connect(ledger) as db:
        found = [outcome for (outcome,) in db.execute("SELECT outcome FROM calls")]
        reserved = db.execute("SELECT count(*), count(expires) FROM reserved").fetchone()
    assert sorted(found) == ["interrupted"] * 4 + ["ok"] and reserved == (4, 0)


def test_a_row_that_cannot_be_asked_is_an_error_row_and_the_others_go_on(
    shared: tuple[Home, str],
) -> None:
    home, address = shared
    path, out = home.folder / "in", home.folder / "out-own"
    own = {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}
    rows = [{"id": 0, "prompt": "x", **own}, *({"id": n, "prompt": "x"} for n in (1, 2))]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["-m", "local:m", str(path), "-o", str(out), "--scheduler", address]
    with serving(plain(reply())) as server:
        home.local(server.address, f"{PRICED}\nsupports_function_calling: false")
        codes = [home.run(*words, prog="loki-batch").code for _ in range(2)]
        assert codes == [1, 1] and len(server.asked) == 2
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert {line["id"]: "error" in line for line in lines} == {0: True, 1: False, 2: False}


def count_calls(ledger: Path) -> int:
    """Return how many calls are in a ledger."""
    try:
        with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as db:
            return int(db.execute("SELECT count(*) FROM calls").fetchone()[0])
    except sqlite3.OperationalError:  # not there yet
        return 0


def test_a_run_that_is_killed_asks_no_more_than_was_in_flight(shared: tuple[Home, str]) -> None:
    home, address = shared
    rows, kills, in_flight = 600, 3, 16
    with bulk_server(latency=0.02) as server:
        home.local(server.address)
        path, out = home.folder / "in", home.folder / "out"
        path.write_text("".join(f'{{"id": {i}, "prompt": "p{i}"}}\n' for i in range(rows)))
        words = ["-m", "local:m", str(path), "-o", str(out), "--scheduler", address]
        for _ in range(kills):
            before = server.counts["seen"]
            with home.start(*words, "-q", prog="loki-batch") as process:
                while server.counts["seen"] < before + 60:
                    time.sleep(0.01)
                process.kill()
        last = home.run(*words, prog="loki-batch")
        parsed = [json.loads(line) for line in out.read_text().splitlines()]
        assert last.code == 0 and sorted(row["id"] for row in parsed) == list(range(rows)), last.err
        assert server.counts["seen"] <= rows + kills * in_flight


def test_a_scheduler_that_goes_away_ends_the_run_and_says_how_to_go_on(home: Home) -> None:
    with bulk_server(latency=0.2) as server:
        home.local(server.address)
        path, out = home.folder / "in", home.folder / "out"
        path.write_text("".join(f'{{"id": {i}, "prompt": "p{i}"}}\n' for i in range(2000)))
        with cluster(home, 1) as (address, workers):
            time.sleep(3)  # seconds until the worker has joined
            words = ["-m", "local:m", str(path), "-o", str(out), "--scheduler", address]
            with home.start(*words, prog="loki-batch") as run:
                while server.counts["seen"] < 50:
                    time.sleep(0.05)
                workers[-1].kill()
                _, err = run.communicate(timeout=60)
        kept = len(out.read_text().splitlines())
        assert run.returncode == 69 and f"the scheduler at {address} went away".encode() in err
        assert b"ended early (offline); to go on: loki-batch -m local:m" in err
        assert 50 - 16 <= kept <= server.counts["seen"]
        assert home.run(*words[:-2], "-j", "256", prog="loki-batch").code == 0
        assert len(out.read_text().splitlines()) == 2000
