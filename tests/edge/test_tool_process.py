"""Programs of others: read to their end, stopped at a limit, and ended with what they started."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from processes import is_gone

from loki.edge.tool_process import MAX_OUTPUT, Output, Processes, read_output


def run(script: str, seconds: float, data: bytes = b"{}") -> Output:
    """What a script of Python prints within some seconds."""
    processes = Processes({})
    process = processes.start((sys.executable, "-c", script))
    try:
        return read_output(process, data, time.monotonic() + seconds)
    finally:
        processes.end(process)


CHILD = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(PLACE, "w").write(f"{os.getpid()} {child.pid}")
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


@pytest.mark.parametrize("before", ["", STUBBORN], ids=["obedient", "stubborn"])
def test_a_tool_that_hangs_is_ended_with_its_children(tmp_path: Path, before: str) -> None:
    script = before + CHILD.replace("PLACE", repr(str(tmp_path / "pids"))) + "time.sleep(600)"
    assert run(script, 2).stopped == "late"
    assert all(is_gone(int(pid)) for pid in (tmp_path / "pids").read_text().split())


def test_what_a_tool_leaves_behind_is_not_waited_for_and_ended(tmp_path: Path) -> None:
    script = CHILD.replace("PLACE", repr(str(tmp_path / "pids"))) + "print('done')"
    assert run(script, 100) == Output(b"done\n", b"")
    assert all(is_gone(int(pid)) for pid in (tmp_path / "pids").read_text().split())


def test_what_is_printed_beyond_the_limit_is_not_read() -> None:
    output = run("while True: print('x' * 10_000)", 100)
    assert output.stopped == "long" and MAX_OUTPUT < len(output.out) < 2 * MAX_OUTPUT


def test_a_program_that_reads_nothing_is_not_waited_for() -> None:
    assert run("print('deaf')", 100, b"x" * 1_000_000) == Output(b"deaf\n", b"")


def test_a_program_that_closes_its_pipes_is_waited_for() -> None:
    script = "import os, time; os.close(1); os.close(2); time.sleep(0.3); os._exit(5)"
    processes = Processes({})
    process = processes.start((sys.executable, "-c", script))
    assert read_output(process, b"{}", time.monotonic() + 100) == Output(b"", b"")
    processes.end(process)
    assert process.returncode == 5


def test_nothing_starts_once_all_are_stopped() -> None:
    processes = Processes({})
    process = processes.start(("sleep", "600"))
    processes.stop()
    assert process.returncode == -15
    with pytest.raises(InterruptedError):
        processes.start(("sleep", "600"))
    processes.end(process)
