"""The quick fuzzer: it finds what breaks a promise, prints how that is had again, and goes on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import fuzz_inputs
import fuzz_readers
import pytest
from frames import CLIENTS
from fuzz_checks import check_hidden
from fuzz_readers import Reader, assert_alike, check_stream, check_whole, readers
from returns.result import Success

SCRIPT = Path(fuzz_inputs.__file__)


def crash(given: bytes) -> None:
    """Raise over some inputs."""
    if given[0] < 40:
        raise KeyError("a")


def hang(given: bytes) -> None:
    """Take some inputs for ever."""
    while given[0] < 20:
        pass


def use(monkeypatch: pytest.MonkeyPatch, check: Callable[[Any], None]) -> None:
    """Feed one reader alone."""
    reader = Reader("it", 1, lambda rng: bytes([int(rng.random() * 256)]), check)
    monkeypatch.setattr(fuzz_inputs, "table", lambda: ([reader], [1.0]))
    monkeypatch.setattr(fuzz_inputs, "MOST_SECONDS", 0.05)


@pytest.mark.parametrize(("check", "limit", "reason"), [(crash, 40, "Key"), (hang, 20, "TooSlow")])
def test_what_crashes_or_hangs_is_found_and_had_again(
    check: Callable[[Any], None], limit: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, check)
    block = fuzz_inputs.run_block(3, 0, 60)
    assert block.counts == {"it": 60} and block.finds
    for find in block.finds:
        _, given = fuzz_inputs.make_input(3, find.number)
        assert given[0] < limit and repr(given) == find.shown and find.reason.startswith(reason)
    assert block == fuzz_inputs.run_block(3, 0, 60)


def test_a_search_prints_each_kind_of_find_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, crash)
    monkeypatch.setattr(
        fuzz_inputs, "blocks", lambda *words: iter([fuzz_inputs.run_block(3, 0, 60)])
    )
    assert fuzz_inputs.search(3, 60, 1, 9.0) == 1
    shown = capsys.readouterr().out
    assert shown.count("FOUND by it") == 1 and "60 inputs" in shown
    assert "fuzz_inputs.py --seed 3 --at " in shown


class EmptyReply:
    """A reply without anything in it."""

    text, tool_calls, items, pause = "", (), (), ()


def test_a_success_that_says_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    check_whole("openai", b"{}")  # a Problem, as it must be
    monkeypatch.setattr(fuzz_readers, "parse", lambda response: Success(EmptyReply()))
    with pytest.raises(AssertionError, match="success without an answer"):
        check_whole("openai", b"{}")


def test_readings_that_depend_on_the_cut_are_found() -> None:
    chunk = b'data: {"choices": [{"delta": {"content": "%s"}, "finish_reason": "stop"}]}\n\n'
    for wire in CLIENTS:
        check_stream(wire, [chunk % b"a", chunk % b"b", b"", b"", chunk[:9]])
    one, other = (Success(text) for text in "ab")
    with pytest.raises(AssertionError, match="'a' is not 'b'"):
        assert_alike(one, other)


def test_a_secret_that_is_shown_is_found() -> None:
    check_hidden("mArK7Zk of another")
    with pytest.raises(AssertionError, match="a secret is shown"):
        check_hidden("the key 7ZK9XWV2KRAM is wrong")


def test_every_reader_makes_inputs_and_holds_its_promises() -> None:
    for reader in readers():
        for number in range(3):
            reader.check(reader.make(Random(number)))


def test_as_many_inputs_are_fed_as_were_asked_for() -> None:
    words = [sys.executable, str(SCRIPT), "--inputs", "300", "--workers", "1", "--seed", "1"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0 and "300 inputs in" in done.stdout, done.stdout + done.stderr
