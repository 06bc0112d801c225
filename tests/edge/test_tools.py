"""Tools that run: real processes that answer, fail, hang, flood, and outlive nobody."""

from __future__ import annotations

import os
import sys
import time
from math import inf
from pathlib import Path
from typing import Any

import pytest
from processes import is_gone

from loki.edge.tools import run_tools
from loki.formats.tool_commands import ToolCommand
from loki.messages import Message, ToolCall
from loki.redaction.redactor import Redactor

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}


def command(script: str, timeout: float = 30) -> ToolCommand:
    """A tool that is a script of Python."""
    return ToolCommand("tool", (sys.executable, "-c", script), SCHEMA, timeout)


def run(
    tool: ToolCommand, *arguments: Any, end: float = inf, redactor: Redactor | None = None
) -> list[Message]:
    """The results of calls of one tool with these arguments."""
    calls = tuple(ToolCall(f"c{i}", "tool", given) for i, given in enumerate(arguments or ({},)))
    path, known = {"PATH": os.defpath}, redactor or Redactor()
    return [*run_tools({"tool": tool}, path, end, lambda *_: None, known, calls)]


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("import sys; print(sys.stdin.read())", '{"n":1}'),
        ("print('a\\nb\\n')", "a\nb"),
        ("import json; print(json.dumps({'a': 1}))", '{"a": 1}'),
        ("import sys; sys.stdout.buffer.write(b'caf\\xe9')", "caf\ufffd"),
        ("import sys; print('warning', file=sys.stderr); print('fine')", "fine"),
        ("pass", "(nothing was printed)"),
        ("import os; os.close(0); print('deaf')", "deaf"),
    ],
)
def test_what_a_tool_prints_is_its_result(script: str, text: str) -> None:
    (result,) = run(command(script), {"n": 1})
    assert result == Message("tool", text, tool_call_id="c0")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("import sys; sys.exit('no such city')", "the tool failed with exit code 1\nno such city"),
        ("print('half'); raise SystemExit(3)", "the tool failed with exit code 3\nhalf"),
        ("import os; os.kill(os.getpid(), 9)", "the tool failed with signal 9"),
        ("import os; os.write(1, b'a\\0b')", "the tool printed what is no text: byte 1 is 0"),
    ],
)
def test_what_goes_wrong_goes_back_to_the_model(script: str, expected: str) -> None:
    (result,) = run(command(script))
    assert (result.text, result.is_error) == (expected, True)


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (("./no-such-program",), "cannot run ./no-such-program: no such file or directory"),
        (("/",), "cannot run /: permission denied"),
    ],
)
def test_a_program_that_is_not_there_is_an_error(argv: tuple[str, ...], expected: str) -> None:
    (result,) = run(ToolCommand("tool", argv, {}))
    assert (result.text, result.is_error) == (expected, True)


def test_arguments_are_checked_before_anything_runs(tmp_path: Path) -> None:
    (result,) = run(command(f"open({str(tmp_path / 'ran')!r}, 'w')"), {"n": "one"})
    assert result.is_error and "at $.n: 'one' is not of type 'integer'" in result.text
    assert not (tmp_path / "ran").exists()


def test_a_tool_that_is_not_there_is_named() -> None:
    call = ToolCall("c", "tol", {})
    (result,) = run_tools({"tool": command("")}, {}, inf, lambda *_: None, Redactor(), (call,))
    assert result.is_error and result.text == "there is no tool 'tol'; did you mean 'tool'?"


def test_long_arguments_reach_a_tool_that_talks_at_the_same_time() -> None:
    script = "import sys; print('x' * 100_000); print(len(sys.stdin.read()))"
    (result,) = run(command(script), {"text": "y" * 300_000})
    assert result.text.endswith("x\n300011")


