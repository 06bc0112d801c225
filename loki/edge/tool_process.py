"""A program -> what it printed: run in a group of its own, and ended with all of it.

What a program starts is ended with it, unless it leaves the group; that takes a call of the system
(setsid), as daemons make it.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from subprocess import PIPE, Popen, TimeoutExpired
from threading import Lock
from typing import NamedTuple

MAX_OUTPUT = 1_000_000  # bytes that are read of what a program prints
PIECE = 65536  # bytes
PIPE_BUF = 512  # bytes that a pipe takes at once wherever POSIX holds
PAUSE = 0.1  # seconds between two looks at a process
GRACE = 1.0  # seconds between asking a process to end and ending it


class Output(NamedTuple):
    """What a command printed, and why it was stopped, if it was."""

    out: bytes
    err: bytes
    stopped: str = ""  # late or long


class Processes:
    """The processes that run now: all can be stopped together, and then no other starts."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.running: set[Popen[bytes]] = set()
        self.is_stopped = False
        self.lock = Lock()

    def start(self, argv: tuple[str, ...]) -> Popen[bytes]:
        """Start a program in a session of its own, without a terminal; raise OSError."""
        with self.lock:
            if self.is_stopped:
                raise InterruptedError("stopped")
            process = Popen(
                argv,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env=self.environ,
                start_new_session=True,
                bufsize=0,
            )
            self.running.add(process)
            return process

    def end(self, process: Popen[bytes]) -> None:
        """End a process and its group."""
        end_groups({process})
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        with self.lock:
            self.running.discard(process)

    def stop(self) -> None:
        """End all processes, and start none any more."""
        with self.lock:
            self.is_stopped, running = True, set(self.running)
        end_groups(running)


def end_groups(processes: set[Popen[bytes]]) -> None:
    """Ask the groups of processes to end; after a while end them."""
    signal_groups(processes, signal.SIGTERM)
    end = time.monotonic() + GRACE
    try:
        while time.monotonic() < end and any(map(is_group_alive, processes)):
            time.sleep(0.01)
    finally:  # also where a second signal interrupts us
        signal_groups(processes, signal.SIGKILL)
    for process in processes:
        process.wait()


def signal_groups(processes: set[Popen[bytes]], number: signal.Signals) -> None:
    """Send a signal to whoever is left of the groups of processes."""
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)


def is_group_alive(process: Popen[bytes]) -> bool:
    """Return whether a process or another one of its group is running."""
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


# ---- its pipes ---------------------------------------------------------------------------------


class Pipes:
    """The pipes of a process: what is still to be written, and what it has printed."""

    def __init__(self, process: Popen[bytes], data: bytes) -> None:
        assert process.stdin and process.stdout and process.stderr
        self.process = process
        self.stdin = process.stdin
        self.data = data
        self.printed: dict[int, bytearray] = {}
        self.selector = selectors.DefaultSelector()
        self.selector.register(process.stdin, selectors.EVENT_WRITE)
        for pipe in (process.stdout, process.stderr):
            self.printed[pipe.fileno()] = bytearray()
            self.selector.register(pipe, selectors.EVENT_READ)
        self.out, self.err = self.printed.values()
        self.open = 2  # pipes to read

    def wait(self, seconds: float) -> bool:
        """Write and read what is possible within some seconds; return whether anything was read."""
        if not self.open:
            with suppress(TimeoutExpired):
                self.process.wait(seconds)
            return False
        ready = [key for key, _ in self.selector.select(seconds)]
        reads = [key for key in ready if key.fileobj is not self.stdin]
        if len(reads) < len(ready):
            self.write()
        for key in reads:
            piece = os.read(key.fd, PIECE)
            if not piece:
                self.selector.unregister(key.fileobj)
                self.open -= 1
            elif len(self.printed[key.fd]) <= MAX_OUTPUT:  # what is beyond that nobody reads
                self.printed[key.fd] += piece
        return bool(reads)

    def write(self) -> None:
        """Write as much as the pipe surely takes; close it at the end, or if nobody reads it."""
        try:
            self.data = self.data[os.write(self.stdin.fileno(), self.data[:PIPE_BUF]) :]
        except BrokenPipeError:
            self.data = b""
        if not self.data:
            self.selector.unregister(self.stdin)
            self.stdin.close()


def read_output(process: Popen[bytes], data: bytes, end: float) -> Output:
    """Write to a process and read what it prints until it has ended, or has to be stopped.

    What it started may hold its pipes open for longer: that is not waited for.
    """
    pipes, stopped = Pipes(process, data), ""
    with pipes.selector:
        while not stopped:
            has_ended = process.poll() is not None  # before reading, so that all it wrote is read
            left = end - time.monotonic()
            has_read = pipes.wait(0 if has_ended else max(0.0, min(PAUSE, left)))
            if has_ended and not has_read:
                break
            stopped = "long" if len(pipes.out) > MAX_OUTPUT else "late" if left <= 0 else ""
    return Output(bytes(pipes.out), bytes(pipes.err), stopped)
