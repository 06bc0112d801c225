"""The tests behave the same in a terminal, of any size, and without one."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from terminals import Terminal


def test_no_test_can_ask_whoever_runs_it() -> None:
    with pytest.raises(OSError, match="/dev/tty"):
        os.open("/dev/tty", os.O_RDWR)


def test_every_test_has_80_columns() -> None:
    assert tuple(shutil.get_terminal_size()) == (80, 24)


def test_so_it_is_in_a_wide_terminal_of_a_person() -> None:
    words = [sys.executable, "-m", "pytest", "-qk", "ask_whoever or 80_columns", __file__]
    script = f"stty cols 110; {shlex.join(words)}; true"  # sh leads the session, as a shell does
    environ = {**os.environ, "COLUMNS": "110"}
    terminal = Terminal(["sh", "-c", script], environ, cwd=str(Path(__file__).parents[1]))
    try:
        assert "2 passed" in terminal.read(lambda shown: False)
    finally:
        terminal.close()
