"""A program -> what it printed: run in a group of its own, and ended with all that it started.

On Linux what leaves the group is ended too, see process_tree. A guard, a small shell, ends the
group if we are killed and cannot do it.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from threading import Lock
from typing import NamedTuple
from uuid import uuid4

from loki.edge.process_tree import find_marked, signal_marked, with_mark

MAX_OUTPUT = 1_000_000  # bytes that are read of what a program prints
PIECE = 65536  # bytes
PIPE_BUF = 512  # bytes that a pipe takes at once wherever POSIX holds
PAUSE = 0.1  # seconds between two looks at a process
ROUNDS = 10  # of looking for processes that others started while they were ended
GRACE = 1.0  # seconds between asking a process to end and ending it


class Output(NamedTuple):
    """What a command printed, and why it was stopped, if it was."""

    out: bytes
    err: bytes
    stopped: str = ""  # late or long


#: Waits for a line; if its stdin ends without one, we are gone, and the group is ended.
GUARD = 'read -r line || kill -s KILL -- "-$1"'


class Tool(NamedTuple):
    """What else belongs to a process: the mark in its environment, and its guard."""

    mark: str
    guard: Popen[bytes] | None


class Processes:
    """The processes that run now: all can be stopped together, and then no other starts."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.running: dict[Popen[bytes], Tool] = {}
        self.is_stopped = False
        self.lock = Lock()

    def start(self, argv: tuple[str, ...]) -> Popen[bytes]:
        """Start a program in a session of its own, without a terminal; raise OSError."""
        with self.lock:
            if self.is_stopped:
                raise InterruptedError("stopped")
            mark = uuid4().hex
            process = Popen(
                argv,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env=with_mark(self.environ, mark),
                start_new_session=True,
                bufsize=0,
            )
            self.running[process] = Tool(mark, start_guard(process.pid))
            return process

    def end(self, process: Popen[bytes]) -> None:
        """End a process and its group."""
        with self.lock:
            tool = self.running.get(process)
        if tool is not None:
            end_groups({process: tool})
            release_guard(tool.guard)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        with self.lock:
            self.running.pop(process, None)

    def stop(self) -> None:
        """End all processes, and start none any more."""
        with self.lock:
            self.is_stopped, running = True, dict(self.running)
        end_groups(running)


def start_guard(group: int) -> Popen[bytes] | None:
    """Start what ends a group if we are killed; None where there is no shell."""
    words = ["/bin/sh", "-c", GUARD, "sh", str(group)]
    with suppress(OSError):
        return Popen(
            words, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, env={}, start_new_session=True
        )
    return None


def release_guard(guard: Popen[bytes] | None) -> None:
    """Let a guard end: its group is gone."""
    if guard is not None:
        with suppress(OSError):
            guard.communicate(b"\n")


def end_groups(processes: Mapping[Popen[bytes], Tool]) -> None:
    """Ask the groups of processes, and what left them, to end; after a while end them."""
    marks = [tool.mark for tool in processes.values()]
    signal_groups(processes, signal.SIGTERM)
    signal_marked(marks, signal.SIGTERM)
    end = time.monotonic() + GRACE
    try:
        while time.monotonic() < end and any(map(is_group_alive, processes)):
            time.sleep(0.01)
        while time.monotonic() < end and find_marked(marks):
            time.sleep(0.05)
    finally:  # also where a second signal interrupts us
        signal_groups(processes, signal.SIGKILL)
        for _ in range(ROUNDS):
            if not signal_marked(marks, signal.SIGKILL):
                break
    for process in processes:
        process.wait()


def signal_groups(processes: Collection[Popen[bytes]], number: signal.Signals) -> None:
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


def read_output(process: Popen[bytes], data: bytes, deadline: float) -> Output:
    """Write to a process and read what it prints until it has ended, or has to be stopped.

    What it started may hold its pipes open for longer: that is not waited for.
    """
    pipes, stopped = Pipes(process, data), ""
    with pipes.selector:
        while not stopped:
            has_ended = process.poll() is not None  # before reading, so that all it wrote is read
            left = deadline - time.monotonic()
            has_read = pipes.wait(0 if has_ended else max(0.0, min(PAUSE, left)))
            if has_ended and not has_read:
                break
            stopped = "long" if len(pipes.out) > MAX_OUTPUT else "late" if left <= 0 else ""
    return Output(bytes(pipes.out), bytes(pipes.err), stopped)
