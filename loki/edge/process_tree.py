"""Marks -> the processes that carry one in their environment, and their children: signalled.

A program that makes a session of its own (setsid, as daemons do) leaves its group, not its
environment. That is read from /proc: elsewhere than on Linux nothing is found. Nor is a program
that was started with another environment (env -i, sudo) once its parent has ended. So a tool can
leave a server behind on purpose: ``env -u LOKI_TOOL_CALL setsid server``.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, suppress

VARIABLE = "LOKI_TOOL_CALL"
PROC = "/proc"


def with_mark(environ: Mapping[str, str], mark: str) -> dict[str, str]:
    """Return an environment with a mark, beside those of the tools that we run in ourselves.

    >>> with_mark({"LOKI_TOOL_CALL": "a"}, "b")
    {'LOKI_TOOL_CALL': 'a b'}
    """
    marks = (environ.get(VARIABLE, ""), mark)
    return {**environ, VARIABLE: " ".join(filter(None, marks))}


def signal_marked(marks: Collection[str], number: signal.Signals) -> int:
    """Send a signal to all processes with one of the marks, and those below; return how many.

    Each is held fast before it is looked at again: nobody else gets the signal for its number.
    """
    found = find_marked(marks)
    if not found:
        return 0
    with ExitStack() as stack:
        held: dict[int, int] = {}
        for pid in found:
            with suppress(OSError):
                held[pid] = os.pidfd_open(pid)
                stack.callback(os.close, held[pid])
        still = find_marked(marks) & held.keys()
        for pid in still:
            with suppress(OSError):
                signal.pidfd_send_signal(held[pid], number)
    return len(still)


def find_marked(marks: Collection[str]) -> set[int]:
    """Return the ids of the processes that run with one of the marks, and of all below them."""
    parents = dict(running_processes())
    wanted = [mark.encode() for mark in marks]
    found = {pid for pid in parents if has_mark(pid, wanted)}
    following = found
    while following:
        following = {pid for pid, parent in parents.items() if parent in following} - found
        found |= following
    return found


def running_processes() -> Iterator[tuple[int, int]]:
    """Yield the id of each process that runs, and of its parent; none without /proc."""
    with suppress(OSError):
        for name in os.listdir(PROC):
            if not name.isdecimal():
                continue
            with suppress(OSError, ValueError):
                # pid (name) state ppid …: a name may have spaces and brackets
                state, parent, *_ = read(f"{PROC}/{name}/stat").rpartition(b")")[2].split()
                if state != b"Z":
                    yield int(name), int(parent)


def has_mark(pid: int, marks: Collection[bytes]) -> bool:
    """Return whether a process of ours was started with one of the marks."""
    try:
        variables = read(f"{PROC}/{pid}/environ").split(b"\0")
    except OSError:  # another user's, or it has ended
        return False
    value = next((each for each in variables if each.startswith(VARIABLE.encode() + b"=")), b"")
    return any(mark in value for mark in marks)


def read(path: str) -> bytes:
    """Return what is in a file; raise OSError."""
    with open(path, "rb") as file:
        return file.read()
