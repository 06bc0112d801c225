"""What ends a run from outside: signals and the clock."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

from loki.cli.batch.stop_reason import StopReason
from loki.cli.console import Console

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def halting_on_signals(
    console: Console, stop: StopReason, halt: Callable[[str], None]
) -> Iterator[None]:
    """Let what is under way be finished on the first Ctrl-C, SIGTERM or SIGHUP, not on a second."""

    def leave(number: int, frame: object) -> None:
        name = signal.Signals(number).name
        if stop.is_set(name):
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)
        console.note(f"{name}: finishing the rows in progress; once more stops at once")
        halt(name)

    names = [name for name in SIGNALS if hasattr(signal, name)]
    numbers = [getattr(signal, name) for name in names]
    heeded = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, leave) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def halting_after(seconds: float | None, halt: Callable[[str], None]) -> Iterator[None]:
    """After so many seconds nothing more begins, however long the rows under way take."""
    timer = Timer(seconds or 0, halt, ["--max-time"])
    timer.daemon = True
    if seconds:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
