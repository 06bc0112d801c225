"""What tests of other programs need: whether a process is there."""

from __future__ import annotations

import time


def is_gone(pid: int) -> bool:
    """Whether a process has ended, within a while; one that nobody waited for has ended."""
    for _ in range(500):
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False
