"""What ends a run from outside: the first signal lets rows finish, a second one does not."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from loki.cli.batch.interrupts import halting_after, halting_on_signals
from loki.cli.batch.stop_reason import StopReason


def test_the_first_signal_halts_the_second_leaves_and_the_third_ends() -> None:
    stop, before, left = StopReason(), signal.getsignal(signal.SIGTERM), threading.Event()
    with (
        pytest.raises(SystemExit) as ended,
        halting_on_signals(stop, stop.set, left.set) as notes,
    ):
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.first == "SIGTERM" and not left.is_set()
        assert notes.get().startswith("SIGTERM: finishing the rows in progress; once more stops")
        os.kill(os.getpid(), signal.SIGINT)
        assert left.is_set() and notes.empty()
        os.kill(os.getpid(), signal.SIGTERM)
    assert ended.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with halting_on_signals(StopReason(), lambda reason: None, lambda: None):
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_clock_halts_a_run_and_no_limit_never_does() -> None:
    halted = threading.Event()
    with halting_after(0.01, lambda reason: halted.set()):
        assert halted.wait(10)
    with halting_after(None, lambda reason: pytest.fail(reason)):
        pass
