"""Hold values against schemas that may take for ever: the program that edge/schema_check.py starts.

It reads messages (a line with their size in bytes, then JSON) and writes lines of JSON: that it
begins, each pattern before it is tried, so that the parent knows on which one it was stuck, then
the breach. It has its own process because a pattern, or references to references, may take for
ever, and a thread cannot be ended.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

MAX_SECONDS = 60  # of the processor's time, for each message

Json = dict[str, Any]


def serve() -> None:
    """Answer the messages on stdin until it ends."""
    while (message := read_message()) is not None:
        sys.path[:] = message["path"]  # where the parent found its packages
        limit_time()
        from loki.formats.structured_output import find_schema_violation

        find_schema_violation(None, {})  # loads what it needs, which takes a while
        write_message({"started": True})
        breach = find_schema_violation(message["value"], message["schema"], make_reporter())
        write_message({"breach": breach})


def limit_time() -> None:
    """Let the system end us, where it can, if nobody is left to do it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + MAX_SECONDS
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    if hard == resource.RLIM_INFINITY or seconds < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, hard))


def make_reporter() -> Callable[[str], None]:
    """Return what writes a pattern that is about to be tried, unless it was the last one."""
    last = ""

    def report(pattern: str) -> None:
        nonlocal last
        if pattern != last:
            last = pattern
            write_message({"pattern": pattern})

    return report


def read_message() -> Json | None:
    """Return the next message, None at the end."""
    line = sys.stdin.buffer.readline()
    if not line:
        return None
    found: Json = json.loads(sys.stdin.buffer.read(int(line)))
    return found


def write_message(message: Json) -> None:
    """Write a message: a line of JSON."""
    sys.stdout.buffer.write(json.dumps(message).encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    serve()
    sys.stdout.flush()
    os._exit(0)
