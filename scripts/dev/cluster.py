"""A Dask scheduler and workers on this machine, to try loki-batch --scheduler with.

python scripts/dev/cluster.py [WORKERS]

Prints the scheduler's address and runs until Ctrl-C. Needs: pip install '.[dask]'
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

DASK = str(Path(sys.executable).with_name("dask"))


@contextmanager
def cluster(workers: int, environ: Mapping[str, str] | None = None) -> Iterator[str]:
    """Start a scheduler and its workers on loopback; yield the scheduler's address."""
    with ExitStack() as stack:
        words = [DASK, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        scheduler = subprocess.Popen(
            words, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        stack.callback(scheduler.kill)
        address = address_in(scheduler)
        folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        words = [DASK, "worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
        for _ in range(workers):
            worker = subprocess.Popen(
                [*words, "--local-directory", folder],
                env=environ,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(worker.wait)
            stack.callback(worker.kill)
        yield address


def address_in(scheduler: subprocess.Popen[str]) -> str:
    """Return the address that a scheduler logs; raises ChildProcessError if it ends instead."""
    assert scheduler.stderr is not None
    for line in scheduler.stderr:
        if match := re.search(r"tcp://127\.0\.0\.1:\d+", line):
            return match[0]
    raise ChildProcessError("the scheduler did not start")


def main() -> None:
    """Run a cluster until Ctrl-C."""
    workers = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    with cluster(workers) as address:
        print(f"{workers} workers. In another terminal: loki-batch --scheduler {address} …")
        print("Ctrl-C ends it.", flush=True)
        with suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
