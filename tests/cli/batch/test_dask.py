"""loki-batch --scheduler: the same rows over a cluster, one of whose workers dies."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bulk import bulk_server
from commands import BIN, Home

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
            yield address, started
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
        told = [json.loads(line) for line in Path(home.folder / "out").read_text().splitlines()]
        assert sorted(row["id"] for row in told) == list(range(rows))
        assert all(row["text"] == f"echo p{row['id']}" for row in told)
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


def test_without_a_cluster_it_says_how_to_start_one(home: Home) -> None:
    home.local("http://127.0.0.1:9")
    done = home.run(
        *("-m", "local:m", "--scheduler", "tcp://127.0.0.1:9"),
        stdin='{"prompt": "Hi"}',
        prog="loki-batch",
    )
    assert done.code == 69 and "no Dask scheduler at tcp://127.0.0.1:9" in done.err


def test_the_command_line_keeps_what_may_be_secret_at_home(home: Home) -> None:
    home.local("http://127.0.0.1:9")
    done = home.run(
        *("-m", "local:m", "--scheduler", "tcp://127.0.0.1:9", "--proxy", "http://u:p@h"),
        stdin='{"prompt": "Hi"}',
        prog="loki-batch",
    )
    assert done.code == 64 and "--proxy does not reach a cluster" in done.err
    assert str(BIN) not in done.err