def test_a_flood_is_cut_and_its_source_ended(tmp_path: Path) -> None:
    script = f"import os; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
    (result,) = run(command(script + "while True: print('x' * 10_000)"))
    assert not result.is_error and len(result.text) < 1_000_100
    assert result.text.endswith("x…\n[cut: the tool printed more than 1,000,000 bytes]")
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_a_flood_on_stderr_fills_no_memory() -> None:
    script = "import sys\nfor _ in range(300): sys.stderr.write('x' * 10_000)\nsys.exit(2)"
    (result,) = run(command(script))
    assert result.is_error and len(result.text) < 11_000


def test_the_time_for_everything_ends_a_tool_too() -> None:
    (result,) = run(command("import time; time.sleep(600)"), end=time.monotonic() + 0.2)
    assert result.is_error and "it did not end within" in result.text


def test_calls_run_at_once_and_answer_in_their_order(tmp_path: Path) -> None:
    script = f"""
import json, os, sys, time
n = json.load(sys.stdin)["n"]
open(os.path.join({str(tmp_path)!r}, str(n)), "w")
while len(os.listdir({str(tmp_path)!r})) < 3: time.sleep(0.01)
sys.exit("two failed") if n == 2 else print(n)
"""
    results = run(command(script), {"n": 1}, {"n": 2}, {"n": 3})
    assert [result.is_error for result in results] == [False, True, False]
    assert [result.tool_call_id for result in results] == ["c0", "c1", "c2"]
    assert results[0].text == "1" and "two failed" in results[1].text and results[2].text == "3"


def test_at_most_eight_run_at_once(tmp_path: Path) -> None:
    script = f"""
import os, time
mine = os.path.join({str(tmp_path)!r}, str(os.getpid()))
open(mine, "w"); time.sleep(0.2); print(len(os.listdir({str(tmp_path)!r}))); os.unlink(mine)
"""
    results = run(command(script), *[{}] * 20)
    assert max(int(result.text) for result in results) <= 8


def test_an_interrupt_ends_every_tool_and_starts_none(tmp_path: Path) -> None:
    script = f"""
import json, os, sys, time
if json.load(sys.stdin)["n"]:
    open(os.path.join({str(tmp_path)!r}, str(os.getpid())), "w"); time.sleep(600)
"""

    def interrupt(*_: Any) -> None:
        while len(os.listdir(tmp_path)) < 7:
            time.sleep(0.01)
        raise KeyboardInterrupt

    calls = tuple(ToolCall(str(n), "tool", {"n": n}) for n in range(20))
    with pytest.raises(KeyboardInterrupt):
        run_tools({"tool": command(script, 600)}, {}, inf, interrupt, Redactor(), calls)
    pids = os.listdir(tmp_path)
    assert len(pids) <= 8 and all(is_gone(int(pid)) for pid in pids)


def test_no_secret_comes_back() -> None:
    redactor = Redactor("sk-mark-0123456789")
    script = "import sys; print('sk-mark-0123456789'); sys.stderr.write('SK-MARK-0123456789')"
    assert run(command(script), redactor=redactor)[0].text == "***"
    failing = command(script + "; sys.exit(1)")
    assert run(failing, redactor=redactor)[0].text.endswith("exit code 1\n***\n***")


def test_no_half_of_a_secret_is_left_at_a_cut() -> None:
    redactor = Redactor("sk-mark-0123456789")
    script = "print('x' * 999_990 + 'sk-mark-0123456789' * 10)"
    text = run(command(script), redactor=redactor)[0].text
    assert "sk-ma" not in text and text.endswith("bytes]")


def test_a_result_is_told_of_with_its_time() -> None:
    received = list[Any]()

    def hear(call: ToolCall, result: Message, seconds: float) -> None:
        received.append((call.id, result.text, seconds >= 0))

    run_tools(
        {"tool": command("print(5)")}, {}, inf, hear, Redactor(), (ToolCall("a", "tool", {}),)
    )
    assert received == [("a", "5", True)]
