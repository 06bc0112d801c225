"""What ends a run from outside: signals and the clock."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Timer

from loki.cli.batch.stop_reason import StopReason

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def halting_on_signals(
    stop: StopReason, halt: Callable[[str], None], leave: Callable[[], None]
) -> Iterator[SimpleQueue[str]]:
    """Finish what is under way on a first Ctrl-C, SIGTERM or SIGHUP, ``leave`` it on a second.

    A third one raises, should that take long. Yield what there is to say of them: a handler may
    interrupt whoever writes to stderr, and so it writes nothing.
    """
    notes: SimpleQueue[str] = SimpleQueue()
    came: list[int] = []

    def handle(number: int, frame: object) -> None:
        came.append(number)
        name = signal.Signals(number).name
        if len(came) == 1:
            notes.put(f"{name}: finishing the rows in progress; once more stops at once")
            halt(name)
        elif len(came) == 2:
            leave()
        else:
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    names = [name for name in SIGNALS if hasattr(signal, name)]
    numbers = [getattr(signal, name) for name in names]
    heeded = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in heeded}
    try:
        yield notes
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
