"""The suite itself: the same every time, in every order, in the background too."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

STAGES = ("account", "build", "draft", "parse", "patch", "resolve")
LAW = """
from hypothesis import given, strategies

@given(strategies.lists(strategies.integers()))
def test_law(numbers):
    print(numbers)
"""
ORDER = """
import importlib, inspect, sys
importlib.import_module(sys.argv[1])
from loki.stages import account, build, draft, parse, patch, resolve
assert all(map(inspect.isfunction, (account, build, draft, parse, patch, resolve)))
"""


def run_pytest(*words: str, cwd: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    variables = {**os.environ, **environ}
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True)


def test_a_law_is_held_against_the_same_examples_every_time(tmp_path: Path) -> None:
    (tmp_path / "test_law.py").write_text(LAW)
    words = ["-s", "-p", "conftest", "--confcutdir", str(tmp_path), str(tmp_path)]
    runs = [
        run_pytest(*words, cwd=tmp_path, PYTHONPATH=str(ROOT / "tests")).stdout.split("passed")[0]
        for _ in range(2)
    ]
    assert runs[0].count("[") >= 50 and runs[0] == runs[1]


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_is_a_function_whatever_was_imported_first(name: str) -> None:
    command = [sys.executable, "-c", ORDER, f"loki.stages.{name}"]
    assert subprocess.run(command, capture_output=True).stderr == b""


@pytest.mark.parametrize("name", ["account", "resolve"])
def test_a_stage_is_a_function_whatever_pytest_collects_first(name: str) -> None:
    here = str(Path(__file__).relative_to(ROOT))
    done = run_pytest(f"loki/stages/{name}.py", here, "-k", "functions_here")
    assert done.returncode == 0, done.stdout


def test_the_stages_are_functions_here() -> None:
    from loki import stages

    assert all(inspect.isfunction(getattr(stages, name)) for name in STAGES)


def test_commands_can_be_interrupted_where_the_suite_runs_in_the_background() -> None:
    """A shell without job control starts what ends in & with SIGINT ignored."""
    one = "tests/cli/test_pipe.py::test_signals_close_the_connection[2-130]"
    script = 'trap "" INT; exec "$0" -m pytest -q -p no:cacheprovider "$1"'
    command = ["sh", "-c", script, sys.executable, one]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
