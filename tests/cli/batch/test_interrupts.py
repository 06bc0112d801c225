"""What ends a run from outside: the first signal lets rows finish, a second one does not."""

from __future__ import annotations

import io
import os
import signal
import threading

import pytest

from loki.cli.batch.interrupts import halting_after, halting_on_signals
from loki.cli.batch.stop_reason import StopReason
from loki.cli.console import Console


def console() -> Console:
    """Return a console in memory."""
    return Console("loki-batch", io.TextIOWrapper(io.BytesIO()), io.StringIO())


def test_the_first_signal_halts_and_the_second_ends() -> None:
    stop, before = StopReason(), signal.getsignal(signal.SIGTERM)
    with (
        pytest.raises(SystemExit) as ended,
        halting_on_signals(console(), stop, stop.set),
    ):
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.first == "SIGTERM"
        os.kill(os.getpid(), signal.SIGTERM)
    assert ended.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with halting_on_signals(console(), StopReason(), lambda reason: None):
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_clock_halts_a_run_and_no_limit_never_does() -> None:
    halted = threading.Event()
    with halting_after(0.01, lambda reason: halted.set()):
        assert halted.wait(10)
    with halting_after(None, lambda reason: pytest.fail(reason)):
        pass
