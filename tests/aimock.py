"""A batch server that we did not write (npm's @copilotkit/aimock), and one before it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from servers import Asked, Script, Server, plain, serving
from support import ROOT

#: npm install --prefix .venv/aimock @copilotkit/aimock
PACKAGE = ROOT / ".venv" / "aimock" / "node_modules" / "@copilotkit" / "aimock"
MISSING = [
    what
    for what, found in {
        "node": shutil.which("node"),
        "@copilotkit/aimock in .venv/aimock": PACKAGE.exists(),
    }.items()
    if not found
]
needed = pytest.mark.skipif(bool(MISSING), reason=f"no {' and no '.join(MISSING)}")


@contextmanager
def aimock(folder: Path, outcome: str) -> Iterator[Server]:
    """The server, behind one that names the outcome of every job that is created."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = str(PACKAGE / "dist" / "cli.js")
    fixtures = str(PACKAGE / "fixtures" / "example-greeting.json")
    with (
        open(folder / "aimock.log", "wb") as log,
        subprocess.Popen(
            ["node", script, "-p", str(port), "-f", fixtures], stdout=log, stderr=log
        ) as process,
    ):
        try:
            await_port(port)
            with serving(forward(f"http://127.0.0.1:{port}", outcome)) as server:
                yield server
        finally:
            process.terminate()


def await_port(port: int) -> None:
    """Wait until something listens at a port."""
    for _ in range(400):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("aimock does not listen")


def forward(address: str, outcome: str) -> Callable[[Asked], Script]:
    """Return what answers as the server there does."""

    def answer(asked: Asked) -> Script:
        method, path, _ = asked.line.split(" ")
        kept = {name: asked.headers[name] for name in ("content-type",) if name in asked.headers}
        headers = {**kept, "x-aimock-batch-outcome": outcome}
        got = requests.request(
            method, f"{address}{path}", data=asked.body, headers=headers, timeout=20
        )
        return plain(got.content, got.status_code, "retry-after: 0.2\r\n")

    return answer
