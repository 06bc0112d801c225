"""Processes by a mark in their environment: found wherever they went, and no others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import is_gone

from loki.edge.process_tree import find_marked, signal_marked, with_mark

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc here")

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def start(mark: str, words: list[str], **options: bool) -> subprocess.Popen[bytes]:
    """Start a program with a mark."""
    return subprocess.Popen(words, env=with_mark(os.environ, mark), **options)  # type: ignore[call-overload, no-any-return]


def test_a_process_is_found_by_its_mark_in_whatever_session() -> None:
    with start("mark-a", SLEEP, start_new_session=True) as one, start("mark-b", SLEEP) as other:
        try:
            assert find_marked(["mark-a"]) == {one.pid} and find_marked(["mark-c"]) == set()
            assert find_marked(["mark-a", "mark-b"]) == {one.pid, other.pid}
            assert signal_marked(["mark-a"], signal.SIGKILL) == 1
            assert one.wait(20) == -9 and other.poll() is None
            assert find_marked(["mark-a"]) == set()  # it has ended, waited for or not
        finally:
            other.kill()


def test_a_child_without_the_mark_is_found_while_its_parent_runs(tmp_path: Path) -> None:
    place = tmp_path / "pid"
    script = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen({SLEEP!r}, env={{}}, start_new_session=True)\n"
        f"open({str(place)!r}, 'w').write(f'{{child.pid}}.')\n"
        "time.sleep(600)"
    )
    with start("mark-d", [sys.executable, "-c", script]) as parent:
        while not place.exists() or not place.read_text().endswith("."):
            time.sleep(0.02)
        child = int(place.read_text()[:-1])
        assert find_marked(["mark-d"]) == {parent.pid, child}
        assert signal_marked(["mark-d"], signal.SIGKILL) == 2
    assert is_gone(child)


def test_a_mark_stands_beside_those_outside() -> None:
    outer = with_mark({"A": "b"}, "outer")
    with start("inner", SLEEP) as alone:
        alone.kill()
    with subprocess.Popen(SLEEP, env=with_mark(outer, "inner-2")) as process:
        assert find_marked(["outer"]) == find_marked(["inner-2"]) == {process.pid}
        process.kill()
