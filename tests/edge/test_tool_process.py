"""Programs of others: read to their end, stopped at a limit, and ended with what they started."""

from __future__ import annotations

import subprocess
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


DAEMON = """
import os, subprocess, sys, time
words = [sys.executable, "-c", "import time; time.sleep(600)"]
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        devnull = os.open("/dev/null", os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(devnull, number)
        open(PLACE, "w").write(str(os.getpid()))
        os.execv(words[0], words)
    os._exit(0)
os.wait()
while not os.path.exists(PLACE) or not open(PLACE).read():
    time.sleep(0.01)
"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
@pytest.mark.parametrize("end", ["print('done')", "time.sleep(600)"], ids=["ends", "hangs"])
def test_what_leaves_the_group_is_ended_too(tmp_path: Path, end: str) -> None:
    place = tmp_path / "pid"
    output = run(DAEMON.replace("PLACE", repr(str(place))) + end, 2 if "sleep" in end else 100)
    assert output.stopped == ("late" if "sleep" in end else "") and is_gone(int(place.read_text()))


KILLED = """
import sys
from loki.edge.tool_process import Processes, read_output
process = Processes({}).start((sys.executable, "-c", "import time; time.sleep(600)"))
print(process.pid, flush=True)
read_output(process, b"{}", 1e9)
"""


def test_a_tool_ends_with_us_also_where_we_are_killed() -> None:
    words = [sys.executable, "-c", KILLED]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        tool = int(process.stdout.readline())
        process.kill()
    assert is_gone(tool)


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
